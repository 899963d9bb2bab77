"""What is done to the states, of shape ``(batch, 2**n_qubits)``, one step after another, with torch.

The batch is 1 as long as nothing depends on the sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import torch
from torch import Tensor

from qlayers.simulator.program import Program
from qlayers.simulator.regroup import Layer
from qlayers.simulator.torch_matrices import BothGates, Constant


class Product:
    """The first layer on |0…0⟩: a product of the columns of matrices of one place each."""

    def __init__(self, found: Sequence[tuple[bool, int, int]], n_qubits: int, constant: Constant) -> None:
        self._found = found
        self._rest = constant(np.eye(1, 2 ** (n_qubits - len(found)), dtype=np.complex128))

    def __call__(self, state: Tensor, gates: BothGates) -> Tensor:
        """The amplitudes afterwards."""
        columns = [gates[sampled][0][number][..., 0] for sampled, number, _ in self._found]
        # From the last place on, so that what is alike for all samples, which is first, is what grows last.
        return reduce(
            lambda done, column: (column[..., :, None] * done[..., None, :]).flatten(-2),
            columns[::-1],
            self._rest,
        )


class Block:
    """A matrix on some neighbouring places."""

    def __init__(self, place: int, is_sampled: bool, number: int, size: int) -> None:
        self._is_sampled, self._number, self._shape = is_sampled, number, (2**place, 2**size, -1)

    def __call__(self, state: Tensor, gates: BothGates) -> Tensor:
        """The amplitudes afterwards."""
        matrix = gates[self._is_sampled][0][self._number]
        state = state.unflatten(-1, self._shape)
        if state.shape[-1] == 1:
            return (state[..., 0] @ matrix.mT).flatten(1)
        if state.shape[1] == 1:
            return (matrix @ state[:, 0]).flatten(1)
        return ((matrix[:, None] if self._is_sampled else matrix) @ state).flatten(1)


class Phases:
    """``exp(-i/2 Σ ±angle)``, the sign by the parity of the index with each phase's row."""

    def __init__(
        self, layer: Layer, program: Program, phases: tuple[list[int], list[int]], constant: Constant
    ) -> None:
        self._parts = []
        for sampled in (False, True):
            of_kind = [
                (layer.row(row), angle)
                for row, angle in layer.phases
                if program.polynomials.is_sampled[angle] == sampled
            ]
            if of_kind:
                signs = RowSigns([row for row, _ in of_kind], program.n_qubits, constant)
                start = len(phases[sampled])
                phases[sampled].extend(angle for _, angle in of_kind)
                self._parts.append((sampled, slice(start, len(phases[sampled])), signs))

    def __call__(self, state: Tensor, gates: BothGates) -> Tensor:
        """The amplitudes afterwards."""
        angles = (signs.sum(gates[sampled][1][..., where]) for sampled, where, signs in self._parts)
        half = -0.5 * reduce(torch.add, angles)
        return state * torch.complex(half.cos(), half.sin())


class Flips:
    """Signs from a table."""

    def __init__(self, signs: np.ndarray, constant: Constant) -> None:
        self._signs = constant(signs.astype(np.float64))

    def __call__(self, state: Tensor, gates: BothGates) -> Tensor:
        """The amplitudes afterwards."""
        return state * self._signs


class Permutation:
    """Amplitudes, or what belongs to them, moved to where the table says they come from."""

    def __init__(self, sources: np.ndarray, constant: Constant) -> None:
        is_identity = np.array_equal(sources, np.arange(len(sources)))
        self._tables = None if is_identity else (constant(sources), constant(np.argsort(sources)))

    def __call__(self, state: Tensor, gates: BothGates | None = None) -> Tensor:
        """Values of shape ``(batch, sources)``, permuted."""
        if self._tables is None:
            return state
        if torch.compiler.is_compiling():  # which does not take a Function with a jvp
            return state.gather(-1, self._tables[0].expand(state.shape))
        permuted: Tensor = _Permute.apply(state, *self._tables)
        return permuted


class _Permute(torch.autograd.Function):
    """``values[:, sources]``; torch's own derivative adds up, which takes several times longer than to permute back."""

    generate_vmap_rule = True

    @staticmethod
    def forward(values: Tensor, sources: Tensor, targets: Tensor) -> Tensor:
        return values.gather(-1, sources.expand(values.shape))

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        ctx.save_for_backward(*inputs[1:])
        ctx.save_for_forward(*inputs[1:])

    @staticmethod
    def backward(ctx: Any, cotangents: Tensor) -> tuple[Tensor, None, None]:
        sources, targets = ctx.saved_tensors
        return _Permute.apply(cotangents, targets, sources), None, None

    @staticmethod
    def jvp(ctx: Any, tangents: Tensor, *_: None) -> Tensor:
        sources, targets = ctx.saved_tensors
        return _Permute.apply(tangents, sources, targets)


class RowSigns:
    """Signs by the parity of an index with each of some rows.

    They are products of the signs of the index's two halves, so that small tables do.
    """

    def __init__(self, rows: Sequence[int], n_qubits: int, constant: Constant) -> None:
        low = n_qubits // 2
        high = [row >> low for row in rows]
        self._high, self._low = (
            constant(1.0 - 2.0 * (np.bitwise_count(np.arange(2**n_bits) & np.array(part)[:, None]) & 1))
            for n_bits, part in ((n_qubits - low, high), (low, [row & (2**low - 1) for row in rows]))
        )

    def sum(self, values: Tensor) -> Tensor:
        """From a value for every row to their sum, with signs, for every index."""
        return ((values[..., None] * self._high).mT @ self._low).flatten(-2)

    def transposed(self, values: Tensor) -> Tensor:
        """From a value for every index to their sum, with signs, for every row."""
        values = values.unflatten(-1, (self._high.shape[1], self._low.shape[1]))
        return ((values @ self._low.mT) * self._high.mT).sum(-2)
