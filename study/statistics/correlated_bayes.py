"""Bayesian correlated t-test: how probable is it that one model is practically better?"""

from __future__ import annotations

from dataclasses import dataclass

from study.statistics.checks import require_positive
from study.statistics.corrected_t import CorrectedT, corrected_t_test
from study.statistics.paired import PairedDifferences
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class PosteriorOfDifference:
    """Probabilities that the true difference lies below, in and above the region of practical equivalence.

    Attributes:
        worse: that it is below -rope.
        equivalent: that it is between -rope and rope; 0 where rope is 0.
        better: that it is above rope.
        rope: half the width of the region.
    """

    worse: float
    equivalent: float
    better: float
    rope: float

    def __str__(self) -> str:
        return (
            f"better by more than {self.rope:.4g} with probability {self.better:.1%}, equivalent with "
            f"{self.equivalent:.1%}, worse with {self.worse:.1%} (Bayesian correlated t-test)"
        )


def correlated_bayes(
    differences: PairedDifferences | Undecided, n_train: int, n_test: int, rope: float
) -> PosteriorOfDifference | Undecided:
    """Bayesian correlated t-test of Corani and Benavoli (2015), with the noninformative prior, by baycomp.

    The posterior of the true difference is a Student distribution with the mean and the corrected standard error of
    `corrected_t_test`. baycomp's own entry takes all folds to be of equal size and n_test / n_train to be 1 / (k - 1);
    its posterior is used with the sizes as they are.

    Args:
        differences: over all folds of all repeats.
        n_train: rows that a model was fitted on, in one fold.
        n_test: rows that it was judged on.
        rope: differences up to this are of no practical weight; 0 or more.

    Raises:
        StudyError: if `rope` is negative or a part has no row.
    """
    require_positive("rope", rope, zero=True)
    test = corrected_t_test(differences, n_train, n_test)
    return _posterior(test, rope) if isinstance(test, CorrectedT) else test


def _posterior(test: CorrectedT, rope: float) -> PosteriorOfDifference:
    from baycomp.single import Posterior

    worse, *inside, better = Posterior(test.mean, test.error**2, test.n - 1, rope).probs()
    return PosteriorOfDifference(float(worse), float(inside[0]) if inside else 0.0, float(better), rope)
