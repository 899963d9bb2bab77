"""What tuning minimises, row by row, and the probabilities it needs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

# (fitted estimator, inputs (n, n_inputs), targets (n,), n_outputs) → losses (n,)
RowLosses = Callable[[Any, np.ndarray, np.ndarray, int], np.ndarray]


def probabilities(estimator: Any, inputs: np.ndarray, n_classes: int) -> np.ndarray:
    """`predict_proba` with a column for every class, (n, n_classes); 0 for one that was absent in training."""
    found = estimator.predict_proba(inputs)
    table = np.zeros((len(found), n_classes))
    table[:, estimator.classes_] = found
    return table


def log_losses(estimator: Any, inputs: np.ndarray, targets: np.ndarray, n_outputs: int) -> np.ndarray:
    """Minus the logarithm of the true class's probability, which is taken to be at least the machine's epsilon."""
    right = probabilities(estimator, inputs, n_outputs)[np.arange(len(targets)), targets]
    return -np.log(np.maximum(right, np.finfo(np.float64).eps))


def errors(estimator: Any, inputs: np.ndarray, targets: np.ndarray, n_outputs: int) -> np.ndarray:
    """1 where the predicted class is wrong, else 0."""
    return (estimator.predict(inputs) != targets).astype(np.float64)


def squared_errors(estimator: Any, inputs: np.ndarray, targets: np.ndarray, n_outputs: int) -> np.ndarray:
    """Squared differences."""
    return (estimator.predict(inputs) - targets) ** 2


LOSSES: dict[str, RowLosses] = {
    "log-loss": log_losses,
    "error rate": errors,
    "squared error": squared_errors,
}
