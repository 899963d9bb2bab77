"""Several models over several datasets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from study.errors import StudyError
from study.statistics.checks import require_share
from study.statistics.undecided import Undecided, unusable


@dataclass(frozen=True)
class FriedmanNemenyi:
    """Average ranks, Friedman's test that all models are equal, and Nemenyi's of each pair.

    Attributes:
        n: datasets.
        ranks: average rank of each model, the best (lowest) first.
        statistic: Friedman's chi-squared with the correction for ties, on (models - 1) degrees of freedom.
        p_value: of Friedman's test.
        critical_difference: of average ranks at `alpha`.
        pairs: Nemenyi's p-value of each pair of models, in the order of `ranks`.
        groups: the largest sets of models, neighbours in rank, that no critical difference divides: the bars of a
            critical-difference diagram. Models in no bar stand alone.
    """

    n: int
    alpha: float
    ranks: Mapping[str, float]
    statistic: float
    p_value: float
    critical_difference: float
    pairs: Mapping[tuple[str, str], float]
    groups: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        ranks = ", ".join(f"{name} {rank:.3f}" for name, rank in self.ranks.items())
        return (
            f"average ranks {ranks} over {self.n} datasets (Friedman p = {self.p_value:.3g}; at {self.alpha:g} "
            f"ranks differ from {self.critical_difference:.3f} on, Nemenyi)"
        )


def critical_difference(n_models: int, n_datasets: int, alpha: float = 0.05) -> float:
    """Nemenyi's critical difference of average ranks, q √(k (k + 1) / 6N); Demšar (2006), section 3.2.2.

    q is the upper `alpha` quantile of the studentized range for k groups and infinite degrees of freedom, over √2.

    Raises:
        StudyError: if `alpha` is no share, there are fewer than two models, or no dataset.
    """
    require_share("alpha", alpha)
    if n_models < 2 or n_datasets < 1:
        raise StudyError(
            f"A critical difference takes 2 or more models and a dataset, but n_models={n_models}, "
            f"n_datasets={n_datasets}."
        )
    q = float(stats.studentized_range.ppf(1 - alpha, n_models, np.inf)) / math.sqrt(2)
    return q * math.sqrt(n_models * (n_models + 1) / (6 * n_datasets))


def friedman_nemenyi(
    scores: Mapping[str, Sequence[float]], alpha: float = 0.05
) -> FriedmanNemenyi | Undecided:
    """Rank models on every dataset and test whether their average ranks differ; Demšar (2006), section 3.2.

    Args:
        scores: of each model, by its name, on the same datasets in the same order; higher is better.
        alpha: significance of the critical difference.

    Raises:
        StudyError: if models come with different numbers of datasets, or `alpha` is no share.
    """
    from scikit_posthocs import posthoc_nemenyi_friedman

    require_share("alpha", alpha)
    lengths = {name: len(values) for name, values in scores.items()}
    if len(set(lengths.values())) > 1:
        raise StudyError(f"Models are ranked on the same datasets, but they come with {lengths} scores.")
    if len(scores) < 3:
        return Undecided(f"average ranks compare three or more models, not {len(scores)}")
    names = list(scores)
    table = np.array([scores[name] for name in names], dtype=np.float64).T  # (datasets, models)
    bad = unusable(table[:, 0].tolist(), 2, "dataset") or unusable(table.ravel().tolist(), 2, "score")
    if bad:
        return bad
    ranks = stats.rankdata(-table, axis=1)
    if not np.ptp(ranks, axis=1).any():
        return Undecided(f"all {len(names)} models tie on all {len(table)} datasets")
    averages = ranks.mean(axis=0)
    order = np.argsort(averages, kind="stable")
    found = stats.friedmanchisquare(*ranks.T)
    p_values = posthoc_nemenyi_friedman(ranks).to_numpy()
    least = critical_difference(len(names), len(table), alpha)
    return FriedmanNemenyi(
        len(table),
        alpha,
        {names[i]: float(averages[i]) for i in order},
        float(found.statistic),
        float(found.pvalue),
        least,
        {(names[i], names[j]): float(p_values[i, j]) for at, i in enumerate(order) for j in order[at + 1 :]},
        _groups([names[i] for i in order], averages[order], least),
    )


def _groups(names: list[str], ranks: np.ndarray, least: float) -> tuple[tuple[str, ...], ...]:
    """Runs of two or more models within `least` of their first that no longer run holds."""
    ends = [int(np.searchsorted(ranks, rank + least, side="left")) for rank in ranks]
    runs = [
        (start, end)
        for start, end in enumerate(ends)
        if end - start > 1 and (start == 0 or ends[start - 1] < end)
    ]
    return tuple(tuple(names[start:end]) for start, end in runs)
