"""The heat map: the mean validation metric of every configuration, with what it is worth in the cell itself."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes as Plot
from matplotlib.colors import Colormap, Normalize
from matplotlib.patches import Patch, Rectangle

from study.ablation.axes import Axis
from study.ablation.cells import Cell, Grid
from study.ablation.measures import Measure, over_words
from study.report.palette import EMPTY, HATCH, INK, WIDTH, headline, is_dark, legible, scale_of
from study.report.style import drawn
from study.report.words import counted
from study.text import in_figure

CELL_WIDTH, CELL_HEIGHT = 0.98, 0.72


def heat_map(path: Path, grid: Grid, panel: tuple[str, ...], measure: Measure) -> float:
    """Draw one panel; all panels share one scale, on which brighter is better.

    A cell holds the mean, its 95% interval and the number of runs. Cells with jobs that gave no value are hatched and
    say so; those with no value at all stay grey.

    Returns:
        The width in inches.
    """
    axes, cells = grid.axes, grid.of(panel)
    columns, rows = _labels(axes.x), _labels(axes.y)
    height = 1.75 + (CELL_HEIGHT + 0.13 * _most_lines(cells)) * len(rows)
    width = max(WIDTH, 0.55 + 0.09 * max(map(len, rows)) + CELL_WIDTH * len(columns))
    scale, colours = _scale(grid), mpl.colormaps["cividis_r" if measure.higher is False else "cividis"]
    with legible(), drawn(path, width=width, height=height) as figure:
        plot: Plot = figure.subplots()
        for number, cell in enumerate(cells):
            row, column = divmod(number, len(columns))
            _draw_cell(plot, column, row, cell, measure, scale, colours)
        plot.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        plot.set_xticks(range(len(columns)), columns)
        plot.set_yticks(range(len(rows)), rows)
        plot.tick_params(length=0)
        plot.spines[:].set_visible(False)
        plot.set_xlabel(axes.x.key if axes.x else "")
        plot.set_ylabel(axes.y.key if axes.y else "")
        headline(figure, _title(grid, panel, measure))
        if any(cell.interval for cell in grid.cells):
            mappable = mpl.cm.ScalarMappable(scale, colours)
            bar = figure.colorbar(mappable, ax=plot, location="bottom", aspect=30, fraction=0.06, pad=0.02)
            bar.set_label(f"mean{f' ({measure.direction})' if measure.direction else ''}")
            bar.outline.set_visible(False)
        if any(cell.words for cell in cells):
            patch = Patch(
                facecolor=EMPTY, edgecolor=INK, hatch=HATCH, linewidth=0, label="jobs without a value"
            )
            figure.legend(handles=[patch], frameon=False, loc="outside lower center")
    return width


def cell_lines(cell: Cell, measure: Measure) -> list[str]:
    """What stands in a cell, line by line."""
    troubles = cell.words.split(", ") if cell.words else []
    if cell.interval is None:
        return troubles
    span = measure.range_text(cell.interval) or "no interval"
    return [measure.text(cell.interval.mean), span, f"n = {cell.n}", *troubles]


def _draw_cell(
    plot: Plot, column: int, row: int, cell: Cell, measure: Measure, scale: Normalize, colours: Colormap
) -> None:
    colour = mpl.colors.to_rgb(EMPTY) if cell.interval is None else colours(scale(cell.interval.mean))[:3]
    dark = is_dark(colour)
    corner = (column - 0.5, row - 0.5)
    plot.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=2))
    if cell.words:
        lines = "white" if dark else INK
        plot.add_patch(
            Rectangle(corner, 1, 1, facecolor="none", edgecolor=lines, hatch=HATCH, linewidth=0, alpha=0.45)
        )
    box = {"facecolor": colour, "edgecolor": "none", "pad": 1.5, "alpha": 0.9} if cell.words else None
    ink = "white" if dark else "black"
    mean, *rest = [*cell_lines(cell, measure), ""]
    text = "\n".join([mean, *rest]).rstrip("\n")
    if cell.interval is None:
        plot.text(column, row, text, ha="center", va="center", color=ink, size=8, bbox=box)
        return
    # Two texts, since a text has one size: the blank lines keep each in the other's place.
    below = "\n".join(["", *rest]).rstrip("\n")
    plot.text(column, row, below, ha="center", va="center", color=ink, size=8, linespacing=1.25, bbox=box)
    above = mean + "\n" * below.count("\n")
    plot.text(
        column, row, above, ha="center", va="center", color=ink, size=8, linespacing=1.25, weight="bold"
    )


def _scale(grid: Grid) -> Normalize:
    """One scale for all panels."""
    return scale_of([cell.interval.mean for cell in grid.cells if cell.interval])


def _title(grid: Grid, panel: tuple[str, ...], measure: Measure) -> list[str]:
    over = grid.axes.over
    runs = max((cell.n for cell in grid.of(panel)), default=0)
    what = f"Mean validation {measure.name}"
    if not over:
        second = "one run a cell: no intervals"
    elif runs < 2:
        second = f"fewer than two runs a cell over {over_words(over)}: no intervals"
    else:
        second = f"with 95% t-intervals over {over_words(over)} (up to {counted(runs, 'run')})"
    return [what, second, grid.title(panel)]


def _most_lines(cells: Sequence[Cell]) -> int:
    """How many lines of trouble the worst cell has beside its numbers."""
    return max((cell.words.count(",") + 1 for cell in cells if cell.words and cell.interval), default=0)


def _labels(axis: Axis | None) -> list[str]:
    return [""] if axis is None else [in_figure(text) for text in axis.labels]
