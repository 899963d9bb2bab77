"""A program as layers: rotations of different qubits side by side, then everything diagonal at once.

A program's gates come one by one, each with a column and a row of the frame (see :mod:`qlayers.simulator.frame`).
Executors that apply many gates as one matrix want them grouped. Gates ``(c, r)`` and ``(c', r')`` act on different
qubits of one frame, and so commute, where neither column flips the other's row. Each layer has a layout of its own in
which its gates' qubits are the leading bits of the index.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from qlayers.simulator.kernels.kinds import SAMPLED_PHASE, SAMPLED_ROTATION, SHARED_PHASE, SHARED_ROTATION, Z
from qlayers.simulator.program import Program


@dataclass
class Chain:
    """Rotations of one qubit: its column and row, and the rotations' (axis, number of the angle) in order."""

    column: int
    row: int
    rotations: list[tuple[int, int]]
    is_sampled: bool


@dataclass
class Layer:
    """Chains that commute, followed by what is diagonal; rows and signs are in storage indices.

    Attributes:
        chains: By place in the layout, those that depend on weights alone first.
        phases: Row and number of the angle.
        signs: (2**n_qubits,) of ±1, if any.
        basis: By place, the storage index that differs from 0 in this place alone; place 0 is the most significant.
    """

    chains: list[Chain] = field(default_factory=list)
    phases: list[tuple[int, int]] = field(default_factory=list)
    signs: np.ndarray | None = None
    basis: list[int] = field(default_factory=list)

    def storage(self) -> np.ndarray:
        """By index in the layout, the storage index, (2**n_qubits,)."""
        indices = np.zeros(1, np.int64)
        for vector in self.basis:
            indices = np.stack([indices, indices ^ vector], axis=1).reshape(-1)
        return indices

    def row(self, row: int) -> int:
        """A row of the frame as this layout has it."""
        found = 0
        for vector in self.basis:
            found = 2 * found + _parity(row & vector)
        return found

    def _takes(self, chain: Chain) -> bool:
        """Whether a chain that comes after this layer might as well be part of it."""
        for row, _ in self.phases:
            if _parity(row & chain.column) and not _is_diagonal(chain):
                return False
        if self.signs is not None and not _is_diagonal(chain):
            flipped = self.signs[np.arange(len(self.signs)) ^ chain.column]
            if not np.array_equal(flipped, self.signs):
                return False
        return all(
            (chain.column, chain.row) == (other.column, other.row)
            or not (_parity(chain.column & other.row) or _parity(other.column & chain.row))
            for other in self.chains
        )

    def _add(self, chain: Chain) -> None:
        for other in self.chains:
            if other.column == chain.column:
                other.rotations += chain.rotations
                other.is_sampled |= chain.is_sampled
                return
        self.chains.append(chain)


def layers_of(program: Program) -> list[Layer]:
    """Group a program's gates; there is at least one layer."""
    gates = program.gates
    layers = [Layer()]
    for kind, column, row, slot in gates.steps.tolist():
        if kind in (SHARED_ROTATION, SAMPLED_ROTATION):
            entries = slice(gates.chain_start[slot], gates.chain_start[slot + 1])
            rotations = zip(
                gates.chain_axis[entries].tolist(), gates.chain_angle[entries].tolist(), strict=True
            )
            chain = Chain(column, row, list(rotations), kind == SAMPLED_ROTATION)
            if layers[-1]._takes(chain):
                layers[-1]._add(chain)
            elif _is_diagonal(chain):
                layers[-1].phases += [(row, angle) for _, angle in chain.rotations]
            else:
                layers.append(Layer([chain]))
        elif kind in (SHARED_PHASE, SAMPLED_PHASE):
            layers[-1].phases.append((row, slot))
        else:
            signs = gates.signs[slot]
            layers[-1].signs = signs if layers[-1].signs is None else layers[-1].signs * signs
    previous = [1 << bit for bit in reversed(range(program.n_qubits))]
    for layer in layers:
        previous = layer.basis = _set_layout(layer, previous)
    return layers


def _set_layout(layer: Layer, previous: Sequence[int]) -> list[int]:
    """Order the chains and complete their columns to a basis, as near to the previous layout as may be."""
    place = {vector: number for number, vector in enumerate(previous)}
    layer.chains.sort(key=lambda chain: (chain.is_sampled, place.get(chain.column, len(previous))))
    basis = [chain.column for chain in layer.chains]
    echelon: list[int] = []
    for vector in basis:
        _extend(echelon, vector)
    for candidate in previous:
        for chain in layer.chains:  # take out what the chains' gates would act on
            candidate ^= chain.column * _parity(candidate & chain.row)
        if _extend(echelon, candidate):
            basis.append(candidate)
    return basis


def _extend(echelon: list[int], vector: int) -> bool:
    """Add a vector over GF(2) to a basis with distinct leading bits, if it is independent of it."""
    for other in sorted(echelon, reverse=True):
        vector = min(vector, vector ^ other)
    if vector:
        echelon.append(vector)
    return bool(vector)


def _is_diagonal(chain: Chain) -> bool:
    return all(axis == Z for axis, _ in chain.rotations)


def _parity(value: int) -> int:
    return value.bit_count() & 1
