"""Gradient-boosted trees."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class GradientBoosting(EstimatorLearner):
    """Histogram-based gradient boosting; protocol as in `EstimatorLearner`.

    Args:
        learning_rate: shrinkages to try, the smallest first.
        max_leaf_nodes: leaves a tree to try, the smallest first.
        max_iter: boosting iterations to try; each grows a tree, or one for each class where there are more than two.
        inner_folds: folds of the inner cross-validation; fewer than elsewhere, because a fit is slower.
        class_weight: None or "balanced".
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = (
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingClassifier",
        "sklearn.ensemble._hist_gradient_boosting.gradient_boosting.HistGradientBoostingRegressor",
    )
    parts = (
        "numpy.random._generator.Generator",
        "sklearn._loss._loss.CyHalfBinomialLoss",
        "sklearn._loss._loss.CyHalfMultinomialLoss",
        "sklearn._loss._loss.CyHalfSquaredError",
        "sklearn._loss.link.IdentityLink",
        "sklearn._loss.link.Interval",
        "sklearn._loss.link.LogitLink",
        "sklearn._loss.link.MultinomialLogit",
        "sklearn._loss.loss.HalfBinomialLoss",
        "sklearn._loss.loss.HalfMultinomialLoss",
        "sklearn._loss.loss.HalfSquaredError",
        "sklearn.ensemble._hist_gradient_boosting.binning._BinMapper",
        "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
        "sklearn.preprocessing._label.LabelEncoder",
    )

    def __init__(
        self,
        learning_rate: Sequence[float] = (0.01, 0.03, 0.1),
        max_leaf_nodes: Sequence[int] = (4, 16),
        max_iter: Sequence[int] = (200,),
        inner_folds: int = 3,
        class_weight: str | None = None,
    ) -> None:
        grid = {"learning_rate": learning_rate, "max_leaf_nodes": max_leaf_nodes, "max_iter": max_iter}
        super().__init__(grid, inner_folds, class_weight)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        kind = (
            HistGradientBoostingClassifier if data.task == CLASSIFICATION else HistGradientBoostingRegressor
        )
        # Its own early stopping would hold out rows of the training part that the others fit on.
        return kind(**values, early_stopping=False, random_state=seed)

    @property
    def n_parameters(self) -> int:
        """Two numbers an inner node (feature, threshold), one a leaf, and the first guess for each output."""
        self._require_fitted()
        # scikit-learn has no public way to its trees.
        trees = [tree for iteration in self.estimator._predictors for tree in iteration]
        leaves = sum(int(tree.nodes["is_leaf"].sum()) for tree in trees)
        nodes = sum(len(tree.nodes) for tree in trees)
        return 2 * (nodes - leaves) + leaves + int(np.size(self.estimator._baseline_prediction))
