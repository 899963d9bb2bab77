"""Strongly entangling layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.ansaetze._base import Ansatz


@dataclass(frozen=True)
class StronglyEntangling(Ansatz):
    """Three rotations a qubit, then a ring of CNOT gates whose reach grows by one a layer.

    Layer ``l`` (from 0) connects qubit ``i`` with ``i + l mod (n - 1) + 1``, as ``qp.StronglyEntanglingLayers`` does,
    so that interleaving an encoding between layers leaves the pattern as it is.
    """

    entanglement: ClassVar[str] = "ring with growing range"
    paper: ClassVar[str] = "Schuld, Bocharov, Svore and Wiebe (2020), arXiv:1804.00633, figure 4"

    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        return (n_qubits, 3)

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        ranges = (layer % (len(wires) - 1) + 1,) if len(wires) > 1 else None
        qp.StronglyEntanglingLayers(weights[None], wires=wires, ranges=ranges)
