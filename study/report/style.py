"""What all figures share: a figure without global state, colours that colour-blind readers can tell apart."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from study.run.atomic import replacing

# Okabe and Ito, "Color Universal Design" (2008).
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#D55E00", "#009E73", "#666666"
DPI = 150


@contextmanager
def drawn(path: Path, width: float = 6.0, height: float = 4.5) -> Iterator[Figure]:
    """Yield an empty figure of `width` × `height` inches and write it to `path` when the block ends well."""
    figure = Figure(figsize=(width, height), layout="constrained")
    yield figure
    save(figure, path)


def save(figure: Figure, path: Path, margins: str | None = None) -> None:
    """Write the figure to `path` as it is laid out, or with `margins="tight"` cut to what is drawn."""
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=DPI, bbox_inches=margins, facecolor="white")


def bare(axes: Axes) -> Axes:
    """Only the two spines that carry a scale, and a grid faint enough to lie behind the data."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#dddddd", linewidth=0.6)
    axes.set_axisbelow(True)
    return axes
