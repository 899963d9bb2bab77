"""Random Fourier features."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class RandomFourier(EstimatorLearner):
    """A linear model on random Fourier features (Rahimi and Recht, 2007); protocol as in `EstimatorLearner`.

    The classical counterpart of a circuit that encodes by rotations, whose outputs are Fourier sums too. Logistic
    regression in classification, ridge regression with the penalty 1/C in regression.

    Args:
        gamma: kernel widths to try, as multiples of 1 / (n_inputs · variance of the inputs), the smoothest first.
        C: inverse penalties to try, the strongest penalty first.
        n_components: numbers of features to try.
        inner_folds: folds of the inner cross-validation.
        class_weight: None or "balanced".
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = ("sklearn.pipeline.Pipeline",)
    parts = (
        "sklearn.kernel_approximation.RBFSampler",
        "sklearn.linear_model._logistic.LogisticRegression",
        "sklearn.linear_model._ridge.Ridge",
    )

    def __init__(
        self,
        gamma: Sequence[float] = (0.01, 0.1, 1.0),
        C: Sequence[float] = (0.1, 1.0, 10.0, 100.0, 1000.0),
        n_components: Sequence[int] = (200,),
        inner_folds: int = 3,
        class_weight: str | None = None,
    ) -> None:
        super().__init__({"gamma": gamma, "C": C, "n_components": n_components}, inner_folds, class_weight)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.kernel_approximation import RBFSampler
        from sklearn.linear_model import LogisticRegression, Ridge
        from sklearn.pipeline import Pipeline

        gamma = values["gamma"] / (data.n_inputs * (data.train.inputs.var() or 1.0))
        features = RBFSampler(gamma=gamma, n_components=values["n_components"], random_state=seed)
        linear = (
            LogisticRegression(C=values["C"], max_iter=10_000)
            if data.task == CLASSIFICATION
            else Ridge(alpha=1 / values["C"])
        )
        return Pipeline([("features", features), ("linear", linear)])

    def fit_rows(self, estimator: Any, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        return estimator.fit(inputs, targets, linear__sample_weight=weights)

    @property
    def n_parameters(self) -> int:
        """Frequencies and phases, which are drawn, and coefficients and intercepts, which are fitted."""
        self._require_fitted()
        features, linear = self.estimator["features"], self.estimator["linear"]
        drawn = features.random_weights_.size + features.random_offset_.size
        return int(drawn + linear.coef_.size + np.size(linear.intercept_))
