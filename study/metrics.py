"""The figures that models are compared by, all computed from predictions on one part of the data."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torchmetrics.functional.classification import (
    binary_auroc,
    binary_f1_score,
    multiclass_accuracy,
    multiclass_auroc,
    multiclass_f1_score,
)
from torchmetrics.functional.regression import mean_absolute_error, mean_squared_error, r2_score

from study.metric_names import CLASSIFICATION_METRICS, REGRESSION_METRICS

CALIBRATION_BINS = 15

_NEED_EVERY_CLASS = ("balanced_accuracy", "f1", "roc_auc")


def evaluate(task: str, targets: np.ndarray, predictions: np.ndarray, n_classes: int) -> dict[str, float]:
    """Compare predictions with targets.

    Classification; the predicted class is the one of the highest probability, the first of equals:

    - accuracy: share of rows whose class is predicted.
    - balanced_accuracy: mean over the classes of the share of their rows that are found (recall).
    - f1: of the second class (the positive one) with two classes, else the mean over the classes (macro).
    - roc_auc: of the second class's probability with two classes, else the mean over one class against the rest.
    - calibration_error: expected calibration error of the predicted class's probability, mean absolute gap of the 15
      bins of `calibration_bins`, weighted by their rows.
    - log_loss: mean of -log of the true class's probability, which is taken to be at least 2.2e-16.

    Regression: mae, rmse and r2 (share of the targets' variance explained), the first two in the target's units.

    A metric that this part cannot define is nan; `undefined` says why. Lower is better for calibration_error, log_loss,
    mae and rmse.

    Args:
        task: "classification" or "regression".
        targets: (n,), class positions or numbers.
        predictions: probabilities (n, n_classes), rows summing to 1, or numbers (n,); finite.
        n_classes: number of classes; not read in regression.

    Raises:
        ValueError: if the shapes do not fit or predictions are not what they should be.
    """
    _check(task, targets, predictions, n_classes)
    reasons = undefined(task, targets, n_classes)
    values = (
        _classification(targets, predictions, n_classes, skip=set(reasons))
        if task == "classification"
        else _regression(targets, predictions, skip=set(reasons))
    )
    return {name: values.get(name, float("nan")) for name in _names(task)}


def undefined(task: str, targets: np.ndarray, n_classes: int) -> dict[str, str]:
    """Which metrics these targets cannot define, and why."""
    if len(targets) == 0:
        return dict.fromkeys(_names(task), "there are no rows")
    if task == "regression":
        return {"r2": "the targets do not vary"} if np.ptp(targets) == 0 else {}
    absent = np.flatnonzero(np.bincount(targets, minlength=n_classes) == 0)
    if not len(absent):
        return {}
    which = ", ".join(map(str, absent))
    return dict.fromkeys(_NEED_EVERY_CLASS, f"no row has class {which}")


def calibration_bins(confidence: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the edges of the bins of the calibration error, and the bin in which each row's confidence lies.

    The bins are 15 of equal width on [0, 1], each with its upper edge and without its lower one, and the first with
    both, as in Guo et al. (2017), arXiv:1706.04599. Every number and every diagram takes its bins from here.

    Args:
        confidence: (n,), probabilities of the predicted classes.
    """
    edges = np.linspace(0, 1, CALIBRATION_BINS + 1)
    return edges, np.digitize(confidence, edges[1:-1], right=True)


def _classification(
    targets: np.ndarray, probabilities: np.ndarray, n_classes: int, skip: set[str]
) -> dict[str, float]:
    truth = torch.from_numpy(np.asarray(targets, dtype=np.int64))
    shares = torch.from_numpy(np.asarray(probabilities, dtype=np.float64))
    # From the probabilities as they are: torchmetrics would compare ties in its own way.
    chosen = torch.from_numpy(np.argmax(probabilities, axis=1))
    two = n_classes == 2
    metrics: dict[str, Callable[[], Tensor | float]] = {
        "accuracy": lambda: multiclass_accuracy(chosen, truth, n_classes, average="micro"),
        "balanced_accuracy": lambda: multiclass_accuracy(chosen, truth, n_classes, average="macro"),
        "f1": lambda: (
            binary_f1_score(chosen, truth)
            if two
            else multiclass_f1_score(chosen, truth, n_classes, average="macro")
        ),
        "roc_auc": lambda: (
            binary_auroc(shares[:, 1], truth) if two else multiclass_auroc(shares, truth, n_classes)
        ),
        "calibration_error": lambda: _calibration_error(probabilities, targets),
        "log_loss": lambda: _log_loss(shares, truth),
    }
    return {name: float(metric()) for name, metric in metrics.items() if name not in skip}


def _regression(targets: np.ndarray, predictions: np.ndarray, skip: set[str]) -> dict[str, float]:
    truth = torch.from_numpy(np.asarray(targets, dtype=np.float64))
    numbers = torch.from_numpy(np.asarray(predictions, dtype=np.float64))
    metrics = {
        "mae": lambda: mean_absolute_error(numbers, truth),
        "rmse": lambda: mean_squared_error(numbers, truth, squared=False),
        "r2": lambda: r2_score(numbers, truth),
    }
    return {name: float(metric()) for name, metric in metrics.items() if name not in skip}


def _calibration_error(probabilities: np.ndarray, targets: np.ndarray) -> float:
    confidence, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == targets
    _, bins = calibration_bins(confidence)
    return float(np.abs(np.bincount(bins, weights=confidence - right)).sum() / len(targets))


def _log_loss(probabilities: Tensor, truth: Tensor) -> Tensor:
    right = probabilities[torch.arange(len(truth)), truth]
    return -right.clamp(min=torch.finfo(torch.float64).eps).log().mean()


def _names(task: str) -> tuple[str, ...]:
    return CLASSIFICATION_METRICS if task == "classification" else REGRESSION_METRICS


def _check(task: str, targets: np.ndarray, predictions: np.ndarray, n_classes: int) -> None:
    if task not in ("classification", "regression"):
        raise ValueError(f"task is classification or regression, not {task!r}.")
    expected = (len(targets), n_classes) if task == "classification" else (len(targets),)
    if targets.ndim != 1 or predictions.shape != expected:
        raise ValueError(
            f"targets {targets.shape} ask for predictions {expected}, but they are {predictions.shape}."
        )
    if not np.isfinite(predictions).all():
        raise ValueError("predictions hold values that are not finite.")
    if task == "classification" and (
        (predictions < 0).any() or not np.allclose(predictions.sum(axis=1), 1, atol=1e-5)
    ):
        raise ValueError("probabilities must be at least 0 and sum to 1 in each row.")
