"""Nearest neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class KNearest(EstimatorLearner):
    """The vote or the mean of the k nearest training rows; protocol as in `EstimatorLearner`.

    Votes of a few neighbours are no probabilities, so tuning minimises the error rate, and each class present in
    training gets one vote more (Laplace's rule), which leaves the prediction as it is and no true class at 0.

    Args:
        n_neighbors: neighbours to try, the most first; a number above the rows of a fit counts as all of them.
        p: exponents of Minkowski's distance to try, 1 or more: 2 is Euclid's, 1 the sum over the columns.
        inner_folds: folds of the inner cross-validation.
        class_weight: None; rows are the model itself and cannot be weighed.

    Raises:
        StudyError: also on `class_weight="balanced"`.
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = (
        "sklearn.neighbors._classification.KNeighborsClassifier",
        "sklearn.neighbors._regression.KNeighborsRegressor",
    )
    parts = (
        "sklearn.metrics._dist_metrics.ChebyshevDistance64",
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.metrics._dist_metrics.ManhattanDistance64",
        "sklearn.metrics._dist_metrics.MinkowskiDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
    )

    def __init__(
        self,
        n_neighbors: Sequence[int] = (50, 30, 20, 10, 5, 3, 1),
        p: Sequence[float] = (2.0,),
        inner_folds: int = 5,
        class_weight: str | None = None,
    ) -> None:
        super().__init__({"n_neighbors": n_neighbors, "p": p}, inner_folds, class_weight)
        self.refuse_class_weight()

    def tuned_on(self, task: str) -> str:
        return "error rate" if task == CLASSIFICATION else super().tuned_on(task)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor

        kind = KNeighborsClassifier if data.task == CLASSIFICATION else KNeighborsRegressor
        return kind(**values)

    def fit_rows(self, estimator: Any, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        # The weights are all 1. Inner folds have fewer rows than there may be neighbours.
        estimator.set_params(n_neighbors=min(estimator.n_neighbors, len(inputs)))
        return estimator.fit(inputs, targets)

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        found = super().predict(inputs)
        if self.task == REGRESSION:
            return found
        present = self.estimator.classes_
        votes = self.estimator.n_neighbors
        found[:, present] = (votes * found[:, present] + 1) / (votes + len(present))
        return found

    @property
    def n_parameters(self) -> int:
        """The training rows with their targets."""
        self._require_fitted()
        return int(self.estimator.n_samples_fit_ * (self.estimator.n_features_in_ + 1))
