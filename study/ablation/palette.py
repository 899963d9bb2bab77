"""The look that the figures of an ablation share: legible when a phone shows them 400 pixels wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure

# Inches. A page 400 pixels wide shows it at 90 pixels an inch, so that 9 points are 11 pixels.
WIDTH = 4.2
HATCH = "////"
EMPTY = "#eeeeee"
INK = "#444444"

# Okabe and Ito, "Color Universal Design" (2008), without the yellow that white paper swallows.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#000000")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")
LINES = ("-", "--", ":", "-.")
FONTS: Any = {
    "font.size": 9,
    "axes.titlesize": 9.5,
    "axes.labelsize": 9,
    "xtick.labelsize": 8.5,
    "ytick.labelsize": 8.5,
    "legend.fontsize": 8.5,
    "hatch.linewidth": 0.6,
}


@dataclass(frozen=True)
class Look:
    """How one line is told from the others, without colour too."""

    colour: str
    marker: str
    line: str


def look(number: int) -> Look:
    """The look of line `number`; the line style changes when the colours are used up."""
    size = len(COLOURS)
    return Look(COLOURS[number % size], MARKERS[number % size], LINES[(number // size) % len(LINES)])


def literal(text: str) -> str:
    """Text that came from a configuration: a dollar in it begins no formula."""
    return text.replace("$", r"\$")


def headline(figure: Figure, lines: Sequence[str]) -> None:
    """A title over the whole figure, which has more room than the plot, in as many lines as it takes."""
    fitting = int(figure.get_figwidth() * 14)
    wrapped = [piece for line in lines if line for piece in textwrap.wrap(literal(line), fitting)]
    figure.suptitle("\n".join(wrapped), size=9.5)


@contextmanager
def legible() -> Iterator[None]:
    with mpl.rc_context(FONTS):
        yield
