"""Ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class Ridge(EstimatorLearner):
    """Linear regression with an L2 penalty; protocol as in `EstimatorLearner`.

    Args:
        alpha: penalties to try, the strongest first.
        inner_folds: folds of the inner cross-validation.
    """

    tasks = frozenset({REGRESSION})
    estimators = ("sklearn.linear_model._ridge.Ridge",)

    def __init__(
        self, alpha: Sequence[float] = (1000.0, 100.0, 10.0, 1.0, 0.1, 0.01), inner_folds: int = 5
    ) -> None:
        super().__init__({"alpha": alpha}, inner_folds)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.linear_model import Ridge as RidgeRegression

        return RidgeRegression(alpha=values["alpha"])

    @property
    def n_parameters(self) -> int:
        """Coefficients and intercept."""
        self._require_fitted()
        return int(self.estimator.coef_.size) + 1
