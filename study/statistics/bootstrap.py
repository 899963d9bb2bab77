"""Intervals from resampled rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from study.statistics.checks import require_share
from study.statistics.undecided import Undecided, constant, unusable

Method = Literal["BCa", "percentile", "basic"]

# Resampling knows the spread of the rows that are there, and fewer than these show too little of it: from five rows of
# a normal distribution 95% intervals hold the mean five times in six.
FEW_ROWS = 10


@dataclass(frozen=True)
class Bootstrap:
    """A mean and its bootstrap interval, which is too narrow for fewer than `FEW_ROWS` rows."""

    n: int
    mean: float
    low: float
    high: float
    level: float
    method: Method
    n_resamples: int

    def __str__(self) -> str:
        return (
            f"{self.mean:.4g}, {self.level:.0%} interval {self.low:.4g} to {self.high:.4g} "
            f"(bootstrap of {self.n} rows, {self.method})"
        )


def bootstrap_mean(
    values: Sequence[float],
    seed: int,
    *,
    level: float = 0.95,
    method: Method = "BCa",
    n_resamples: int = 9999,
    unit: str = "row",
) -> Bootstrap | Undecided:
    """Bootstrap interval of a mean, by scipy; BCa is Efron's, corrected for bias and skewness (1987).

    It takes values as independent: rows of one test part (hits, losses, or paired differences of losses), or whole
    datasets. Folds are not; see `corrected_t`.

    Args:
        values: one number a row, (n,).
        seed: of the resamples.
        level: of the interval.
        method: one of scipy's.
        n_resamples: how many.
        unit: what a value belongs to, in the singular.

    Raises:
        StudyError: if `level` is no share.
    """
    from scipy import stats

    require_share("level", level)
    bad = unusable(values, 2, unit)
    if bad:
        return bad
    numbers = np.asarray(values, dtype=np.float64)
    if constant(numbers.tolist()):
        return Undecided(
            f"all {len(numbers)} {unit}s have the value {numbers[0]:.4g}, so that there is no spread"
        )
    found = stats.bootstrap(
        (numbers,),
        np.mean,
        confidence_level=level,
        method=method,
        n_resamples=n_resamples,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Bootstrap(
        len(numbers), float(numbers.mean()), float(found.low), float(found.high), level, method, n_resamples
    )


def bootstrap_rows(
    statistic: Callable[[np.ndarray], np.ndarray],
    n: int,
    seed: int,
    *,
    level: float = 0.95,
    method: Method = "BCa",
    n_resamples: int = 4999,
) -> Bootstrap | Undecided:
    """As `bootstrap_mean`, of any number that is computed from whole rows, such as a metric or its paired difference.

    Args:
        statistic: positions of rows (…, n), with repetition → the number for each list of rows (…).
        n: how many rows there are; at least 2.
        seed: of the resamples.
        level: of the interval.
        method: one of scipy's.
        n_resamples: how many.

    Returns:
        The interval, with `mean` the number for all rows as they are.
    """
    from scipy import stats

    require_share("level", level)
    if n < 2:
        return Undecided(f"it takes at least 2 rows, and there {'is one' if n == 1 else 'are none'}")
    found = float(statistic(np.arange(n)))
    # What each row counts for, by leaving it out: where none changes the number, resampling says nothing either.
    others = np.array([np.delete(np.arange(n), row) for row in range(n)])
    if constant([found, *np.atleast_1d(statistic(others))]):
        return Undecided(f"every row says the same, {found:.4g}, so that there is no spread")

    def of(rows: np.ndarray, axis: int = -1) -> np.ndarray:
        return np.asarray(statistic(rows.astype(np.int64)))

    interval = stats.bootstrap(
        (np.arange(n),),
        of,
        confidence_level=level,
        method=method,
        n_resamples=n_resamples,
        vectorized=True,
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Bootstrap(n, found, float(interval.low), float(interval.high), level, method, n_resamples)
