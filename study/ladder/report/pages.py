"""The page of an evaluation, HTML and Markdown, from the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from study.report.part import Part
from study.report.templating import environment

TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True)
class Page:
    """Everything that the page says.

    Attributes:
        title: of the page.
        facts: run, data and rows in one line.
        warnings: what has to be known before reading on.
        parts: the sections in order.
    """

    title: str
    facts: str
    warnings: Sequence[str]
    parts: Sequence[Part]


def html(page: Page) -> str:
    """One file with everything in it: it opens from disk, without a network."""
    return environment(TEMPLATES, True).get_template("evaluation.html.j2").render(page=page)


def markdown(page: Page) -> str:
    """The same for a terminal or a forge; its figures are the files beside it."""
    return environment(TEMPLATES, False).get_template("evaluation.md.j2").render(page=page)
