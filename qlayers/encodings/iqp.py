"""IQP encoding: Hadamard gates, rotations about z, and products of features on pairs of qubits."""

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
class Iqp(Encoding):
    """The feature map of instantaneous quantum polynomial circuits, as ``qp.IQPEmbedding`` builds it.

    Deviates from the paper: the angle on a pair is the product ``x_i x_j``, not ``(π - x_i)(π - x_j)``, and rotations
    are ``RZ(x)``, not ``RZ(2x)``.

    Args:
        n_repeats: How often the block is repeated within one encoding.
    """

    n_repeats: int = 1

    input_range: ClassVar[tuple[float, float] | None] = (-math.pi, math.pi)
    entangling: ClassVar[bool] = True
    paper: ClassVar[str] = "Havlíček et al. (2019), arXiv:1804.11326, equation 4"

    def __post_init__(self) -> None:
        if self.n_repeats < 1:
            raise ConfigurationError(f"encoding.n_repeats={self.n_repeats} must be at least 1.")

    def max_features(self, n_qubits: int) -> int:
        return n_qubits

    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        used = list(wires)[: features.shape[-1]]
        qp.IQPEmbedding(features, wires=used, n_repeats=self.n_repeats)
