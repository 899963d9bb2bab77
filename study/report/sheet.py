"""A table of a report, as rows of text that its HTML and its Markdown print alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NOTHING = "–"


@dataclass(frozen=True)
class Sheet:
    """A table: `numeric` says which columns are set right-aligned, `marked` which rows are not as they should be."""

    caption: str
    header: list[str]
    numeric: list[bool]
    rows: list[list[str]]
    marked: list[bool]


def without_empty_end(sheet: Sheet) -> Sheet:
    """Without its last column, if that is empty in every row."""
    if any(row[-1] for row in sheet.rows):
        return sheet
    rows = [row[:-1] for row in sheet.rows]
    return Sheet(sheet.caption, sheet.header[:-1], sheet.numeric[:-1], rows, sheet.marked)


def plain_sheet(
    caption: str, header: Sequence[str], rows: Sequence[Sequence[str]], text_columns: int = 1
) -> Sheet:
    """A table without marked rows, whose first `text_columns` columns are words and the others numbers."""
    numeric = [number >= text_columns for number in range(len(header))]
    return Sheet(caption, list(header), numeric, [list(row) for row in rows], [False] * len(rows))
