"""The encoding of classical features into a quantum state."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch

from qlayers.components import Component
from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class Encoding(Component, ABC):
    """Base of all encodings. Subclass it as a frozen dataclass whose fields are the encoding's settings.

    Class attributes, all part of what an encoding declares and what the contract in :mod:`qlayers.testing` verifies:

    Attributes:
        input_range: The interval ``(low, high)`` on which features are told apart, or None where every real
            number is as good as another. Layers warn once about inputs outside it.
        differentiable: Whether gradients flow to the features. If not, the layer cuts them off.
        entangling: Whether the encoding itself entangles qubits, so that even a separable ansatz behind it
            makes an entangled state.
        amplitudes: Whether the features are, up to their norm, the state's amplitudes. Such an encoding prepares a
            state, so that it comes first and cannot be repeated, and devices that do not backpropagate
            differentiate it by :mod:`qlayers.state_shift`.
        paper: Where it is described.
    """

    kind: ClassVar[str] = "encoding"
    package: ClassVar[str] = "qlayers.encodings"

    input_range: ClassVar[tuple[float, float] | None] = None
    differentiable: ClassVar[bool] = True
    entangling: ClassVar[bool] = False
    amplitudes: ClassVar[bool] = False
    paper: ClassVar[str] = ""

    @abstractmethod
    def max_features(self, n_qubits: int) -> int:
        """The number of features that fit on ``n_qubits`` qubits."""

    @abstractmethod
    def apply(self, features: torch.Tensor, wires: Sequence[int]) -> None:
        """Queue the encoding's gates.

        Args:
            features: Shape ``(n_features,)`` or ``(batch, n_features)``; index features as ``features[..., i]``.
            wires: The circuit's qubits.
        """

    def spectrum(self, repetitions: int) -> tuple[int, ...] | None:
        """The frequencies that one feature can contribute to an expectation value after so many repetitions.

        Schuld, Sweke and Meyer (2021, arXiv:2008.08605), equation 7: sums of differences of the generator's
        eigenvalues. None means that the model is no Fourier series with integer frequencies in that feature.
        """
        return None

    def check_size(self, n_features: int, n_qubits: int) -> None:
        """Raise ConfigurationError unless ``n_features`` fit on ``n_qubits``."""
        most = self.max_features(n_qubits)
        if n_features > most:
            raise ConfigurationError(
                f"encoding={self.name} holds at most {most} features on n_qubits={n_qubits}, but n_features="
                f"{n_features}. Raise n_qubits or reduce the features to n_features<={most}."
            )

    @classmethod
    def takes_any_number(cls) -> bool:
        """Whether :meth:`check_inputs` refuses nothing, so that it need not be asked."""
        return cls.check_inputs is Encoding.check_inputs

    def check_inputs(self, features: torch.Tensor) -> None:
        """Raise :class:`~qlayers.errors.InputError` for features that cannot be encoded at all.

        Args:
            features: Shape ``(batch, n_features)``, finite.
        """
