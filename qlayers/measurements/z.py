"""One expectation value a qubit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
from pennylane.measurements import MeasurementProcess

from qlayers.measurements._base import Measurement


@dataclass(frozen=True)
class Z(Measurement):
    """⟨Z⟩ of every qubit: ``n_qubits`` numbers in [-1, 1]."""

    output_range: ClassVar[tuple[float, float]] = (-1.0, 1.0)

    def n_outputs(self, n_qubits: int) -> int:
        return n_qubits

    def measure(self, wires: Sequence[int]) -> list[MeasurementProcess]:
        return [qp.expval(qp.Z(wire)) for wire in wires]
