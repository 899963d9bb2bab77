"""A qubit that loses its phase and keeps its population."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.noise._base import BlochMap, NoiseModel, check_probability


@dataclass(frozen=True)
class PhaseDamping(NoiseModel):
    """After every gate each of its qubits dephases: ⟨X⟩ and ⟨Y⟩ → √(1 - p) of themselves, ⟨Z⟩ stays.

    Nielsen and Chuang, section 8.3.6.

    Attributes:
        p: Probability that the environment has learned the qubit's state, for each qubit of each gate.
    """

    p: float = 0.01

    def __post_init__(self) -> None:
        check_probability(self, "p")

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        return [qp.PhaseDamping(self.p, wires=wire)]

    def of_gate(self, n_wires: int) -> BlochMap:
        coherence = math.sqrt(1 - self.p)
        return BlochMap(coherence, coherence, 1.0)
