"""Two models over several datasets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study.statistics.checks import require_share
from study.statistics.undecided import ROUNDING, Undecided, unusable


@dataclass(frozen=True)
class SignedRanks:
    """Sums of ranks for and against the first model, and the test of no difference.

    Attributes:
        n: datasets.
        for_first: sum of the ranks of the datasets on which the first model is better.
        for_second: of those on which the second is; ties count half to each.
        p_value: two-sided.
    """

    n: int
    for_first: float
    for_second: float
    p_value: float

    def __str__(self) -> str:
        return (
            f"rank sums {self.for_first:g} to {self.for_second:g} over {self.n} datasets "
            f"(Wilcoxon signed-rank test, p = {self.p_value:.3g})"
        )


def wilcoxon(
    first: Mapping[str, float], second: Mapping[str, float], alpha: float = 0.05
) -> SignedRanks | Undecided:
    """Wilcoxon signed-rank test over datasets, ties shared between the models as in Demšar (2006), section 3.1.3.

    scipy's choice of method: exact without ties; over up to 13 datasets with ties, all sign changes; else normal.

    Args:
        first: score of each dataset, by its name; higher is better.
        second: the same datasets.
        alpha: the significance that somebody will ask for: too few datasets cannot reach it, however they come out.

    Raises:
        StudyError: if `alpha` is no share.
    """
    from scipy import stats

    require_share("alpha", alpha)
    lacking = sorted(set(first) ^ set(second))
    if lacking:
        return Undecided(f"{', '.join(lacking)}: only one of the two models has a score there")
    pairs = np.array([(first[name], second[name]) for name in sorted(first)], dtype=np.float64).reshape(-1, 2)
    bad = unusable(pairs.ravel().tolist(), 2, "score")
    if bad:
        return bad
    differences = pairs[:, 0] - pairs[:, 1]
    differences[np.abs(differences) <= ROUNDING * np.abs(pairs).max(axis=1)] = 0.0
    # Tied in size but not in rounding would get different ranks.
    differences = _together(differences, ROUNDING * float(np.abs(pairs).max()))
    n, untied = len(differences), int(np.count_nonzero(differences))
    if not untied:
        return Undecided(f"the two models tie on all {n} datasets")
    # Only all signs alike give the smallest p-value.
    smallest = 2.0 ** (1 - untied)
    if smallest > alpha:
        return Undecided(
            f"with {untied} datasets on which the models differ the signed-rank test cannot give a p-value under "
            f"{smallest:.3g}, whatever the scores"
        )
    sizes = stats.rankdata(np.abs(differences))
    shared = sizes[differences == 0].sum() / 2
    found = stats.wilcoxon(differences, zero_method="zsplit")
    return SignedRanks(
        n,
        float(sizes[differences > 0].sum() + shared),
        float(sizes[differences < 0].sum() + shared),
        float(found.pvalue),
    )


def _together(differences: np.ndarray, tolerance: float) -> np.ndarray:
    """Give differences whose sizes agree within `tolerance` the same size."""
    order = np.argsort(np.abs(differences))
    sizes = np.abs(differences)[order]
    groups = np.concatenate([[0], np.cumsum(np.diff(sizes) > tolerance)])
    firsts = sizes[np.searchsorted(groups, groups)]
    equal = np.empty_like(differences)
    equal[order] = firsts
    return np.sign(differences) * equal
