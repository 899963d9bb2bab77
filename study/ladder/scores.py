"""Metrics that are computed from a score a row, so that rows can be drawn again: for intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Statistic = Callable[[np.ndarray], np.ndarray]
"""Positions of rows (…, n), with repetition → the metric for each list of rows, (…)."""

_LEAST = np.finfo(np.float64).eps


def statistics(task: str, targets: np.ndarray, outputs: np.ndarray) -> dict[str, Statistic]:
    """The metrics of `study.metrics.evaluate` that are made of scores a row, by name.

    Others, such as the area under the ROC curve, compare rows with each other; they are reported without an interval.

    Args:
        task: "classification" or "regression".
        targets: class positions or numbers, (n,).
        outputs: probabilities (n, n_classes) or numbers (n,).
    """
    if task == "regression":
        errors = outputs.astype(np.float64) - targets
        return {"mae": _mean(np.abs(errors)), "rmse": _root(_mean(errors**2))}
    hits = (outputs.argmax(axis=1) == targets).astype(np.float64)
    losses = -np.log(np.clip(outputs[np.arange(len(targets)), targets].astype(np.float64), _LEAST, None))
    return {
        "accuracy": _mean(hits),
        "balanced_accuracy": _mean_of_classes(hits, targets),
        "log_loss": _mean(losses),
    }


def _mean(scores: np.ndarray) -> Statistic:
    return lambda rows: scores[rows].mean(axis=-1)


def _root(statistic: Statistic) -> Statistic:
    return lambda rows: np.sqrt(statistic(rows))


def _mean_of_classes(hits: np.ndarray, targets: np.ndarray) -> Statistic:
    """The mean over the classes of the share of hits; a class that is not among the rows drawn does not count."""
    classes = np.unique(targets)

    def of(rows: np.ndarray) -> np.ndarray:
        drawn_hits, drawn = hits[rows], targets[rows]
        shares = []
        for one in classes:
            inside = drawn == one
            counts = inside.sum(axis=-1)
            shares.append(
                np.where(counts > 0, (drawn_hits * inside).sum(axis=-1) / np.maximum(counts, 1), np.nan)
            )
        return np.asarray(np.nanmean(np.stack(shares), axis=0))

    return of
