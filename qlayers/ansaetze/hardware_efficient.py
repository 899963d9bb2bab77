"""A hardware-efficient ansatz: rotations and a chain of gates between neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.ansaetze._base import Ansatz


@dataclass(frozen=True)
class HardwareEfficient(Ansatz):
    """RY and RZ on each qubit, then CZ gates along an open chain, which every linear connectivity has.

    Deviates from the paper, which uses Euler rotations (z-x-z) and the cross-resonance drift of its device.
    """

    entanglement: ClassVar[str] = "open chain"
    paper: ClassVar[str] = "Kandala et al. (2017), arXiv:1704.05018, figure 1c"

    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        return (n_qubits, 2)

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        for i, wire in enumerate(wires):
            qp.RY(weights[i, 0], wires=wire)
            qp.RZ(weights[i, 1], wires=wire)
        for first, second in pairwise(wires):
            qp.CZ(wires=[first, second])
