"""How well a mean is known: Student's t over the repeats."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """The mean of `n` values and its interval; one value has none (`low` and `high` are None)."""

    n: int
    mean: float
    low: float | None = None
    high: float | None = None

    @property
    def known(self) -> bool:
        return self.low is not None

    def overlaps(self, other: Interval) -> bool | None:
        """Whether the two have a value in common; None where one of them has no interval."""
        if self.low is None or self.high is None or other.low is None or other.high is None:
            return None
        return self.low <= other.high and other.low <= self.high


def student_t(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The mean and its Student-t interval, mean ± t(n - 1) · s / √n.

    It takes the values as independent draws from a normal distribution, and may reach beyond the range that a metric
    can take. Equal values give an interval without width.

    Raises:
        ValueError: without values, or with some that are not finite.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if not len(numbers) or not np.isfinite(numbers).all():
        raise ValueError("an interval needs one or more finite values")
    mean = float(numbers.mean())
    if len(numbers) == 1:
        return Interval(1, mean)
    # Equal values differ from their own mean by rounding, which is no width.
    error = float(numbers.std(ddof=1)) / math.sqrt(len(numbers)) if np.ptp(numbers) else 0.0
    half = float(stats.t.ppf(0.5 + level / 2, len(numbers) - 1)) * error
    return Interval(len(numbers), mean, mean - half, mean + half)


def log_student_t(values: Sequence[float], level: float = LEVEL) -> Interval:
    """The geometric mean and the interval of the logarithms' mean, for positive values over orders of magnitude."""
    logs = student_t(np.log(np.asarray(values, dtype=np.float64)).tolist(), level)
    if logs.low is None or logs.high is None:
        return Interval(logs.n, math.exp(logs.mean))
    return Interval(logs.n, math.exp(logs.mean), math.exp(logs.low), math.exp(logs.high))
