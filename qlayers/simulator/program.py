"""A circuit as the simulator runs it: rotations, phases and signs on stored amplitudes, with angles as polynomials."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from qlayers.simulator.frame import Frame
from qlayers.simulator.kernels.kinds import (
    PROBABILITIES,
    SAMPLED_PHASE,
    SAMPLED_ROTATION,
    SHARED_PHASE,
    SHARED_ROTATION,
    SIGNS,
    STATE,
    WORDS,
    X,
    Y,
)
from qlayers.simulator.packing import Packed, pack
from qlayers.simulator.schedule import Signs, schedule
from qlayers.simulator.tables import Measured, Polynomials

FUSE_FROM_QUBITS = 7
"""From so many qubits on a pass over the amplitudes costs more than composing rotations for every sample."""


@dataclass(frozen=True)
class Angle:
    """``offset + Σ coefficient · v[a] · v[b]``; ``b`` is -1 in linear terms, v the weights followed by the features."""

    offset: float
    terms: tuple[tuple[int, int, float], ...] = ()

    def times(self, factor: float) -> Angle:
        """A multiple."""
        return Angle(factor * self.offset, tuple((a, b, factor * c) for a, b, c in self.terms))

    def depends_on_sample(self, n_weights: int) -> bool:
        """Whether a feature enters."""
        return any(a >= n_weights or b >= n_weights for a, b, _ in self.terms)


@dataclass(frozen=True)
class Word:
    """A Pauli word by the qubits on which it acts; no qubits make the identity."""

    factors: tuple[tuple[int, str], ...]


class Gates(NamedTuple):
    """The gates in order, and what they apply.

    Attributes:
        steps: (gates, 4) of kind, column and row of the frame, and the number of the chain, angle or table of signs.
        chain_start: (chains + 1,), where each chain of rotations begins among the next two.
        chain_axis: The rotations' axes, 0, 1, 2 for X, Y, Z.
        chain_angle: The rotations' angles, by number.
        signs: (tables, 2**n_qubits) of ±1.
    """

    steps: np.ndarray
    chain_start: np.ndarray
    chain_axis: np.ndarray
    chain_angle: np.ndarray
    signs: np.ndarray


@dataclass(frozen=True)
class Program:
    """Arrays for :mod:`qlayers.simulator.kernels`; independent of the batch size and picklable.

    Attributes:
        n_qubits: Qubits.
        n_weights: Length of the flat weights.
        n_features: How many of a sample's numbers are features, which enter into angles. They come first.
        n_amplitudes: How many are amplitudes of the initial state: 0 for the state |0…0⟩, ``2**n_qubits`` for real
            amplitudes, twice as many for real parts followed by imaginary parts.
        n_outputs: Numbers measured. A state is measured as its real parts followed by its imaginary parts.
        gates: What is applied.
        polynomials: The angles of what is applied.
        measured: What is measured, in storage indices.
        packed: The same for the compiled loops, in the order and the groups in which they run it.
    """

    n_qubits: int
    n_weights: int
    n_features: int
    n_amplitudes: int
    n_outputs: int
    gates: Gates = field(repr=False)
    polynomials: Polynomials = field(repr=False)
    measured: Measured = field(repr=False)
    packed: Packed = field(repr=False)


class Builder:
    """Takes up gates one by one and makes a program of them.

    CNOT, SWAP and the direction of qubits cost nothing (see :mod:`qlayers.simulator.frame`). Rotations on one qubit
    that follow one another become one gate.
    """

    def __init__(self, n_qubits: int, n_weights: int, n_features: int, n_amplitudes: int = 0) -> None:
        self.n_qubits, self.n_weights, self.n_features = n_qubits, n_weights, n_features
        self._n_amplitudes = n_amplitudes
        self._phases: list[Angle] = []
        self._frame = Frame(n_qubits)
        self._is_product = n_amplitudes == 0
        self._pending: list[list[tuple[int, int]]] = [[] for _ in range(n_qubits)]
        self._gates: list[tuple[int, int, int, int]] = []
        self._chains: list[list[tuple[int, int]]] = []
        self._angles: list[Angle] = []
        self._signs: list[Signs] = []

    def rotate(self, qubit: int, axis: int, angle: Angle | float) -> None:
        """``exp(-i angle/2 σ)`` about X, Y or Z."""
        pending = self._pending[qubit]
        entry = (axis, self._new_angle(angle))
        mixed = pending and self._is_sampled(pending[-1][1]) != self._is_sampled(entry[1])
        if mixed and (self.n_qubits < FUSE_FROM_QUBITS or self._is_product):
            self._flush([qubit])
        self._pending[qubit].append(entry)

    def phase(self, angle: Angle | float) -> None:
        """The global phase ``exp(-i angle/2)``, which only a measured state shows."""
        self._phases.append(angle if isinstance(angle, Angle) else Angle(angle))

    def hadamard(self, qubit: int) -> None:
        """``i RX(π) RY(π/2)``."""
        self.rotate(qubit, Y, math.pi / 2)
        self.rotate(qubit, X, math.pi)
        self.phase(-math.pi)

    def multi_rz(self, qubits: Sequence[int], angle: Angle | float) -> None:
        """``exp(-i angle/2 Z⊗…⊗Z)``."""
        self._flush_before_entangling(qubits)
        row = 0
        for qubit in qubits:
            row ^= self._frame.rows[qubit]
        number = self._new_angle(angle)
        self._gates.append((SAMPLED_PHASE if self._is_sampled(number) else SHARED_PHASE, 0, row, number))

    def cnot(self, control: int, target: int) -> None:
        """Only the frame changes."""
        self._flush_before_entangling([control, target])
        self._frame.cnot(control, target)

    def swap(self, first: int, second: int) -> None:
        """Only the frame changes."""
        self._frame.swap(first, second)
        self._pending[first], self._pending[second] = self._pending[second], self._pending[first]

    def cz(self, first: int, second: int) -> None:
        """A table of signs; neighbouring ones become one."""
        self._flush_before_entangling([first, second])
        indices = np.arange(2**self.n_qubits)
        rows = self._frame.rows[first], self._frame.rows[second]
        values = np.where(_parities(indices, rows[0]) & _parities(indices, rows[1]), -1.0, 1.0)
        if not (self._gates and self._gates[-1][0] == SIGNS):
            self._gates.append((SIGNS, 0, 0, len(self._signs)))
            self._signs.append(Signs(np.ones(2**self.n_qubits), ()))
        earlier = self._signs[-1]
        self._signs[-1] = Signs(earlier.values * values, earlier.rows + rows)

    def finish_with_words(self, words: Sequence[Word]) -> Program:
        """Measure the expectation value of every Pauli word."""
        self._flush(range(self.n_qubits))
        table = np.zeros((len(words), 3), np.int64)
        for position, word in enumerate(words):
            n_y = 0
            for qubit, pauli in word.factors:
                if pauli in "XY":
                    table[position, 0] ^= self._frame.columns[qubit]
                if pauli in "YZ":
                    table[position, 1] ^= self._frame.rows[qubit]
                n_y += pauli == "Y"
            table[position, 2] = (1, 2, -1, -2)[n_y % 4]
        flips, rows, signs = (np.ascontiguousarray(column) for column in table.T)
        n_diagonal = int(np.count_nonzero(flips == 0))
        return self._program(
            len(words), Measured(WORDS, flips, rows, signs, np.empty(0, np.int64), n_diagonal)
        )

    def finish_with_probabilities(self, qubits: Sequence[int]) -> Program:
        """Measure the probability of every basis state of these qubits, the first being the most significant bit."""
        return self._program(2 ** len(qubits), self._measured_by_index(PROBABILITIES, qubits))

    def finish_with_state(self) -> Program:
        """Measure the amplitudes of all basis states, real parts followed by imaginary parts."""
        measured = self._measured_by_index(STATE, range(self.n_qubits))
        if self._phases:
            self.multi_rz((), _sum(self._phases))
        return self._program(2 * 2**self.n_qubits, measured)

    def _measured_by_index(self, kind: int, qubits: Sequence[int]) -> Measured:
        self._flush(range(self.n_qubits))
        indices = np.arange(2**self.n_qubits)
        states = np.zeros_like(indices)
        for qubit in qubits:
            states = 2 * states + _parities(indices, self._frame.rows[qubit])
        nothing = np.empty(0, np.int64)
        return Measured(kind, nothing, nothing, nothing, states, 0)

    def _flush(self, qubits: Sequence[int]) -> None:
        for qubit in qubits:
            chain = self._pending[qubit]
            if not chain:
                continue
            sampled = any(self._is_sampled(number) for _, number in chain)
            code = SAMPLED_ROTATION if sampled else SHARED_ROTATION
            gate = (code, self._frame.columns[qubit], self._frame.rows[qubit], len(self._chains))
            self._gates.append(gate)
            self._chains.append(chain)
            self._pending[qubit] = []

    def _flush_before_entangling(self, qubits: Sequence[int]) -> None:
        # The first time, all of them, so that every rotation so far stands at the beginning.
        self._flush(range(self.n_qubits) if self._is_product else qubits)
        self._is_product = False

    def _count_product(self) -> int:
        if self._n_amplitudes:
            return 0
        initial = Frame(self.n_qubits)
        apart = set(zip(initial.columns, initial.rows, strict=True))
        for number, (code, column, row, _) in enumerate(self._gates):
            if code not in (SHARED_ROTATION, SAMPLED_ROTATION) or (column, row) not in apart:
                return number
        return len(self._gates)

    def _new_angle(self, angle: Angle | float) -> int:
        self._angles.append(angle if isinstance(angle, Angle) else Angle(angle))
        return len(self._angles) - 1

    def _is_sampled(self, number: int) -> bool:
        return self._angles[number].depends_on_sample(self.n_weights)

    def _program(self, n_outputs: int, measured: Measured) -> Program:
        chained = [entry for chain in self._chains for entry in chain]
        terms = [term for angle in self._angles for term in angle.terms]
        signs = self._signs or [Signs(np.ones(2**self.n_qubits), ())]
        is_sampled = np.array([self._is_sampled(number) for number in range(len(self._angles))], np.bool_)
        shows_phases = measured.kind == STATE or bool(measured.flips.any())
        plan = schedule(
            self._gates,
            self._chains,
            signs,
            is_sampled.tolist(),
            self._count_product(),
            self.n_qubits,
            last_phases_matter=shows_phases,
        )
        polynomials = Polynomials(
            start=np.cumsum([0, *(len(angle.terms) for angle in self._angles)]).astype(np.int64),
            terms=np.array([(a, b) for a, b, _ in terms], np.int64).reshape(-1, 2),
            coefficients=np.array([coefficient for *_, coefficient in terms], np.float64),
            offsets=np.array([angle.offset for angle in self._angles], np.float64),
            is_sampled=is_sampled,
            sampled=np.flatnonzero(is_sampled),
        )
        return Program(
            self.n_qubits,
            self.n_weights,
            self.n_features,
            self._n_amplitudes,
            n_outputs,
            Gates(
                steps=np.array(self._gates, np.int64).reshape(-1, 4),
                chain_start=np.cumsum([0, *(len(chain) for chain in self._chains)]).astype(np.int64),
                chain_axis=np.array([axis for axis, _ in chained], np.int64),
                chain_angle=np.array([number for _, number in chained], np.int64),
                signs=np.array([table.values for table in signs], np.int8),
            ),
            polynomials,
            measured,
            pack(self.n_features, plan, polynomials, measured),
        )


def _sum(angles: Sequence[Angle]) -> Angle:
    return Angle(
        math.fsum(angle.offset for angle in angles), tuple(term for angle in angles for term in angle.terms)
    )


def _parities(indices: np.ndarray, row: int) -> np.ndarray:
    return np.bitwise_count(indices & row) & 1
