"""The metric, and the gradient at the start, against what was varied and against what it cost: one line a y value."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes as Plot
from matplotlib.ticker import FixedLocator, NullLocator, ScalarFormatter

from study.ablation.axes import Axis
from study.ablation.cells import Cell, Grid, interval_of
from study.ablation.intervals import Interval, log_student_t, student_t
from study.ablation.measures import Measure, over_words
from study.report.palette import WIDTH, headline, legible, look
from study.report.style import bare, drawn
from study.text import in_figure

WIDE = 10.0  # a largest value this many times the smallest is shown on a logarithmic scale
DODGE = 0.05  # of the smallest gap between two x values, so that intervals do not cover each other


@dataclass(frozen=True)
class Point:
    x: float
    interval: Interval


Lines = dict[str, list[Point | None]]


def metric_against_axis(path: Path, grid: Grid, panel: tuple[str, ...], measure: Measure) -> bool:
    """The mean metric against the x axis. Returns whether there was anything to draw."""
    lines = _lines(grid, panel, lambda cell: _place(grid.axes.x, cell), lambda cell: cell.interval)
    if grid.axes.x is None or not _drawn_points(lines):
        return False
    title = f"Validation {measure.name} against {grid.axes.x.key}"
    with _plot(path, grid, panel, title, _any_cut(lines, measure.bounds)) as plot:
        _draw(plot, lines, _gap(grid.axes.x), joined=grid.axes.x.numeric, bounds=measure.bounds)
        _x_axis(plot, grid.axes.x)
        _y_axis(plot, measure.bounds)
        plot.set_ylabel(measure.axis_label)
    return True


def metric_against_column(
    path: Path, grid: Grid, panel: tuple[str, ...], measure: Measure, columns: Sequence[str], name: str
) -> bool:
    """The mean metric against the sum of columns of the table, each the mean over a cell's jobs.

    Returns:
        Whether there was anything to draw.
    """
    lines = _lines(grid, panel, lambda cell: _total(cell, columns), lambda cell: cell.interval)
    places = [point.x for point in _drawn_points(lines)]
    if not places:
        return False
    title = f"Validation {measure.name} against {name}"
    with _plot(path, grid, panel, title, _any_cut(lines, measure.bounds)) as plot:
        # No point is moved aside: here the place is a number that was measured.
        _draw(plot, lines, 0.0, joined=grid.axes.x is not None and grid.axes.x.numeric, bounds=measure.bounds)
        if _wide(places):
            plot.set_xscale("log")
        elif max(places) >= 1000:
            plot.xaxis.set_major_formatter("{x:,.0f}")
            plot.locator_params(axis="x", nbins=5)
        _y_axis(plot, measure.bounds)
        plot.set(xlabel=name, ylabel=measure.axis_label)
    return True


def gradient_against_axis(path: Path, grid: Grid, panel: tuple[str, ...]) -> bool:
    """The norm of the loss gradient before the first step, against the x axis.

    Over orders of magnitude it is the geometric mean on a logarithmic scale.

    Returns:
        Whether there was anything to draw.
    """
    axis, column = grid.axes.x, "gradient_norm_start"
    values = [value for cell in grid.of(panel) for value in cell.values(column)]
    if axis is None or not values:
        return False
    wide = _wide(values)
    how = log_student_t if wide else student_t
    lines = _lines(
        grid, panel, lambda cell: _place(axis, cell), lambda cell: interval_of(cell.values(column), how)
    )
    # A norm is not negative, and few runs make an interval of logarithms that dwarfs every mean.
    means = [point.interval.mean for point in _drawn_points(lines)]
    bounds = (min(means) / 30, 30 * max(means)) if wide else (0.0, math.inf)
    title = f"Gradient norm at the start against {axis.key}"
    with _plot(path, grid, panel, title, _any_cut(lines, bounds)) as plot:
        if wide:
            plot.set_yscale("log")
        _draw(plot, lines, _gap(axis), joined=axis.numeric, bounds=bounds)
        _x_axis(plot, axis)
        plot.set_ylabel(f"gradient norm (L2)\n{'geometric mean' if wide else 'mean'}")
        _y_axis(plot, bounds, from_zero=not wide)
    return True


@contextlib.contextmanager
def _plot(path: Path, grid: Grid, panel: tuple[str, ...], title: str, cut: bool) -> Iterator[Plot]:
    over = grid.axes.over
    known = any(cell.n > 1 for cell in grid.of(panel))
    bars = f"mean and 95% t-interval over {over_words(over)}" if known else "one run a point: no intervals"
    # A legend in columns below takes less of a narrow page than one at the side.
    legend_rows = math.ceil(len(grid.axes.y.values) / 3) if grid.axes.y else 0
    with legible(), drawn(path, width=WIDTH, height=3.5 + 0.2 * (legend_rows + len(panel[:1]))) as figure:
        plot = bare(figure.subplots())
        yield plot
        headline(
            figure,
            [title, bars, "an arrow: the bar goes on, and is cut here" if cut else "", grid.title(panel)],
        )
        handles, labels = plot.get_legend_handles_labels()
        if grid.axes.y is not None and handles:
            figure.legend(
                handles, labels, title=grid.axes.y.key, frameon=False, loc="outside lower center",
                ncols=min(3, len(labels)),
            )  # fmt: skip


def _lines(
    grid: Grid,
    panel: tuple[str, ...],
    place: Callable[[Cell], float | None],
    value: Callable[[Cell], Interval | None],
) -> Lines:
    """The points of each y value in the order of the x axis; None for a cell without a value, where the line breaks."""
    lines: dict[str, list[Point | None]] = {}
    for cell in grid.of(panel):
        x, interval = place(cell), value(cell)
        point = None if x is None or interval is None else Point(x, interval)
        lines.setdefault(cell.y, []).append(point)
    return lines


def _drawn_points(lines: Lines) -> list[Point]:
    return [point for line in lines.values() for point in line if point is not None]


def _any_cut(lines: Lines, bounds: tuple[float, float]) -> bool:
    intervals = [point.interval for point in _drawn_points(lines)]
    return any(_cut(interval, bounds)[side][1] for interval in intervals if interval.known for side in (0, 1))


def _cut(interval: Interval, bounds: tuple[float, float]) -> tuple[tuple[float, bool], tuple[float, bool]]:
    """Both ends of an interval within the bounds, each with whether it was moved there."""
    assert interval.low is not None
    assert interval.high is not None
    least, most = bounds
    return (max(interval.low, least), interval.low < least), (min(interval.high, most), interval.high > most)


def _draw(plot: Plot, lines: Lines, gap: float, joined: bool, bounds: tuple[float, float]) -> None:
    """Draw points and lines, and bars as far as the bounds, at which an arrow says that they go on."""
    for number, (name, points) in enumerate(lines.items()):
        style = look(number)
        shift = gap * DODGE * (number - (len(lines) - 1) / 2)
        # NaN breaks the line: joining across a missing cell would show a value that nobody measured.
        xs = [math.nan if point is None else point.x + shift for point in points]
        means = [math.nan if point is None else point.interval.mean for point in points]
        for x, point in zip(xs, points, strict=True):
            if point is None or not point.interval.known:
                continue
            (low, low_cut), (high, high_cut) = _cut(point.interval, bounds)
            bar: dict[str, Any] = {"color": style.colour, "alpha": 0.75}
            plot.plot([x, x], [low, high], linewidth=1.3, **bar)
            for end, marker in ((low, "v" if low_cut else "_"), (high, "^" if high_cut else "_")):
                plot.plot([x], [end], marker=marker, markersize=6, clip_on=False, **bar)
        plot.plot(
            xs,
            means,
            marker=style.marker,
            linestyle=style.line if joined else "none",
            color=style.colour,
            label=in_figure(name) or None,
            markersize=5,
            linewidth=1.5,
            clip_on=False,  # a marker at the edge is shown whole
        )


def _y_axis(plot: Plot, bounds: tuple[float, float], from_zero: bool = False) -> None:
    """No tick where no value can be; a small margin keeps what lies on a bound off the edge."""
    if plot.get_yscale() == "log":
        return
    if from_zero:
        plot.set_ylim(bottom=0)
        return
    least, most = bounds
    low, high = plot.get_ylim()
    margin, near = 0.02 * (high - low), 1e-9 * (high - low)  # ticks are rounded: 1.0000000000000002
    low, high = max(low, least - margin), min(high, most + margin)
    plot.set_yticks(
        [tick for tick in plot.get_yticks() if max(least, low) - near <= tick <= min(most, high) + near]
    )
    plot.set_ylim(low, high)


def _place(axis: Axis | None, cell: Cell) -> float | None:
    if axis is None:
        return None
    position = axis.labels.index(cell.x)
    return float(axis.values[position]) if axis.numeric else float(position)


def _total(cell: Cell, columns: Sequence[str]) -> float | None:
    if cell.interval is None:
        return None
    means = [cell.mean(column) for column in columns]
    return None if means[0] is None else sum(mean for mean in means if mean is not None)


def _gap(axis: Axis) -> float:
    if not axis.numeric:
        return 1.0
    gaps = [after - before for before, after in zip(axis.values, axis.values[1:], strict=False)]
    return 0.0 if _wide(axis.values) else float(min(gaps, default=1.0))


def _x_axis(plot: Plot, axis: Axis) -> None:
    plot.set_xlabel(axis.key)
    if not axis.numeric:
        turned = sum(map(len, axis.labels)) > 40
        plot.set_xticks(
            range(len(axis.labels)),
            [in_figure(text) for text in axis.labels],
            rotation=35 if turned else 0,
            ha="right" if turned else "center",
        )
        plot.set_xlim(-0.5, len(axis.labels) - 0.5)
        return
    if _wide(axis.values):
        plot.set_xscale("log")
    if len(axis.values) <= 10:
        plot.xaxis.set_major_locator(FixedLocator([float(value) for value in axis.values]))
        plot.xaxis.set_minor_locator(NullLocator())
        if all(abs(value) >= 1e-3 for value in axis.values if value):
            plot.xaxis.set_major_formatter(ScalarFormatter())


def _wide(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) > WIDE * min(values)
