"""How the error of a run's circuits falls with the number of measurements, beside the line 1/√shots."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from pydantic import with_config

from qlayers import QuantumLayer
from qlayers.backends import Backend
from study.fitting.seeding import derive, reseed
from study.ladder.evidence import Found
from study.ladder.theory import single_shot_variances
from study.statistics.bootstrap import FEW_ROWS, Bootstrap, bootstrap_rows


@with_config(extra="forbid")
@dataclass(frozen=True)
class Point:
    """The error at one number of shots.

    Attributes:
        shots: of one circuit.
        error: root mean square of the outputs' differences from the exact ones, over rows, outputs and repeats.
        low: of its bootstrap interval over the rows; the error itself where there are too few for one.
        high: the same.
        expected: by theory; None for measurements that it does not know.
    """

    shots: int
    error: float
    low: float
    high: float
    expected: float | None


def shots_curve(
    layer: QuantumLayer,
    exact: Found,
    backend: Backend,
    counts: Sequence[int],
    repeats: int,
    seed: int,
    advance: Callable[[int], None] = lambda _: None,
) -> list[Point]:
    """Measure the run's first circuit on the chosen rows with each number of shots.

    Args:
        layer: the circuit, with the run's weights.
        exact: what the reference rung gave and got.
        backend: which samples; its number of shots is replaced.
        counts: numbers of shots.
        repeats: of every row at every number.
        seed: of the samples.
        advance: called with 1 when a number is done.
    """
    inputs, values = exact.inputs[0], exact.results[0]
    variances = single_shot_variances(layer, inputs, values)
    features = torch.as_tensor(inputs, dtype=layer.dtype)
    points = []
    for shots in counts:
        reseed(seed, "curve", shots)
        there = layer.on(dataclasses.replace(backend, shots=shots)).eval()  # type: ignore[call-arg]
        squares = np.zeros(len(inputs))
        with torch.no_grad():
            for _ in range(repeats):
                outputs = there(features).double().numpy(force=True).reshape(values.shape)
                squares += ((outputs - values) ** 2).mean(axis=1) / repeats

        def error_of(drawn: np.ndarray, squares: np.ndarray = squares) -> np.ndarray:
            return np.asarray(np.sqrt(squares[drawn].mean(axis=-1)))

        found = bootstrap_rows(error_of, len(inputs), derive(seed, "curve", shots))
        error = float(np.sqrt(squares.mean()))
        low, high = error, error
        if isinstance(found, Bootstrap) and len(inputs) >= FEW_ROWS:
            low, high = found.low, found.high
        expected = None if variances is None else float(np.sqrt(variances.mean() / shots))
        points.append(Point(shots, error, low, high, expected))
        advance(1)
    return points
