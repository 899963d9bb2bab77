"""A gate now and then followed by an X."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.noise._base import BlochMap, NoiseModel, check_probability


@dataclass(frozen=True)
class BitFlip(NoiseModel):
    """After every gate each of its qubits is flipped with probability p: ⟨Z⟩ → (1 - 2p)⟨Z⟩.

    Nielsen and Chuang, section 8.3.3.

    Attributes:
        p: Probability of a flip, for each qubit of each gate.
    """

    p: float = 0.01

    def __post_init__(self) -> None:
        check_probability(self, "p")

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        return [qp.BitFlip(self.p, wires=wire)]

    def of_gate(self, n_wires: int) -> BlochMap:
        left = 1 - 2 * self.p
        return BlochMap(1.0, left, left)
