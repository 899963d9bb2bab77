"""What a circuit's outputs are: expectation values of two outcomes, and probabilities of bit strings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from pennylane.measurements import ExpectationMP, MeasurementProcess, ProbabilityMP

from qlayers import QuantumLayer
from study.ladder.sizes import tape_of


@dataclass(frozen=True)
class Quantity:
    """One measurement of a circuit.

    Attributes:
        place: its columns among the outputs.
        kind: "expectation" of `size` times a Pauli word, whose outcomes are `size` and `-size`; or "probabilities".
        size: the coefficient; 1 for probabilities.
    """

    place: slice
    kind: Literal["expectation", "probabilities"]
    size: float = 1.0


def quantities(layer: QuantumLayer, row: np.ndarray) -> list[Quantity] | None:
    """The measurements of the circuit at these features (n_features,); None if one is neither of the two kinds."""
    found = []
    start = 0
    for measurement in tape_of(layer, row).measurements:
        if isinstance(measurement, ProbabilityMP):
            width = 2 ** len(measurement.wires or range(layer.n_qubits))
            found.append(Quantity(slice(start, start + width), "probabilities"))
            start += width
            continue
        size = _coefficient(measurement)
        if size is None:
            return None
        found.append(Quantity(slice(start, start + 1), "expectation", size))
        start += 1
    return found


def _coefficient(measurement: MeasurementProcess) -> float | None:
    """|c| if the measurement is the expectation of c times one Pauli word, else None."""
    observable = measurement.obs if isinstance(measurement, ExpectationMP) else None
    words = None if observable is None else observable.pauli_rep
    if words is None or len(words) != 1:
        return None
    return float(abs(next(iter(words.values()))))
