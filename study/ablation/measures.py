"""What the numbers of a report are called, which direction is better, and how they are written."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from study.ablation.intervals import Interval
from study.report.columns import METRICS, significant
from study.report.words import listed

FREE = (-math.inf, math.inf)
UNIT = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "calibration_error")
BOUNDS = {
    **dict.fromkeys(UNIT, (0.0, 1.0)),
    **dict.fromkeys(("log_loss", "mae", "rmse"), (0.0, math.inf)),
    "r2": (-math.inf, 1.0),
}


@dataclass(frozen=True)
class Measure:
    """A metric: its key, its name in prose, how it is written; `higher` is None if no direction is known."""

    key: str
    name: str
    higher: bool | None
    text: Callable[[float], str]

    @property
    def direction(self) -> str:
        return {True: "higher is better", False: "lower is better", None: ""}[self.higher]

    @property
    def bounds(self) -> tuple[float, float]:
        """The least and the greatest value that it can take."""
        return BOUNDS.get(self.key, FREE)

    @property
    def axis_label(self) -> str:
        """For the axis of a figure, in two lines."""
        return f"validation {self.name}" + (f"\n({self.direction})" if self.direction else "")

    def range_text(self, interval: Interval) -> str:
        """As in "0.91 to 0.97"; "" if there is no interval."""
        if interval.low is None or interval.high is None:
            return ""
        return f"{self.text(interval.low)} to {self.text(interval.high)}"

    def best(self, means: Sequence[float]) -> float:
        return min(means) if self.higher is False else max(means)


def measure(task: str, key: str) -> Measure:
    """The metric with this key; one that no table of ours declares is called by its key."""
    for column in METRICS[task]:
        if column.key == key:
            return Measure(key, column.name, column.higher_is_better, column.text)
    return Measure(key, key.replace("_", " "), None, significant)


def over_words(over: Sequence[str]) -> str:
    """What an interval is over, as in "seed and split.fold"."""
    return listed(over) if over else "no repeats"
