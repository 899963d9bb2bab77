"""The probability of every computational basis state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
from pennylane.measurements import MeasurementProcess

from qlayers.measurements._base import Measurement


@dataclass(frozen=True)
class Probs(Measurement):
    """Probabilities of the ``2**n_qubits`` basis states, the first qubit being the most significant bit."""

    output_range: ClassVar[tuple[float, float]] = (0.0, 1.0)

    def n_outputs(self, n_qubits: int) -> int:
        return int(2**n_qubits)

    def measure(self, wires: Sequence[int]) -> list[MeasurementProcess]:
        return [qp.probs(wires=wires)]
