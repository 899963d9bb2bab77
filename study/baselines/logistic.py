"""Multinomial logistic regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import CLASSIFICATION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class Logistic(EstimatorLearner):
    """Logistic regression with an L2 penalty; protocol as in `EstimatorLearner`.

    Args:
        C: inverse penalties to try, the strongest penalty first.
        inner_folds: folds of the inner cross-validation.
        class_weight: None or "balanced".
    """

    tasks = frozenset({CLASSIFICATION})
    estimators = ("sklearn.linear_model._logistic.LogisticRegression",)

    def __init__(
        self,
        C: Sequence[float] = (0.01, 0.1, 1.0, 10.0, 100.0),
        inner_folds: int = 5,
        class_weight: str | None = None,
    ) -> None:
        super().__init__({"C": C}, inner_folds, class_weight)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.linear_model import LogisticRegression

        return LogisticRegression(C=values["C"], max_iter=10_000)

    @property
    def n_parameters(self) -> int:
        """Coefficients and intercepts; with two classes there is one row of them."""
        self._require_fitted()
        return int(self.estimator.coef_.size + self.estimator.intercept_.size)
