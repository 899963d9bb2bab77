"""What is measured on states of shape ``(batch, 2**n_qubits)``, with torch: ``(batch, n_outputs)``."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from qlayers.simulator.kernels.kinds import PROBABILITIES
from qlayers.simulator.program import Program
from qlayers.simulator.regroup import Layer
from qlayers.simulator.torch_matrices import Constant
from qlayers.simulator.torch_steps import Permutation, RowSigns


class PauliWords:
    """Expectation values of Pauli words."""

    def __init__(self, program: Program, storage: np.ndarray, layer: Layer, constant: Constant) -> None:
        measured = program.measured
        index = np.argsort(storage)
        # A word of i^k: the real part of i^k z is wanted, which is ±z.real or ±z.imag.
        words = zip(measured.flips.tolist(), measured.rows.tolist(), measured.signs.tolist(), strict=True)
        found: dict[tuple[int, bool], list[tuple[int, int, float]]] = {}
        for number, (flip, row, power) in enumerate(words):
            is_imaginary = abs(power) == 2
            sign = -np.sign(power) if is_imaginary else np.sign(power)
            found.setdefault((flip, is_imaginary), []).append((number, layer.row(row), sign))
        self._parts = []
        for (flip, is_imaginary), of_flip in found.items():
            _, rows, signs = zip(*of_flip, strict=True)
            sources = np.arange(len(storage)) ^ index[flip]
            permutation = Permutation(sources, constant)
            self._parts.append(
                (
                    permutation if flip else None,
                    is_imaginary,
                    RowSigns(rows, program.n_qubits, constant),
                    constant(np.array(signs, float)),
                )
            )
        order = [number for of_flip in found.values() for number, *_ in of_flip]
        self._order = Permutation(np.argsort(order), constant)

    def __call__(self, state: Tensor) -> Tensor:
        """The outputs, by sample."""
        found = []
        for permutation, is_imaginary, rows, signs in self._parts:
            if permutation is None:
                overlap = _squares(state)
            else:
                product = permutation(state).conj() * state
                overlap = product.imag if is_imaginary else product.real
            found.append(signs * rows.transposed(overlap))
        return self._order(torch.cat(found, dim=-1))


class ByIndex:
    """Probabilities, or the state: sorted by what each index stands for."""

    def __init__(self, program: Program, storage: np.ndarray, layer: Layer, constant: Constant) -> None:
        self._probabilities = program.measured.kind == PROBABILITIES
        self._n_outputs = program.n_outputs
        self._sort = Permutation(np.argsort(program.measured.states[storage], kind="stable"), constant)

    def __call__(self, state: Tensor) -> Tensor:
        """The outputs, by sample."""
        if self._probabilities:
            return self._sort(_squares(state)).unflatten(-1, (self._n_outputs, -1)).sum(-1)
        state = self._sort(state)
        return torch.cat([state.real, state.imag], dim=-1)


def _squares(state: Tensor) -> Tensor:
    return state.real.square() + state.imag.square()
