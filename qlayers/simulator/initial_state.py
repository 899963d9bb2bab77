"""The state that a circuit begins with: products of states that its author prepares on some of the qubits."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from qlayers.errors import InputError
from qlayers.look import look
from qlayers.simulator.formula import Formula

NORM_TOLERANCE = 1e-5
"""By how much a norm may differ from 1, as in PennyLane."""


@dataclass(frozen=True)
class PreparedState:
    """A state of some qubits.

    Attributes:
        qubits: The first is the most significant bit of an amplitude's number.
        formula: The amplitudes as one result of a formula, or as two: real and imaginary parts. None for a constant.
        constant: Otherwise the amplitudes, complex128.
        features: Where the state is a slice of the sample, normalised and padded with zeros: its bounds. Then the
            formula is not needed.
        is_checked: Whether PennyLane refuses a state whose norm is not 1.
    """

    qubits: tuple[int, ...]
    formula: Formula | None
    constant: torch.Tensor | None
    features: tuple[int, int] | None = None
    is_checked: bool = False

    @property
    def is_complex(self) -> bool:
        """Whether amplitudes have imaginary parts."""
        if self.constant is not None:
            return bool(self.constant.imag.any())
        return self.features is None and self.formula is not None and len(self.formula.results) == 2

    def of_batch(self, weights: torch.Tensor, samples: torch.Tensor, checks: bool = True) -> torch.Tensor:
        """Amplitudes, shape ``(batch, 2**len(qubits))``; norms are checked unless told otherwise.

        Raises:
            InputError: The norm must be 1 and is not.
        """
        if self.features is not None:
            chosen = samples if self.features == (0, samples.shape[1]) else samples[:, slice(*self.features)]
            amplitudes = torch.nn.functional.normalize(chosen, dim=-1, eps=0.0)
            return torch.nn.functional.pad(amplitudes, (0, 2 ** len(self.qubits) - chosen.shape[1]))
        if self.constant is not None:
            constant = self.constant.to(samples.device)
            constant = (
                constant.to(samples.dtype.to_complex()) if self.is_complex else constant.real.to(samples)
            )
            return constant.expand(len(samples), -1)
        assert self.formula is not None
        found = self.formula.of_batch(weights, samples)  # (batch, 1 or 2, 2**len(qubits))
        if self.is_checked and checks:
            look(found, _check_norms)
        return torch.complex(found[:, 0], found[:, 1]) if self.is_complex else found[:, 0]


@dataclass(frozen=True)
class InitialState:
    """The product of some prepared states; other qubits begin in |0⟩."""

    n_qubits: int
    states: tuple[PreparedState, ...]

    @property
    def is_complex(self) -> bool:
        """Whether amplitudes have imaginary parts."""
        return any(state.is_complex for state in self.states)

    @property
    def n_amplitudes(self) -> int:
        """Real numbers that describe it: real parts, and behind them imaginary parts if there are any."""
        return (1 + self.is_complex) * 2**self.n_qubits

    def of_batch(self, weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Shape ``(batch, n_amplitudes)``, in the samples' dtype."""
        product = self.states[0].of_batch(weights, samples)
        for state in self.states[1:]:
            product = (product[:, :, None] * state.of_batch(weights, samples)[:, None, :]).flatten(1)
        qubits = [qubit for state in self.states for qubit in state.qubits]
        if qubits != list(range(self.n_qubits)):
            places = torch.from_numpy(_places(qubits, self.n_qubits)).to(product.device)
            product = product.new_zeros(len(samples), 2**self.n_qubits).index_copy(1, places, product)
        if not self.is_complex:
            return product
        return torch.cat([product.real, product.imag], dim=1)


def _places(qubits: list[int], n_qubits: int) -> np.ndarray:
    """Where the amplitudes of a state of some qubits lie among those of all qubits."""
    indices = np.arange(2 ** len(qubits))
    places = np.zeros_like(indices)
    for position, qubit in enumerate(qubits):
        bit = indices >> (len(qubits) - 1 - position) & 1
        places |= bit << (n_qubits - 1 - qubit)
    return places


def _check_norms(found: torch.Tensor) -> None:
    norms = torch.linalg.vector_norm(found.detach().flatten(start_dim=-2), dim=-1)
    wrong = ((norms - 1.0).abs() > NORM_TOLERANCE).nonzero()
    if len(wrong):
        raise InputError(
            f"The circuit prepares a state whose norm is {norms[tuple(wrong[0])].item():.6g} and not 1 "
            f"({len(wrong)} of {norms.numel()} samples). Normalise the amplitudes, or pass normalize=True to the "
            "embedding."
        )
