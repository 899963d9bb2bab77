"""Basis encoding: bits as a computational basis state."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.encodings._base import Encoding
from qlayers.errors import InputError


@dataclass(frozen=True)
class Basis(Encoding):
    """Feature ``i``, 0 or 1, flips qubit ``i``. No gradient flows to the bits.

    The flip is ``RX(π·bit)``, which equals X up to a global phase and, unlike ``qp.BasisEmbedding``, takes a batch.
    """

    input_range: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    differentiable: ClassVar[bool] = False
    paper: ClassVar[str] = (
        "Schuld and Petruccione, Supervised Learning with Quantum Computers (2018), section 5"
    )

    def max_features(self, n_qubits: int) -> int:
        return n_qubits

    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        for i in range(features.shape[-1]):
            qp.RX(math.pi * features[..., i], wires=wires[i])

    def check_inputs(self, features: torch.Tensor) -> None:
        wrong = ((features != 0) & (features != 1)).nonzero()
        if len(wrong):
            row, column = wrong[0].tolist()
            raise InputError(
                f"encoding=basis takes bits, 0 or 1, but row {row} has {features[row, column].item():g} as feature "
                f"{column} ({len(wrong)} such values in all). Threshold the data first (reduction=pca_threshold does) "
                "or choose another encoding."
            )
