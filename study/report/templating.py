"""How the pages of a report are made from templates: HTML with everything in it, and Markdown."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

# Style and macros that all reports share.
SHARED = Path(__file__).parent / "templates"


def embedded(path: Path) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


def escaped(text: str) -> str:
    """Text that Markdown takes as it is, in a sentence or in a cell of a table."""
    for character in "\\`*_[]<>|#":
        text = text.replace(character, f"\\{character}")
    return " ".join(text.split())


@cache
def environment(templates: Path, autoescape: bool) -> Environment:
    """Templates of a report, and the shared ones; filters `embedded` and `escaped`.

    Args:
        templates: folder of the report's own.
        autoescape: for HTML.
    """
    made = Environment(
        loader=FileSystemLoader([templates, SHARED]),
        autoescape=autoescape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["embedded"] = embedded
    made.filters["escaped"] = escaped
    return made
