"""The control without entanglement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.ansaetze._base import Ansatz


@dataclass(frozen=True)
class Separable(Ansatz):
    """A general rotation on each qubit and nothing between qubits.

    The control for every entangling ansatz: behind a product encoding it can be simulated qubit by qubit, so what
    it does as well needs no entanglement. It has as many weights as ``strongly_entangling``.
    """

    entanglement: ClassVar[str] = "none"
    paper: ClassVar[str] = "Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, section 3"

    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        return (n_qubits, 3)

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        for i, wire in enumerate(wires):
            qp.Rot(weights[i, 0], weights[i, 1], weights[i, 2], wires=wire)
