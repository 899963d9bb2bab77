"""The two pages of a report, Markdown and HTML, from the same parts through templates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from study.report.picture import Picture
from study.report.sheet import Sheet
from study.report.templating import environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Section:
    """A heading and what was found, sentence by sentence."""

    heading: str
    sentences: Sequence[str]
    sheets: Sequence[Sheet] = ()


@dataclass(frozen=True)
class Panel:
    """The figures and the table of one combination of the panels' keys; `heading` is "" if there is one only."""

    heading: str
    pictures: Sequence[Picture]
    sheet: Sheet


@dataclass(frozen=True)
class Page:
    """Everything that a report says."""

    title: str
    overrides: str
    created: str
    summary: Sequence[Section]
    panels: Sequence[Panel]
    undrawn: str
    troubles: Sheet | None
    jobs: Sheet


def html(page: Page) -> str:
    """One file with everything in it: it opens from disk, without a network."""
    return environment(TEMPLATES, True).get_template("report.html.j2").render(page=page)


def markdown(page: Page) -> str:
    """The same for a terminal or a forge; its figures are the files beside it."""
    return environment(TEMPLATES, False).get_template("report.md.j2").render(page=page)
