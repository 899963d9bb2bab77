"""Two models on the same folds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study.statistics.undecided import ROUNDING, Undecided, constant, unusable

Split = tuple[int, int]  # (repeat, fold)


@dataclass(frozen=True)
class PairedDifferences:
    """Differences of scores, first minus second, fold by fold.

    Attributes:
        splits: (repeat, fold) of each, in order.
        values: the differences, (n,).
        scale: the largest score that they were computed from, in absolute value; rounding is judged by it.
    """

    splits: tuple[Split, ...]
    values: tuple[float, ...]
    scale: float

    @property
    def mean(self) -> float:
        return float(np.mean(self.values))

    @property
    def deviation(self) -> float:
        """Standard deviation with n - 1; 0 where the differences are equal but for rounding, or there is one."""
        return 0.0 if self.constant else float(np.std(self.values, ddof=1))

    @property
    def constant(self) -> bool:
        return constant(self.values, self.scale)

    @property
    def wins(self) -> int:
        return sum(value > self._rounding for value in self.values)

    @property
    def losses(self) -> int:
        return sum(value < -self._rounding for value in self.values)

    def undecided(self) -> Undecided | None:
        """Why no test can be made of these differences; None if one can."""
        short = unusable(self.values, 2, "fold")
        if short is None and self.constant:
            what = "zero" if abs(self.mean) <= self._rounding else f"the same, {self.mean:+.4g}"
            return Undecided(
                f"the differences of all {len(self.values)} folds are {what}, so that there is no spread to judge by"
            )
        return short

    def __str__(self) -> str:
        ties = len(self.values) - self.wins - self.losses
        return (
            f"{self.mean:+.4g} on average over {len(self.values)} folds: better on {self.wins}, "
            f"worse on {self.losses}, tied on {ties}"
        )

    @property
    def _rounding(self) -> float:
        return ROUNDING * self.scale


def paired_differences(
    first: Mapping[Split, float], second: Mapping[Split, float]
) -> PairedDifferences | Undecided:
    """Subtract the second model's scores from the first's, fold by fold.

    Args:
        first: score of each (repeat, fold); higher is better, so negate losses.
        second: the same folds. A fold that one model lacks, because its fit failed, is not left out silently: the
            folds that remain would be those that suit the failing model.
    """
    lacking = sorted(set(first) ^ set(second))
    if lacking:
        repeat, fold = lacking[0]
        return Undecided(
            f"{len(lacking)} of {len(set(first) | set(second))} folds have the score of only one of the two models, "
            f"such as fold {fold} of repeat {repeat}"
        )
    splits = tuple(sorted(first))
    scores = [float(model[split]) for model in (first, second) for split in splits]
    bad = unusable(scores, 2, "score")
    if bad:
        return bad
    values = tuple(float(first[split]) - float(second[split]) for split in splits)
    return PairedDifferences(splits, values, max(abs(score) for score in scores))
