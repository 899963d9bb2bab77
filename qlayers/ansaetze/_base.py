"""The trainable part of a circuit, layer by layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from qlayers.components import Component


@dataclass(frozen=True)
class Ansatz(Component, ABC):
    """Base of all ansätze: a pattern of gates, repeated ``depth`` times with weights of its own each time.

    Attributes:
        entanglement: The pattern of two-qubit gates in words; ``"none"`` declares that there are none.
        paper: Where it is described.
    """

    kind: ClassVar[str] = "ansatz"
    package: ClassVar[str] = "qlayers.ansaetze"

    entanglement: ClassVar[str]
    paper: ClassVar[str] = ""

    @abstractmethod
    def layer_shape(self, n_qubits: int) -> tuple[int, ...]:
        """The shape of the weights of one layer. A circuit's weights have shape ``(depth, *layer_shape)``."""

    @abstractmethod
    def apply(self, weights: torch.Tensor, wires: Sequence[int], layer: int) -> None:
        """Queue the gates of one layer.

        Args:
            weights: Shape :meth:`layer_shape`; angles in radians.
            wires: The circuit's qubits.
            layer: The layer's position, from 0, for patterns that change with it.
        """

    def initial_weights(self, depth: int, n_qubits: int) -> torch.Tensor:
        """Fresh weights from torch's random stream: uniform on [0, 2π), as ``qp.qnn.TorchLayer`` draws them."""
        return torch.rand((depth, *self.layer_shape(n_qubits))) * (2 * torch.pi)
