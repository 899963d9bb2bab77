"""Intervals from resampled rows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from study.statistics.checks import require_share
from study.statistics.undecided import Undecided, constant, unusable

Method = Literal["BCa", "percentile", "basic"]


@dataclass(frozen=True)
class Bootstrap:
    """A mean and its bootstrap interval."""

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
