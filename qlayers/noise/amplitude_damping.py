"""A qubit that falls to its ground state."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.noise._base import BlochMap, NoiseModel, check_probability


@dataclass(frozen=True)
class AmplitudeDamping(NoiseModel):
    """After every gate each of its qubits, if in |1⟩, falls to |0⟩ with probability p: ⟨Z⟩ → (1 - p)⟨Z⟩ + p.

    Nielsen and Chuang, section 8.3.5.

    Attributes:
        p: Probability of the fall, for each qubit of each gate.
    """

    p: float = 0.01

    def __post_init__(self) -> None:
        check_probability(self, "p")

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        return [qp.AmplitudeDamping(self.p, wires=wire)]

    def of_gate(self, n_wires: int) -> BlochMap:
        coherence = math.sqrt(1 - self.p)
        return BlochMap(coherence, coherence, 1 - self.p, self.p)
