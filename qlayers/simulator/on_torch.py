"""Running a program with torch operations: on any device, to any order of derivative, under ``torch.func``.

On a CPU the compiled kernels are faster; what they cannot do runs here. Gates are applied by the layer (see
:mod:`qlayers.simulator.regroup`): rotations of up to five places as one matrix, and all that is diagonal at once.
Between layers the amplitudes are permuted. States have shape ``(batch, 2**n_qubits)``, or ``(1, 2**n_qubits)`` as long
as nothing depends on the sample.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterator, Sequence
from functools import reduce
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from qlayers.simulator.kernels import PROBABILITIES, WORDS
from qlayers.simulator.program import Program, Z
from qlayers.simulator.regroup import Chain, Layer, layers_of

MAX_BLOCK = 5
"""Places in one matrix: past 32 rows the arithmetic grows faster than the passes over the amplitudes that it saves."""

_Constant: TypeAlias = Callable[[Any], Tensor]
"""Puts an array on the plan's device, in its precision."""

_Gates: TypeAlias = tuple[Sequence[Tensor], Tensor]
"""Blocks' matrices ``(*batch, 2**places, 2**places)`` and phases' angles ``(*batch, phases)``."""

_BothGates: TypeAlias = tuple[_Gates, _Gates]
"""What depends on weights alone, where the batch has no dimension, and what depends on the sample."""


def run_on_torch(program: Program, samples: Tensor, weights: Tensor) -> Tensor:
    """Run a program.

    Args:
        program: What to run.
        samples: Shape ``(batch, n_features + n_amplitudes)``, amplitudes of norm 1; float32 or float64, any device.
        weights: Flat, the samples' dtype and device.

    Returns:
        Shape ``(batch, n_outputs)``, differentiable any number of times with respect to samples and weights. Matrix
        products heed ``torch.set_float32_matmul_precision``.
    """
    return _plan_of(program, samples.device, samples.dtype).run(samples, weights)


_plans: dict[int, tuple[weakref.ref[Program], dict[tuple[torch.device, torch.dtype], _Plan]]] = {}


@torch.compiler.assume_constant_result
def _plan_of(program: Program, device: torch.device, dtype: torch.dtype) -> _Plan:
    """Made once for each device and dtype, and gone with the program."""
    number = id(program)  # programs hold arrays and so have no hash
    if number not in _plans:
        _plans[number] = (weakref.ref(program, lambda _: _plans.pop(number, None)), {})
    plans = _plans[number][1]
    if (device, dtype) not in plans:
        plans[device, dtype] = _Plan(program, device, dtype)
    return plans[device, dtype]


class _Plan:
    """A program's steps, with their index tables and constants on a device."""

    def __init__(self, program: Program, device: torch.device, dtype: torch.dtype) -> None:
        def constant(array: Any) -> Tensor:
            array = np.asarray(array)
            kinds = {"c": dtype.to_complex(), "f": dtype}
            return torch.as_tensor(array, dtype=kinds.get(array.dtype.kind, torch.int64), device=device)

        self._n_features, self._size = program.n_features, 2**program.n_qubits
        layers = layers_of(program)
        blocks: tuple[list[list[Chain]], list[list[Chain]]] = ([], [])  # by whether they depend on the sample
        phases: tuple[list[int], list[int]] = ([], [])
        self._steps: list[Callable[[Tensor, _BothGates], Tensor]] = []
        storage = np.arange(self._size)
        for layer in layers:
            before, storage = storage, layer.storage()
            is_product = layer is layers[0] and not program.n_amplitudes
            found = []
            for block in _blocks(layer, program.n_qubits, 1 if is_product else MAX_BLOCK):
                of_kind = blocks[block[0].is_sampled]
                found.append((block[0].is_sampled, len(of_kind), len(block)))
                of_kind.append(block)
            if is_product:
                self._steps.append(_Product(found, program.n_qubits, constant))
            else:
                self._steps.append(_Permutation(np.argsort(before)[storage], constant))
                places = np.cumsum([0, *(size for *_, size in found)]).tolist()
                self._steps += [_Block(place, *block) for place, block in zip(places, found, strict=False)]
            if layer.phases:
                self._steps.append(_Phases(layer, program, phases, constant))
            if layer.signs is not None:
                self._steps.append(_Flips(layer.signs[storage], constant))
        measurement = _Words if program.measured.kind == WORDS else _ByIndex
        self._measure = measurement(program, storage, layers[-1], constant)
        self._matrices = [_Matrices(program, *found, constant) for found in zip(blocks, phases, strict=True)]

    def run(self, samples: Tensor, weights: Tensor) -> Tensor:
        """See :func:`run_on_torch`."""
        batch = len(samples)
        features, state = samples[:, : self._n_features], samples[:, self._n_features :]
        if state.shape[1] > self._size:
            state = torch.complex(state[:, : self._size], state[:, self._size :])
        elif state.shape[1]:
            state = torch.complex(state, torch.zeros_like(state))
        gates = (
            self._matrices[0](weights),
            self._matrices[1](torch.cat([weights.expand(batch, -1), features], dim=-1)),
        )
        for step in self._steps:
            state = step(state, gates)
        return self._measure(state).expand(batch, -1)


def _blocks(layer: Layer, n_qubits: int, largest: int) -> Iterator[list[Chain]]:
    """A layer's chains in runs of about equal length, of which none mixes both kinds."""
    for sampled in (False, True):
        chains = [chain for chain in layer.chains if chain.is_sampled == sampled]
        # A matrix for every sample should not be larger than the sample's state.
        limit = min(largest, -(-n_qubits // 2)) if sampled else largest
        n_blocks = -(-len(chains) // limit)
        for number in range(n_blocks):
            yield chains[number * len(chains) // n_blocks : (number + 1) * len(chains) // n_blocks]


# ---------------------------------------------------------------- angles and matrices


class _Angles:
    """Some of a program's angles as polynomials of values ``(*batch, n_values)``; 0 for the number -1."""

    def __init__(self, program: Program, numbers: Sequence[int], constant: _Constant) -> None:
        start, terms, coefficients, offsets, _ = program.polynomials
        found = [
            (k, term)
            for k, number in enumerate(numbers)
            if number >= 0
            for term in range(start[number], start[number + 1])
        ]
        owner, which = np.array(found, np.int64).reshape(-1, 2).T
        first, second = terms[which].T
        self._owner, self._first = constant(owner), constant(first)
        # A linear term's second factor is the 1 that is put before the values.
        self._second = constant(second + 1) if (second >= 0).any() else None
        self._coefficients = constant(coefficients[which])
        self._offsets = constant([float(offsets[number]) if number >= 0 else 0.0 for number in numbers])

    def __call__(self, values: Tensor) -> Tensor:
        """Shape ``(*batch, angles)``."""
        batch = values.shape[:-1]
        terms = self._coefficients * values.gather(-1, self._first.expand(*batch, -1))
        if self._second is not None:
            padded = torch.cat([torch.ones_like(values[..., :1]), values], dim=-1)
            terms = terms * padded.gather(-1, self._second.expand(*batch, -1))
        offsets = self._offsets.expand(*batch, -1)
        return offsets.scatter_add(-1, self._owner.expand(*batch, -1), terms)


class _Matrices:
    """The matrices of blocks and the angles of phases, all at once."""

    def __init__(
        self, program: Program, blocks: Sequence[Sequence[Chain]], phases: Sequence[int], constant: _Constant
    ) -> None:
        # Blocks of one size are computed together, and all chains: rotations by 0 make them equally long.
        order = sorted(range(len(blocks)), key=lambda number: len(blocks[number]))
        self._positions = np.argsort(order).tolist()
        self._sizes = [
            (size, len(list(run))) for size, run in groupby(len(blocks[number]) for number in order)
        ]
        chains = [chain.rotations for number in order for chain in blocks[number]]
        self._shape = len(chains), max((len(chain) for chain in chains), default=0)
        rotations = [entry for chain in chains for entry in chain + [(Z, -1)] * (self._shape[1] - len(chain))]
        self._angles = _Angles(program, [*(angle for _, angle in rotations), *phases], constant)
        self._n_angles = len(rotations), len(phases)
        axes = [axis for axis, _ in rotations]
        self._generators = constant((-1j * _PAULIS)[axes].reshape(*self._shape, 2, 2))
        self._identity = constant(np.eye(2))

    def __call__(self, values: Tensor) -> _Gates:
        if not any(self._n_angles):
            return [], values
        angles, phases = self._angles(values).split(self._n_angles, dim=-1)
        if not self._sizes:
            return [], phases
        half = 0.5 * angles.unflatten(-1, self._shape)[..., None, None]
        rotations = half.cos() * self._identity + half.sin() * self._generators
        chains = reduce(lambda done, rotation: rotation @ done, rotations.unbind(-3))
        matrices: list[Tensor] = []
        runs = chains.split([size * count for size, count in self._sizes], dim=-3)
        for run, (size, count) in zip(runs, self._sizes, strict=True):
            matrices += reduce(_kronecker, run.unflatten(-3, (count, size)).unbind(-3)).unbind(-3)
        return [matrices[position] for position in self._positions], phases


_PAULIS = np.array([[[0, 1], [1, 0]], [[0, -1j], [1j, 0]], [[1, 0], [0, -1]]])


def _kronecker(a: Tensor, b: Tensor) -> Tensor:
    size = a.shape[-1] * b.shape[-1]
    return (a[..., :, None, :, None] * b[..., None, :, None, :]).reshape(*a.shape[:-2], size, size)


# ---------------------------------------------------------------- steps


class _Product:
    """The first layer on |0…0⟩: a product of the columns of matrices of one place each."""

    def __init__(self, found: Sequence[tuple[bool, int, int]], n_qubits: int, constant: _Constant) -> None:
        self._found = found
        self._rest = constant(np.eye(1, 2 ** (n_qubits - len(found)), dtype=np.complex128))

    def __call__(self, state: Tensor, gates: _BothGates) -> Tensor:
        columns = [gates[sampled][0][number][..., 0] for sampled, number, _ in self._found]
        # From the last place on, so that what is alike for all samples, which is first, is what grows last.
        return reduce(
            lambda done, column: (column[..., :, None] * done[..., None, :]).flatten(-2),
            columns[::-1],
            self._rest,
        )


class _Block:
    """A matrix on some neighbouring places."""

    def __init__(self, place: int, is_sampled: bool, number: int, size: int) -> None:
        self._is_sampled, self._number, self._shape = is_sampled, number, (2**place, 2**size, -1)

    def __call__(self, state: Tensor, gates: _BothGates) -> Tensor:
        matrix = gates[self._is_sampled][0][self._number]
        state = state.unflatten(-1, self._shape)
        if state.shape[-1] == 1:
            return (state[..., 0] @ matrix.mT).flatten(1)
        if state.shape[1] == 1:
            return (matrix @ state[:, 0]).flatten(1)
        return ((matrix[:, None] if self._is_sampled else matrix) @ state).flatten(1)


class _Phases:
    """``exp(-i/2 Σ ±angle)``, the sign by the parity of the index with each phase's row."""

    def __init__(
        self, layer: Layer, program: Program, phases: tuple[list[int], list[int]], constant: _Constant
    ) -> None:
        self._parts = []
        for sampled in (False, True):
            of_kind = [
                (layer.row(row), angle)
                for row, angle in layer.phases
                if program.polynomials.is_sampled[angle] == sampled
            ]
            if of_kind:
                signs = _Signs([row for row, _ in of_kind], program.n_qubits, constant)
                start = len(phases[sampled])
                phases[sampled].extend(angle for _, angle in of_kind)
                self._parts.append((sampled, slice(start, len(phases[sampled])), signs))

    def __call__(self, state: Tensor, gates: _BothGates) -> Tensor:
        angles = (signs.sum(gates[sampled][1][..., where]) for sampled, where, signs in self._parts)
        half = -0.5 * reduce(torch.add, angles)
        return state * torch.complex(half.cos(), half.sin())


class _Flips:
    """Signs from a table."""

    def __init__(self, signs: np.ndarray, constant: _Constant) -> None:
        self._signs = constant(signs.astype(np.float64))

    def __call__(self, state: Tensor, gates: _BothGates) -> Tensor:
        return state * self._signs


class _Permutation:
    """Amplitudes, or what belongs to them, moved to where the table says they come from."""

    def __init__(self, sources: np.ndarray, constant: _Constant) -> None:
        is_identity = np.array_equal(sources, np.arange(len(sources)))
        self._tables = None if is_identity else (constant(sources), constant(np.argsort(sources)))

    def __call__(self, state: Tensor, gates: _BothGates | None = None) -> Tensor:
        return state if self._tables is None else _Permute.apply(state, *self._tables)


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


# ---------------------------------------------------------------- signs and measurements


class _Signs:
    """Signs by the parity of an index with each of some rows.

    They are products of the signs of the index's two halves, so that small tables do.
    """

    def __init__(self, rows: Sequence[int], n_qubits: int, constant: _Constant) -> None:
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


class _Words:
    """Expectation values of Pauli words."""

    def __init__(self, program: Program, storage: np.ndarray, layer: Layer, constant: _Constant) -> None:
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
            permutation = _Permutation(sources, constant)
            self._parts.append(
                (
                    permutation if flip else None,
                    is_imaginary,
                    _Signs(rows, program.n_qubits, constant),
                    constant(np.array(signs, float)),
                )
            )
        order = [number for of_flip in found.values() for number, *_ in of_flip]
        self._order = _Permutation(np.argsort(order), constant)

    def __call__(self, state: Tensor) -> Tensor:
        found = []
        for permutation, is_imaginary, rows, signs in self._parts:
            if permutation is None:
                overlap = _squares(state)
            else:
                product = permutation(state).conj() * state
                overlap = product.imag if is_imaginary else product.real
            found.append(signs * rows.transposed(overlap))
        return self._order(torch.cat(found, dim=-1))


class _ByIndex:
    """Probabilities, or the state: sorted by what each index stands for."""

    def __init__(self, program: Program, storage: np.ndarray, layer: Layer, constant: _Constant) -> None:
        self._probabilities = program.measured.kind == PROBABILITIES
        self._n_outputs = program.n_outputs
        self._sort = _Permutation(np.argsort(program.measured.states[storage], kind="stable"), constant)

    def __call__(self, state: Tensor) -> Tensor:
        if self._probabilities:
            return self._sort(_squares(state)).unflatten(-1, (self._n_outputs, -1)).sum(-1)
        state = self._sort(state)
        return torch.cat([state.real, state.imag], dim=-1)


def _squares(state: Tensor) -> Tensor:
    return state.real.square() + state.imag.square()
