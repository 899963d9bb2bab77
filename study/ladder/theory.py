"""How far estimates from a number of measurements lie from exact values, by theory."""

from __future__ import annotations

import math

import numpy as np

from qlayers import QuantumLayer
from study.ladder.quantities import Quantity, quantities


def single_shot_variances(layer: QuantumLayer, inputs: np.ndarray, exact: np.ndarray) -> np.ndarray | None:
    """The variance of one measurement behind every output, of which n shots leave the n-th part.

    A Pauli word P has P² = 1, so the variance of cP is c² - ⟨cP⟩². The share of shots that give a bit string of
    probability p has the variance p(1 - p) a shot, the binomial one.

    Args:
        layer: the circuit.
        inputs: (n, n_features); the first row is used to read the measurements off the circuit.
        exact: its exact outputs, (n, n_outputs).

    Returns:
        (n, n_outputs), or None for a circuit that measures anything else.
    """
    measured = quantities(layer, inputs[0])
    return None if measured is None else variances(measured, exact)


def variances(measured: list[Quantity], exact: np.ndarray) -> np.ndarray:
    """As `single_shot_variances`, for measurements that are known."""
    found = np.empty_like(exact, dtype=np.float64)
    for one in measured:
        values = exact[:, one.place]
        squared = values**2
        found[:, one.place] = (one.size**2 if one.kind == "expectation" else values) - squared
    return np.clip(found, 0, None)


def total_variation(measured: list[Quantity], outputs: np.ndarray, exact: np.ndarray) -> np.ndarray:
    """Total variation distance of what was measured from what is exact: the mean over measurements, of each row (n,).

    It is half the sum of the differences of probabilities. An outcome of ±c has the probabilities (1 ± ⟨P⟩)/2, so that
    the distance of two expectation values is |Δ|/2c.
    """
    parts = []
    for one in measured:
        difference = np.abs(outputs[:, one.place] - exact[:, one.place])
        parts.append(difference.sum(axis=1) / (2 * one.size))
    return np.asarray(np.mean(parts, axis=0))


def sampling_variation(measured: list[Quantity], exact: np.ndarray, shots: int) -> float:
    """The total variation distance that sampling alone makes, on average over rows: of a normal error, √(2/π) of σ."""
    deviations = np.sqrt(variances(measured, exact) / shots) * math.sqrt(2 / math.pi)
    return float(np.mean([deviations[:, one.place].sum(axis=1) / (2 * one.size) for one in measured]))
