"""Basic entangler layers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.ansaetze._base import Ansatz
from qlayers.errors import ConfigurationError

_GATES = {"x": qp.RX, "y": qp.RY, "z": qp.RZ}


@dataclass(frozen=True)
class BasicEntangler(Ansatz):
    """One rotation a qubit, then a closed ring of CNOT gates (a single one for two qubits).

    Args:
        rotation: The axis, ``"x"``, ``"y"`` or ``"z"``.
    """

    rotation: str = "x"

    entanglement: ClassVar[str] = "ring"
    paper: ClassVar[str] = (
        "PennyLane, qp.BasicEntanglerLayers; the ring of Schuld et al. (2020), arXiv:1804.00633"
    )

    def __post_init__(self) -> None:
        if self.rotation not in _GATES:
            raise ConfigurationError(f"ansatz.rotation={self.rotation!r} is unknown. Available: x, y, z.")

    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        return (n_qubits,)

    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        qp.BasicEntanglerLayers(weights[None], wires=wires, rotation=_GATES[self.rotation])
