"""The look that the figures of reports share: legible when a phone shows them 400 pixels wide."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.colors import Normalize
from matplotlib.figure import Figure

from study.text import in_figure

# Inches. A page 400 pixels wide shows it at 90 pixels an inch, so that 9 points are 11 pixels.
WIDTH = 4.2
HATCH = "////"
EMPTY = "#eeeeee"
INK = "#444444"
EVEN = 0.179  # luminance on which black and white are read equally well, (L + 0.05)² = 1.05 · 0.05

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


def headline(figure: Figure, lines: Sequence[str]) -> None:
    """A title over the whole figure, which has more room than the plot, in as many lines as it takes."""
    fitting = int(figure.get_figwidth() * 14)
    wrapped = [piece for line in lines if line for piece in textwrap.wrap(in_figure(line), fitting)]
    figure.suptitle("\n".join(wrapped), size=9.5)


def legend_below(figure: Figure, columns: int = 2, **entries: Any) -> None:
    """A legend under the plots, in fewer columns where it would be wider than the figure and lose its ends.

    Args:
        figure: its labelled lines are the entries, unless given.
        columns: at most.
        **entries: `handles` and `labels` as of matplotlib.
    """
    for n in range(columns, 0, -1):
        legend = figure.legend(**entries, frameon=False, loc="outside lower center", ncols=n)
        if n == 1 or legend.get_window_extent().width <= figure.bbox.width:
            return
        legend.remove()


@contextmanager
def legible() -> Iterator[None]:
    with mpl.rc_context(FONTS):
        yield


def scale_of(means: Sequence[float]) -> Normalize:
    """From the least to the greatest, but not so narrow that rounding would look like a difference."""
    if not means:
        return Normalize(0, 1)
    low, high = min(means), max(means)
    least = 0.002 * max(abs(low), abs(high), 1e-12)
    margin = max(0.0, (least - (high - low)) / 2)
    return Normalize(low - margin, high + margin)


def is_dark(colour: Sequence[float]) -> bool:
    """Whether white is read better on this sRGB colour than black."""
    return _luminance(colour) < EVEN


def _luminance(colour: Sequence[float]) -> float:
    """Relative luminance of an sRGB colour, as WCAG defines it."""
    linear = np.where(
        np.array(colour) <= 0.04045, np.array(colour) / 12.92, ((np.array(colour) + 0.055) / 1.055) ** 2.4
    )
    return float(linear @ (0.2126, 0.7152, 0.0722))
