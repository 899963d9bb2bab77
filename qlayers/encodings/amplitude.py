"""Amplitude encoding: features as the amplitudes of the state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch

from qlayers.encodings._base import Encoding
from qlayers.errors import InputError


@dataclass(frozen=True)
class Amplitude(Encoding):
    """Features divided by their Euclidean norm are the state's first amplitudes; the rest are zero.

    The norm is lost: ``x`` and ``2x`` give the same state. It prepares a state, so it cannot be re-uploaded.
    """

    entangling: ClassVar[bool] = True
    amplitudes: ClassVar[bool] = True
    paper: ClassVar[str] = (
        "Schuld and Petruccione, Supervised Learning with Quantum Computers (2018), section 5"
    )

    def max_features(self, n_qubits: int) -> int:
        return int(2**n_qubits)

    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        qp.AmplitudeEmbedding(features, wires=wires, normalize=True, pad_with=0.0)

    def check_inputs(self, features: torch.Tensor) -> None:
        zero_rows = (features == 0).all(dim=-1).nonzero().flatten().tolist()
        if zero_rows:
            raise InputError(
                f"encoding=amplitude cannot encode a row of zeros, which has no direction, but row {zero_rows[0]} "
                f"({len(zero_rows)} in all) is one. Drop such rows, add a constant feature, or choose another encoding."
            )
