"""How many rows a dataset needs for a difference to be seen on its folds."""

from __future__ import annotations

import math
from dataclasses import dataclass

from study.statistics.checks import require_positive
from study.statistics.power import power_of, resolvable
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class RowsNeeded:
    """Number of rows with which a study of as many splits shows a difference.

    Attributes:
        rows: of the whole dataset.
        splits: folds over all repeats.
        power: probability of p < alpha with that many.
    """

    rows: int
    splits: int
    difference: float
    power: float
    alpha: float

    def __str__(self) -> str:
        return (
            f"{self.rows} rows show a true difference of {self.difference:.4g} in {self.power:.0%} of studies with "
            f"{self.splits} splits (two-sided at {self.alpha:g})"
        )


def rows_needed(
    difference: float,
    deviation: float,
    *,
    n_rows: int,
    n_splits: int,
    ratio: float,
    power: float = 0.8,
    alpha: float = 0.05,
) -> RowsNeeded | Undecided:
    """The size of a dataset on which the corrected t-test has the power asked for, the protocol being the same.

    Further repeats reuse the same rows, so that only more rows make the error of the mean as small as one likes. The
    deviation of a fold's difference is taken to fall with the square root of the rows, as that of a mean over test rows
    does; the part of it that training sets cause falls about as fast (or is smaller than this reckons).

    Args:
        difference: true difference that is to be seen; its sign does not matter.
        deviation: standard deviation of a fold's difference, as seen with `n_rows`.
        n_rows: rows of the dataset on which it was seen.
        n_splits: folds over all repeats.
        ratio: n_test / n_train of a split.
        power: probability of seeing it.
        alpha: two-sided significance.

    Raises:
        StudyError: if a share is none, or `deviation` or `ratio` is negative or not finite.
    """
    require_positive("n_rows", n_rows)
    if difference == 0 or not math.isfinite(difference):
        return Undecided("no number of rows shows a difference of zero")
    smallest = resolvable(n_splits, deviation, ratio=ratio, power=power, alpha=alpha)
    if isinstance(smallest, Undecided):
        return smallest
    rows = max(1, math.ceil(n_rows * (smallest.difference / abs(difference)) ** 2))
    reached = power_of(n_splits, difference, deviation * math.sqrt(n_rows / rows), ratio, alpha)
    return RowsNeeded(rows, n_splits, abs(difference), reached, alpha)
