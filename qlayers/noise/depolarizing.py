"""A gate now and then replaced by a random Pauli."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.noise._base import BlochMap, NoiseModel, check_probability


@dataclass(frozen=True)
class Depolarizing(NoiseModel):
    """After every gate each of its qubits gets X, Y or Z, each with probability p/3: ⟨Z⟩ → (1 - 4p/3)⟨Z⟩.

    Nielsen and Chuang, Quantum Computation and Quantum Information, section 8.3.4, with p of the Pauli form; p = 3/4
    leaves nothing of the state.

    Attributes:
        p: Probability of an error, for each qubit of each gate.
    """

    p: float = 0.01

    def __post_init__(self) -> None:
        check_probability(self, "p")

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        return [qp.DepolarizingChannel(self.p, wires=wire)]

    def of_gate(self, n_wires: int) -> BlochMap:
        left = 1 - 4 * self.p / 3
        return BlochMap(left, left, left)
