"""How the pages of a report are made from templates: HTML with everything in it, and Markdown."""

from __future__ import annotations

import base64
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from study.text import in_lines, in_markdown, visible

# Style and macros that all reports share.
SHARED = Path(__file__).parent / "templates"


def embedded(path: Path) -> str:
    """A PNG as a data URI."""
    return f"data:image/png;base64,{base64.b64encode(path.read_bytes()).decode('ascii')}"


@cache
def environment(templates: Path, html: bool) -> Environment:
    """Return templates of a report, and the shared ones, in which every value is text and no markup.

    Jinja escapes it in HTML, and `in_markdown` in Markdown, where Jinja only lets the output of macros pass.
    Filters: `embedded` a PNG; in Markdown also `code`, for an indented line, and `linked`, for the address of a file.

    Args:
        templates: folder of the report's own.
        html: whether they are HTML; else they are Markdown.
    """

    def text(value: Any) -> Any:
        if isinstance(value, Markup):
            return value
        return in_lines(str(value)) if html else Markup(in_markdown(str(value)))

    made = Environment(
        loader=FileSystemLoader([templates, SHARED]),
        autoescape=True,
        finalize=text,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    made.filters["embedded"] = embedded
    made.filters["code"] = lambda line: Markup(visible(line))
    made.filters["linked"] = lambda name: Markup(quote(name))
    return made
