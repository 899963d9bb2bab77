"""Angle encoding: one rotation a feature."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.encodings._base import Encoding
from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class Angle(Encoding):
    """Feature ``i`` is the angle, in radians, of a Pauli rotation on qubit ``i``.

    With ``rotation="z"`` a Hadamard gate precedes each rotation, where ``qp.AngleEmbedding`` has none: on the
    ground state a z rotation is a global phase and would encode nothing.

    Args:
        rotation: The axis, ``"x"``, ``"y"`` or ``"z"``.
    """

    rotation: str = "y"

    input_range: ClassVar[tuple[float, float] | None] = (-math.pi, math.pi)
    paper: ClassVar[str] = (
        "Schuld and Petruccione, Supervised Learning with Quantum Computers (2018), section 5"
    )

    def __post_init__(self) -> None:
        if self.rotation not in ("x", "y", "z"):
            raise ConfigurationError(f"encoding.rotation={self.rotation!r} is unknown. Available: x, y, z.")

    def max_features(self, n_qubits: int) -> int:
        return n_qubits

    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        used = list(wires)[: features.shape[-1]]
        if self.rotation == "z":
            for wire in used:
                qp.Hadamard(wire)
        qp.AngleEmbedding(features, wires=used, rotation=self.rotation.upper())

    def spectrum(self, repetitions: int) -> tuple[int, ...]:
        return tuple(range(-repetitions, repetitions + 1))
