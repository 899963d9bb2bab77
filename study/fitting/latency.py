"""How long a prediction takes."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from study.fitting.learner import Learner
from study.fitting.paid import paid_layers


@dataclass(frozen=True)
class Latency:
    """Median wall times of predictions, in milliseconds.

    Attributes:
        row_ms: a call with one row, what an online service would wait.
        batch_ms: a call with all `rows` rows.
        rows: how many rows the batch had.
    """

    row_ms: float
    batch_ms: float
    rows: int


def latency_seconds(learner: Learner, row: np.ndarray) -> float | None:
    """The time of one prediction for one row (1, n_inputs); None where every repeat would be paid for."""
    model = getattr(learner, "model", None)
    if isinstance(model, nn.Module) and paid_layers(model):
        return None
    return measure_latency(learner.predict, row).row_ms / 1000


def measure_latency(
    predict: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, repeats: int = 11, limit_s: float = 2.0
) -> Latency:
    """Time `predict` on one row and on all rows (n, n_inputs), after one call each that is not counted.

    Args:
        predict: what to time.
        inputs: at least one row.
        repeats: calls to take the median of.
        limit_s: stop repeating a measurement after so many seconds; at least one call is counted.
    """
    if len(inputs) == 0:
        raise ValueError("Latency is measured on at least one row, but there is none.")
    row = _median_ms(predict, inputs[:1], repeats, limit_s)
    batch = row if len(inputs) == 1 else _median_ms(predict, inputs, repeats, limit_s)
    return Latency(row_ms=row, batch_ms=batch, rows=len(inputs))


def _median_ms(
    predict: Callable[[np.ndarray], np.ndarray], inputs: np.ndarray, repeats: int, limit_s: float
) -> float:
    predict(inputs)
    times: list[float] = []
    while not times or (len(times) < repeats and sum(times) < limit_s):
        start = time.perf_counter()
        predict(inputs)
        times.append(time.perf_counter() - start)
    return 1000 * statistics.median(times)
