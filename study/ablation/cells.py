"""Jobs that differ in repeats alone, taken together: the cells of the heat map and the points of the other figures."""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from study.ablation.axes import Axes, Axis
from study.ablation.collect import FAILED, FINISHED, MISSING, UNFINISHED, Collected
from study.ablation.intervals import Interval, student_t
from study.ablation.sweep import PREFIX, label

UNDEFINED = "undefined"
TROUBLES = (FAILED, UNFINISHED, MISSING, UNDEFINED)


@dataclass(frozen=True, eq=False)
class Cell:
    """The jobs of one configuration.

    Attributes:
        panel, y, x: the values, as they are written on the command line; "" where there is no such axis.
        jobs: their rows of the table.
        interval: of the metric, over the jobs that have it; None if none has.
        troubles: how many jobs have no value, by what became of them.
    """

    panel: tuple[str, ...]
    y: str
    x: str
    jobs: pd.DataFrame
    interval: Interval | None
    troubles: Counter[str]

    @property
    def n(self) -> int:
        return 0 if self.interval is None else self.interval.n

    @property
    def words(self) -> str:
        """What is wrong with the cell, as in "failed 1/3"; "" if nothing is."""
        if not len(self.jobs):
            return "not swept"
        return ", ".join(
            f"{kind} {self.troubles[kind]}/{len(self.jobs)}" for kind in TROUBLES if self.troubles[kind]
        )

    def mean(self, column: str) -> float | None:
        """The mean of a column of the table over the jobs that have a value in it."""
        values = self.values(column)
        return sum(values) / len(values) if values else None

    def values(self, column: str) -> list[float]:
        return [float(value) for value in self.jobs[column].dropna()] if column in self.jobs else []


@dataclass(frozen=True, eq=False)
class Grid:
    """All cells of a report, and how they are arranged."""

    axes: Axes
    metric: str
    cells: tuple[Cell, ...]

    @property
    def panels(self) -> list[tuple[str, ...]]:
        return list(itertools.product(*(axis.labels for axis in self.axes.panels)))

    def of(self, panel: tuple[str, ...]) -> list[Cell]:
        return [cell for cell in self.cells if cell.panel == panel]

    def title(self, panel: tuple[str, ...]) -> str:
        """As in "ansatz=separable, n_qubits=4"; "" if there is one panel only."""
        return ", ".join(f"{axis.key}={value}" for axis, value in zip(self.axes.panels, panel, strict=True))

    def name(self, cell: Cell) -> str:
        """The configuration, as in "encoding=iqp, depth=2", in the order of the command line."""
        values = {axis.key: value for axis, value in zip(self.axes.panels, cell.panel, strict=True)}
        places = ((self.axes.y, cell.y), (self.axes.x, cell.x))
        values |= {axis.key: value for axis, value in places if axis is not None}
        words = [f"{key}={values[key]}" for key in self.axes.typed]
        return ", ".join(words) or "the one configuration"


def make_grid(collected: Collected, axes: Axes, metric: str) -> Grid:
    """Every combination of the axes' values, in order: panels, then y, then x; combinations without a job too."""
    keys = [*(axis.key for axis in axes.panels), *(axis.key for axis in (axes.y, axes.x) if axis is not None)]
    groups: dict[tuple[str, ...], list[int]] = {}
    for position, job in enumerate(collected.sweep.jobs):
        groups.setdefault(tuple(label(job.values[key]) for key in keys), []).append(position)
    cells = []
    for panel in itertools.product(*(axis.labels for axis in axes.panels)):
        for y, x in itertools.product(_labels(axes.y), _labels(axes.x)):
            place = (*panel, *([y] if axes.y else []), *([x] if axes.x else []))
            jobs = collected.table.iloc[groups.get(place, [])]
            cells.append(_cell(panel, y, x, jobs, metric))
    return Grid(axes, metric, tuple(cells))


def interval_of(
    values: Sequence[float], how: Callable[[Sequence[float]], Interval] = student_t
) -> Interval | None:
    """The interval of those values that are finite; None if none is."""
    finite = [value for value in values if math.isfinite(value)]
    return how(finite) if finite else None


def _cell(panel: tuple[str, ...], y: str, x: str, jobs: pd.DataFrame, metric: str) -> Cell:
    troubles: Counter[str] = Counter(str(status) for status in jobs["status"] if status != FINISHED)
    finished = jobs[jobs["status"] == FINISHED]
    column = f"{PREFIX}{metric}"
    values = [float(value) for value in finished[column].dropna()] if column in finished else []
    troubles[UNDEFINED] = len(finished) - len(values)
    return Cell(panel, y, x, jobs, interval_of(values), troubles)


def _labels(axis: Axis | None) -> list[str]:
    return [""] if axis is None else axis.labels
