"""Support vector machine with a Gaussian kernel."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values, inner_folds
from study.fitting.learner import CLASSIFICATION, REGRESSION
from study.fitting.seeding import derive

if TYPE_CHECKING:
    from study.data.prepare import Prepared


class RbfSvm(EstimatorLearner):
    """Support vector classification or regression with an RBF kernel; protocol as in `EstimatorLearner`.

    Classification is one machine a class, this class against the rest. Margins are no probabilities, so tuning
    minimises the error rate; then the chosen machines are fitted on the whole training part, and one temperature
    (Guo et al., 2017, arXiv:1706.04599) turns their margins into probabilities, fitted on margins of rows held out by
    inner folds. On the datasets that ship with scikit-learn this has the lower log-loss, by up to six times, than Platt
    scaling of the usual one-against-one machines, whose votes are coarse.

    Args:
        C: penalties of margin violations to try, the smallest first.
        gamma: kernel widths to try, as multiples of 1 / (n_inputs · variance of the inputs), the smoothest first.
        inner_folds: folds of the inner cross-validation, for tuning and for the temperature.
        class_weight: None, or "balanced" to balance each machine's two sides, and the temperature by class.
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = (
        "sklearn.calibration.CalibratedClassifierCV",
        "sklearn.svm._classes.SVR",
    )
    parts = (
        "sklearn.calibration._CalibratedClassifier",
        "sklearn.calibration._TemperatureScaling",
        "sklearn.multiclass.OneVsRestClassifier",
        "sklearn.preprocessing._label.LabelBinarizer",
        "sklearn.svm._classes.SVC",
    )

    def __init__(
        self,
        C: Sequence[float] = (0.1, 1.0, 10.0, 100.0, 1000.0),
        gamma: Sequence[float] = (0.01, 0.1, 1.0, 10.0),
        inner_folds: int = 3,
        class_weight: str | None = None,
    ) -> None:
        super().__init__({"C": C, "gamma": gamma}, inner_folds, class_weight)

    def holds_rows_out(self, task: str) -> bool:
        # A temperature fitted on margins of rows that the machine has seen would be far too sure.
        return super().holds_rows_out(task) or task == CLASSIFICATION

    def tuned_on(self, task: str) -> str:
        return "error rate" if task == CLASSIFICATION else super().tuned_on(task)

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.multiclass import OneVsRestClassifier
        from sklearn.svm import SVC, SVR

        gamma = values["gamma"] / (data.n_inputs * (data.train.inputs.var() or 1.0))
        if data.task == REGRESSION:
            return SVR(C=values["C"], gamma=gamma)
        return OneVsRestClassifier(SVC(C=values["C"], gamma=gamma, class_weight=self.class_weight))

    def fit_rows(self, estimator: Any, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        if self.task == REGRESSION:
            return super().fit_rows(estimator, inputs, targets, weights)
        return estimator.fit(
            inputs, targets
        )  # OneVsRestClassifier takes no row weights; the machines have their own

    def finish(
        self, values: Values, data: Prepared, targets: np.ndarray, weights: np.ndarray, seed: int
    ) -> Any:
        from sklearn.calibration import CalibratedClassifierCV

        if data.task == REGRESSION:
            return super().finish(values, data, targets, weights, seed)
        folds = inner_folds(targets, self.inner_folds, derive(seed, "calibration folds"), stratified=True)
        machines = self.make(values, data, seed)
        calibrated = CalibratedClassifierCV(machines, method="temperature", cv=folds, ensemble=False)
        with warnings.catch_warnings():
            # That the weights reach the temperature alone is meant.
            warnings.filterwarnings(
                "ignore", message=".*sample weights will only be used for the calibration.*"
            )
            return calibrated.fit(data.train.inputs, targets, sample_weight=weights)

    @property
    def n_parameters(self) -> int:
        """Support vectors with their coefficients, and the intercept, of each machine; and the temperature."""
        task, _ = self._require_fitted()
        if task == REGRESSION:
            return _count(self.estimator)
        return 1 + sum(_count(one) for one in self.estimator.calibrated_classifiers_[0].estimator.estimators_)


def _count(machine: Any) -> int:
    return int(machine.support_vectors_.size + machine.dual_coef_.size + machine.intercept_.size)
