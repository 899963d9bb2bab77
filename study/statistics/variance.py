"""Where the spread of scores comes from: the split or the seed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from study.statistics.undecided import Undecided, constant, unusable


@dataclass(frozen=True)
class VarianceComponents:
    """Variances of one model's score between splits, and between seeds on the same split.

    Attributes:
        split: variance of the splits' true means; 0 where splits differ no more than seeds explain.
        seed: variance of seeds within a split.
        n_splits: splits that were seen.
        n_runs: scores in all.
    """

    split: float
    seed: float
    n_splits: int
    n_runs: int

    @property
    def split_share(self) -> float:
        """Part of a single score's variance that is due to its split."""
        return self.split / (self.split + self.seed)

    def __str__(self) -> str:
        return (
            f"standard deviation {self.split**0.5:.4g} between splits and {self.seed**0.5:.4g} between seeds; "
            f"{self.split_share:.0%} of the variance is the split's ({self.n_runs} runs on {self.n_splits} splits)"
        )


def variance_components(scores: Mapping[Any, Sequence[float]]) -> VarianceComponents | Undecided:
    """Random effects of splits, with seeds nested in them, from the mean squares of statsmodels' analysis of variance.

    Seeds are nested and not crossed, because the same seed draws other numbers on another split. With as many seeds on
    every split these are the REML estimates: where the splits' mean square is under the seeds', the split's variance is
    0 and the seeds' is that of all scores together. Else the number of seeds is averaged as in Searle, Casella and
    McCulloch (1992), section 3.6.

    Args:
        scores: of each split, one score a seed.
    """
    groups = {str(at): list(values) for at, values in enumerate(scores.values()) if len(values)}
    flat = [float(score) for values in groups.values() for score in values]
    if len(groups) < 2:
        return Undecided("variance between splits takes at least 2 splits")
    if len(flat) == len(groups):
        return Undecided("every split has one seed, so that what the seed changes is not seen")
    bad = unusable(flat, 3, "run")
    if bad:
        return bad
    if constant(flat):
        return Undecided(f"all {len(flat)} runs have the same score")
    between, within = _mean_squares(groups)
    sizes = np.array([len(values) for values in groups.values()], dtype=np.float64)
    size = (sizes.sum() - (sizes**2).sum() / sizes.sum()) / (len(sizes) - 1)
    if between <= within:
        return VarianceComponents(0.0, float(np.var(flat, ddof=1)), len(groups), len(flat))
    return VarianceComponents((between - within) / size, within, len(groups), len(flat))


def _mean_squares(groups: Mapping[str, Sequence[float]]) -> tuple[float, float]:
    """Between the groups and within them."""
    import pandas as pd
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    rows = [(split, score) for split, values in groups.items() for score in values]
    table = pd.DataFrame(rows, columns=["split", "score"])
    squares = anova_lm(ols("score ~ C(split)", table).fit())["mean_sq"]
    return float(squares["C(split)"]), float(squares["Residual"])
