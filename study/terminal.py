"""The terminal: text is printed as it is, whatever it looks like."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.text import Text

from study.text import in_lines


class Terminal(Console):
    """A console on which square brackets are no markup, colons no emoji, and control characters are written out.

    A style is given beside the text, as in ``console.print(text, style="red")``. Options are those of rich's Console.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, highlight=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        # Before the layout, so that columns are as wide as what stands in them.
        return super().render_str(in_lines(text), **options)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterator[Segment]:
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=in_lines(segment.text))
