"""Random forest."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.fitting.learner import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class RandomForest(EstimatorLearner):
    """Breiman's (2001) forest of randomised trees; protocol as in `EstimatorLearner`.

    Args:
        max_features: parts of the columns, above 0 and up to 1.0, that a node may choose from, to try; whole numbers
            above 0 are numbers of columns.
        min_samples_leaf: rows a leaf holds at least, to try, the most first.
        n_estimators: trees to try.
        inner_folds: folds of the inner cross-validation; fewer than elsewhere, because a fit is slower.
        class_weight: None or "balanced".
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = (
        "sklearn.ensemble._forest.RandomForestClassifier",
        "sklearn.ensemble._forest.RandomForestRegressor",
    )
    parts = (
        "sklearn.tree._classes.DecisionTreeClassifier",
        "sklearn.tree._classes.DecisionTreeRegressor",
        "sklearn.tree._tree.Tree",
    )

    def __init__(
        self,
        max_features: Sequence[float] = (0.2, 0.5, 1.0),
        min_samples_leaf: Sequence[int] = (5, 1),
        n_estimators: Sequence[int] = (200,),
        inner_folds: int = 3,
        class_weight: str | None = None,
    ) -> None:
        grid = {
            "max_features": max_features,
            "min_samples_leaf": min_samples_leaf,
            "n_estimators": n_estimators,
        }
        super().__init__(grid, inner_folds, class_weight)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        kind = RandomForestClassifier if data.task == CLASSIFICATION else RandomForestRegressor
        return kind(**values, random_state=seed)

    @property
    def n_parameters(self) -> int:
        """Two numbers an inner node (feature, threshold), and one for each output a leaf."""
        task, n_outputs = self._require_fitted()
        outputs = len(self.estimator.classes_) if task == CLASSIFICATION else n_outputs
        trees = [one.tree_ for one in self.estimator.estimators_]
        return sum(2 * (tree.node_count - tree.n_leaves) + outputs * tree.n_leaves for tree in trees)
