"""The matrices and angles of a program's gates as torch computes them, many at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from itertools import groupby
from typing import Any, TypeAlias

import numpy as np
import torch
from torch import Tensor

from qlayers.simulator.kernels.kinds import Z
from qlayers.simulator.program import Program
from qlayers.simulator.regroup import Chain

Constant: TypeAlias = Callable[[Any], Tensor]
"""Puts an array on the plan's device, in its precision."""

Gates: TypeAlias = tuple[Sequence[Tensor], Tensor]
"""Blocks' matrices ``(*batch, 2**places, 2**places)`` and phases' angles ``(*batch, phases)``."""

BothGates: TypeAlias = tuple[Gates, Gates]
"""What depends on weights alone, where the batch has no dimension, and what depends on the sample."""


class _Angles:
    """Some of a program's angles as polynomials of values ``(*batch, n_values)``; 0 for the number -1."""

    def __init__(self, program: Program, numbers: Sequence[int], constant: Constant) -> None:
        start, terms, coefficients, offsets, *_ = program.polynomials
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


class Matrices:
    """The matrices of blocks and the angles of phases, all at once."""

    def __init__(
        self, program: Program, blocks: Sequence[Sequence[Chain]], phases: Sequence[int], constant: Constant
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

    def __call__(self, values: Tensor) -> Gates:
        """From values ``(*batch, n_values)``: weights, followed by features for what depends on the sample."""
        if not any(self._n_angles):
            return [], values
        angles, phases = self._angles(values).split(self._n_angles, dim=-1)
        # They are added up: a sum of many is as good as each of them only if none is large.
        phases = 2 * torch.atan2((0.5 * phases).sin(), (0.5 * phases).cos())
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
