"""Student's t for differences whose training parts overlap."""

from __future__ import annotations

import math
from dataclasses import dataclass

from scipy import stats

from study.statistics.checks import held_out_ratio, require_share
from study.statistics.paired import PairedDifferences
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class CorrectedT:
    """Mean difference, its interval, and the test of no difference.

    Attributes:
        n: folds over all repeats.
        mean: mean difference; above 0 the first model is better.
        error: corrected standard error of the mean.
        low: lower end of the interval at `level`.
        high: upper end.
        statistic: mean / error.
        p_value: two-sided.
    """

    n: int
    mean: float
    error: float
    low: float
    high: float
    level: float
    statistic: float
    p_value: float

    def p_above(self, threshold: float) -> float:
        """One-sided p-value against "the true difference is `threshold` or less"; -margin asks for non-inferiority."""
        return float(stats.t.sf((self.mean - threshold) / self.error, self.n - 1))

    def __str__(self) -> str:
        return (
            f"{self.mean:+.4g} on average, {self.level:.0%} interval {self.low:+.4g} to {self.high:+.4g} "
            f"(corrected resampled t-test, {self.n} folds, p = {self.p_value:.3g})"
        )


def corrected_t_test(
    differences: PairedDifferences | Undecided, n_train: int, n_test: int, level: float = 0.95
) -> CorrectedT | Undecided:
    """Corrected resampled t-test of Nadeau and Bengio (2003), Inference for the generalization error, section 3.

    The variance of the mean is s² (1/n + n_test / n_train) in place of s²/n, with n - 1 degrees of freedom: training
    parts share rows, so that folds are not independent. For repeated k-fold cross-validation as in Bouckaert and Frank
    (2004).

    Args:
        differences: over all folds of all repeats.
        n_train: rows that a model was fitted on, in one fold.
        n_test: rows that it was judged on.
        level: of the interval.

    Raises:
        StudyError: if `level` is no share or a part has no row.
    """
    require_share("level", level)
    ratio = held_out_ratio(n_train, n_test)
    if isinstance(differences, Undecided):
        return differences
    undecided = differences.undecided()
    if undecided:
        return undecided
    n = len(differences.values)
    error = differences.deviation * math.sqrt(1 / n + ratio)
    half = float(stats.t.ppf(0.5 + level / 2, n - 1)) * error
    statistic = differences.mean / error
    p_value = 2 * float(stats.t.sf(abs(statistic), n - 1))
    mean = differences.mean
    return CorrectedT(n, mean, error, mean - half, mean + half, level, statistic, p_value)
