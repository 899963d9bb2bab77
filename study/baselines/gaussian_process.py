"""Gaussian process."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from study.baselines.estimator_learner import EstimatorLearner
from study.baselines.tuning import Values
from study.errors import StudyError
from study.fitting.learner import CLASSIFICATION, REGRESSION

if TYPE_CHECKING:
    from study.data.prepare import Prepared

MOST_ROWS = 5000  # a covariance matrix of 200 MB, of which a fit holds several


class GaussianProcess(EstimatorLearner):
    """Gaussian process regression or classification with an RBF kernel; protocol as in `EstimatorLearner`.

    Classification is Laplace's approximation (Rasmussen and Williams, 2006, algorithm 3.2), a process a class, this
    class against the rest. The kernel is tuned like every other baseline's settings, by cross-validation, and not by
    the marginal likelihood: with a fixed number of trials, and on the loss that is reported.

    Args:
        length_scale: length scales to try, as multiples of √(n_inputs · variance of the inputs), the smoothest first.
        variance: variances of the process to try; in regression as multiples of the noise's.
        inner_folds: folds of the inner cross-validation; fewer than elsewhere, because a fit is slower.
        class_weight: None; the likelihood has no weights.

    Raises:
        StudyError: also on `class_weight="balanced"`.
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})
    estimators = (
        "sklearn.gaussian_process._gpc.GaussianProcessClassifier",
        "sklearn.gaussian_process._gpr.GaussianProcessRegressor",
    )
    parts = (
        "numpy.random.mtrand.RandomState",
        "sklearn.gaussian_process._gpc._BinaryGaussianProcessClassifierLaplace",
        "sklearn.gaussian_process.kernels.ConstantKernel",
        "sklearn.gaussian_process.kernels.Product",
        "sklearn.gaussian_process.kernels.RBF",
        "sklearn.multiclass.OneVsRestClassifier",
        "sklearn.preprocessing._label.LabelBinarizer",
    )

    def __init__(
        self,
        length_scale: Sequence[float] = (3.0, 1.0, 0.3, 0.1),
        variance: Sequence[float] = (1.0, 10.0, 100.0),
        inner_folds: int = 3,
        class_weight: str | None = None,
    ) -> None:
        super().__init__({"length_scale": length_scale, "variance": variance}, inner_folds, class_weight)
        self.refuse_class_weight()

    def check(self, data: Prepared) -> None:
        """As `EstimatorLearner.check`.

        Raises:
            StudyError: also on more training rows than the covariance matrix has room for.
        """
        super().check(data)
        rows = len(data.train.targets)
        if rows > MOST_ROWS:
            raise StudyError(
                f"GaussianProcess holds a matrix of rows × rows and serves up to {MOST_ROWS} training rows, but there "
                f"are {rows}. Take model=random_fourier, or leave the model out."
            )

    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        from sklearn.gaussian_process import GaussianProcessClassifier, GaussianProcessRegressor
        from sklearn.gaussian_process.kernels import RBF, ConstantKernel

        unit = math.sqrt(data.n_inputs * (data.train.inputs.var() or 1.0))
        kernel = ConstantKernel(values["variance"]) * RBF(values["length_scale"] * unit)
        if data.task == REGRESSION:
            return GaussianProcessRegressor(kernel, alpha=1.0, optimizer=None, random_state=seed)
        return GaussianProcessClassifier(kernel, optimizer=None, random_state=seed)

    def fit_rows(self, estimator: Any, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        return estimator.fit(inputs, targets)  # the weights are all 1

    @property
    def n_parameters(self) -> int:
        """The training rows and a coefficient each, for every process; what follows from them is not counted."""
        task, _ = self._require_fitted()
        if task == REGRESSION:
            return int(self.estimator.X_train_.size + self.estimator.alpha_.size)
        machine = self.estimator.base_estimator_
        machines = getattr(machine, "estimators_", [machine])
        return sum(int(one.X_train_.size + len(one.X_train_)) for one in machines)
