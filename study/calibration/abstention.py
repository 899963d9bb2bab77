"""Abstention: how much less a classifier errs when it answers only where it is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.errors import StudyError
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class RiskCoverage:
    """The risk-coverage curve, one point for each distinct confidence, the surest rows first.

    Attributes:
        coverage: share of rows that are answered, increasing up to 1.
        risk: share of errors among them.
        threshold: the least highest probability of a row that is answered, decreasing.
        area: under the curve; lower is better.
    """

    coverage: np.ndarray
    risk: np.ndarray
    threshold: np.ndarray
    area: float


@dataclass(frozen=True)
class Threshold:
    """Answer where the highest probability is at least this.

    Attributes:
        value: the threshold.
        coverage: share of the rows it was chosen on that are answered.
        risk: share of errors among these.
        n: rows it was chosen on.
    """

    value: float
    coverage: float
    risk: float
    n: int

    def __str__(self) -> str:
        return (
            f"with a threshold of {self.value:.3g}, {self.coverage:.1%} of {self.n} rows are answered and "
            f"{self.risk:.1%} of the answers are wrong"
        )


def risk_coverage(targets: np.ndarray, outputs: np.ndarray) -> RiskCoverage | Undecided:
    """Risk-coverage curve by the highest probability (El-Yaniv and Wiener 2010; Geifman and El-Yaniv 2017).

    Rows of equal confidence are answered or refused together, because a threshold cannot tell them apart. The area is
    the sum of risk times the coverage that a point adds; without ties it is the mean risk over all coverages, the AURC
    of Geifman, Uziel and El-Yaniv (2019).

    Args:
        targets: class positions, (n,).
        outputs: probabilities, (n, n_classes).

    Raises:
        StudyError: if the two have different numbers of rows.
    """
    shares = np.asarray(outputs, dtype=np.float64)
    if shares.ndim != 2:
        return Undecided("abstention goes by the probability of a class, and these outputs are numbers")
    if len(shares) != len(targets):
        raise StudyError(f"{len(targets)} targets cannot be compared with {len(shares)} outputs.")
    if not len(shares):
        return Undecided("there are no rows")
    if not np.isfinite(shares).all():
        return Undecided("some probabilities are not finite")
    sure = shares.max(axis=1)
    wrong = shares.argmax(axis=1) != np.asarray(targets)
    order = np.argsort(-sure, kind="stable")
    sorted_sure, errors = sure[order], np.cumsum(wrong[order])
    last = np.append(np.flatnonzero(np.diff(sorted_sure)), len(sure) - 1)  # of each group of equals
    answered = last + 1
    coverage, risk = answered / len(sure), errors[last] / answered
    area = float(np.sum(risk * np.diff(coverage, prepend=0.0)))
    return RiskCoverage(coverage, risk, sorted_sure[last], area)


def threshold_for(risk: float, targets: np.ndarray, outputs: np.ndarray) -> Threshold | Undecided:
    """The threshold that answers the most rows with no more than a share of errors, on these rows.

    Choose it on validation predictions and look at the test part with it: on the rows that it was chosen on the risk is
    too good, and it is no guarantee elsewhere.

    Args:
        risk: the share of errors that is allowed among answers, from 0 to 1.
        targets: class positions, (n,).
        outputs: probabilities, (n, n_classes).

    Raises:
        StudyError: if `risk` is no share.
    """
    if not 0 <= risk <= 1:
        raise StudyError(f"risk must lie from 0 to 1, such as 0.05, but is {risk!r}.")
    curve = risk_coverage(targets, outputs)
    if isinstance(curve, Undecided):
        return curve
    kept = np.flatnonzero(curve.risk <= risk)
    if not len(kept):
        return Undecided(
            f"no threshold brings the share of errors to {risk:.1%}: among the surest rows it is {curve.risk[0]:.1%} "
            f"and never less than {curve.risk.min():.1%}"
        )
    at = kept[-1]
    return Threshold(
        float(curve.threshold[at]), float(curve.coverage[at]), float(curve.risk[at]), len(targets)
    )
