"""A section of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from study.report.picture import Picture
from study.report.sheet import Sheet


@dataclass(frozen=True)
class Part:
    """A section: sentences, then figures, then tables; `key` is its anchor."""

    key: str
    heading: str
    sentences: Sequence[str] = ()
    pictures: Sequence[Picture] = ()
    sheets: Sequence[Sheet] = ()
