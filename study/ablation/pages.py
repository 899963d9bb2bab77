"""The two pages of a report, Markdown and HTML, from the same parts through templates."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from study.ablation.gallery import Picture
from study.ablation.tables import Sheet

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
    return _environment(autoescape=True).get_template("report.html.j2").render(page=page)


def markdown(page: Page) -> str:
    """The same for a terminal or a forge; its figures are the files beside it."""
    return _environment(autoescape=False).get_template("report.md.j2").render(page=page)


def embedded(path: Path) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def escaped(text: str) -> str:
    """Text that Markdown takes as it is, in a sentence or in a cell of a table."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


@cache
def _environment(autoescape: bool) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["embedded"] = embedded
    environment.filters["escaped"] = escaped
    return environment
