"""In which order and in which groups the compiled loops run a program's gates.

A pass over the amplitudes costs more to fetch them than to turn them, so that gates share passes. A chain of rotations
about Z, then Y or X, then Z is taken apart: RX(θ) is RZ(-π/2) RY(θ) RZ(π/2). What turns phases joins others in one
table of phases, also past gates that it commutes with. Rotations about Y, which mix no real part with an imaginary
one, are made three at a time.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

import numpy as np

from qlayers.simulator.kernels.kinds import (
    PHASES,
    SAMPLED_PHASE,
    SAMPLED_PHASES,
    SAMPLED_ROTATION,
    SHARED_PHASE,
    SIGNS,
    TURNS,
    X,
    Z,
)
from qlayers.simulator.kernels.turns import AT_ONCE
from qlayers.simulator.tables import Chains, Phases, SampledPhases, Schedule, Turns

MOST_TURNS_TOGETHER = 3
"""So many fit, with what turns them, into sixteen vector registers."""
SUMMED_FROM = 6
"""Phases of a sample that are fewer are turned one after the other."""
MOST_RUNS = 2
"""A chain with more rotations about X and Y between those about Z is cheaper as one rotation in SU(2)."""

Step = tuple[int, int, int, int]


class Signs(NamedTuple):
    """A table of ±1.

    Attributes:
        values: (2**n_qubits,).
        rows: The rows of the frame whose parities it is a function of.
    """

    values: np.ndarray
    rows: tuple[int, ...]


def schedule(
    steps: Sequence[Step],
    chains: Sequence[Sequence[tuple[int, int]]],
    signs: Sequence[Signs],
    is_sampled: Sequence[bool],
    n_product: int,
    n_qubits: int,
    last_phases_matter: bool,
) -> Schedule:
    """Put gates into groups.

    Args:
        steps: Kind, column and row of the frame, and the number of the chain, angle or table of signs.
        chains: Each one's rotations as axes and numbers of angles.
        signs: Tables.
        is_sampled: By angle, whether it depends on the sample.
        n_product: How many steps at the beginning stay as they are.
        n_qubits: Qubits.
        last_phases_matter: Whether what is measured shows the phases of the amplitudes.
    """
    plan = _Plan(chains, signs, is_sampled)
    for step in steps[n_product:]:
        plan.add(step)
    if not last_phases_matter:
        plan.drop_last_phases()
    return plan.finish(steps[:n_product], n_qubits)


@dataclass
class _Turn:
    mask: int
    row: int
    angles: list[int]

    def meets(self, other: _Turn) -> tuple[int, int]:
        return _parity(self.mask & other.row), _parity(self.row & other.mask)


@dataclass
class _Turns:
    turns: list[_Turn] = field(default_factory=list)

    def lets_phase_pass(self, row: int) -> bool:
        return not any(_parity(turn.mask & row) for turn in self.turns)

    def lets_turn_pass(self, turn: _Turn) -> bool:
        return all(there == back for there, back in map(turn.meets, self.turns))

    def first(self, number: int, pivots: Sequence[int]) -> int:
        """The index at which all qubits are 0, of the set of this number (see :mod:`…kernels.turns`)."""
        index = number
        for pivot in pivots[: len(self.turns)]:
            index = index >> pivot << pivot + 1 | index & (1 << pivot) - 1
        for turn in self.turns:
            index ^= turn.mask * _parity(index & turn.row)
        return index

    def takes(self, turn: _Turn) -> bool:
        meetings = map(turn.meets, self.turns)
        return len(self.turns) < MOST_TURNS_TOGETHER and all(met == (0, 0) for met in meetings)


@dataclass
class _Phases:
    terms: list[tuple[int, int, float]] = field(default_factory=list)
    signs: Signs | None = None

    def add_signs(self, signs: Signs) -> None:
        earlier = self.signs or Signs(np.ones_like(signs.values), ())
        self.signs = Signs(earlier.values * signs.values, earlier.rows + signs.rows)

    def lets_phase_pass(self, row: int) -> bool:
        return True

    def lets_turn_pass(self, turn: _Turn) -> bool:
        rows = (*(row for row, *_ in self.terms), *(self.signs.rows if self.signs else ()))
        return not any(_parity(turn.mask & row) for row in rows)


@dataclass
class _Rotation:
    step: Step

    def lets_phase_pass(self, row: int) -> bool:
        _, mask, *_ = self.step
        return not _parity(mask & row)

    def lets_turn_pass(self, turn: _Turn) -> bool:
        _, mask, row, _ = self.step
        return not _parity(turn.mask & row) and not _parity(turn.row & mask)


class _Plan:
    def __init__(
        self, chains: Sequence[Sequence[tuple[int, int]]], signs: Sequence[Signs], is_sampled: Sequence[bool]
    ) -> None:
        self._chains, self._signs, self._is_sampled = chains, signs, is_sampled
        self._groups: list[_Turns | _Phases | _Rotation] = []

    def add(self, step: Step) -> None:
        kind, _, row, slot = step
        if kind in (SHARED_PHASE, SAMPLED_PHASE):
            self._add_phase(row, slot, 0.0)
        elif kind == SIGNS:
            self._phases_before(self._signs[slot].rows).add_signs(self._signs[slot])
        else:
            self._add_chain(step)

    def _add_chain(self, step: Step) -> None:
        _, mask, row, slot = step
        runs = [(axis, [number for _, number in run]) for axis, run in groupby(self._chains[slot], _axis_of)]
        if sum(axis != Z for axis, _ in runs) > MOST_RUNS:
            self._groups.append(_Rotation(step))
            return
        for axis, angles in runs:
            if axis == Z:
                for number in angles:
                    self._add_phase(row, number, 0.0)
            else:
                if axis == X:
                    self._add_phase(row, -1, math.pi / 2)
                self._add_turn(_Turn(mask, row, angles))
                if axis == X:
                    self._add_phase(row, -1, -math.pi / 2)

    # Each joins the earliest group that it can reach, or starts one there: what stands between early and late groups
    # only gets in the way of the next.

    def _add_phase(self, row: int, number: int, offset: float) -> None:
        self._phases_before([row]).terms.append((row, number, offset))

    def _phases_before(self, rows: Sequence[int]) -> _Phases:
        """The earliest group that takes what turns phases by these rows."""
        reached = self._reach(lambda group: all(map(group.lets_phase_pass, rows)))
        found = next((group for group in self._groups[reached:] if isinstance(group, _Phases)), None)
        if found is None:
            found = _Phases()
            self._groups.insert(reached, found)
        return found

    def _add_turn(self, turn: _Turn) -> None:
        reached = self._reach(lambda group: group.lets_turn_pass(turn))
        found = next(
            (group for group in self._groups[reached:] if isinstance(group, _Turns) and group.takes(turn)),
            None,
        )
        if found is None:
            found = _Turns()
            self._groups.insert(reached, found)
        found.turns.append(turn)

    def _reach(self, passes: Callable[[_Turns | _Phases | _Rotation], bool]) -> int:
        """The position before which a gate cannot be moved from the end."""
        position = len(self._groups)
        while position and passes(self._groups[position - 1]):
            position -= 1
        return position

    def drop_last_phases(self) -> None:
        while self._groups and isinstance(self._groups[-1], _Phases):
            self._groups.pop()

    def finish(self, product: Sequence[Step], n_qubits: int) -> Schedule:
        steps: list[Step] = []
        chains: list[Sequence[tuple[int, int]]] = []
        turns: list[_Turn] = []
        pivots: list[list[int]] = []
        firsts: list[list[int]] = []
        phases: list[tuple[list[tuple[int, int, float]], int]] = []
        sampled_phases: list[list[tuple[int, int]]] = []
        signs: list[np.ndarray] = []
        by_lane: set[int] = set()
        for group in [*map(_Rotation, product), *self._groups]:
            if isinstance(group, _Turns):
                steps.append((TURNS, len(turns), len(group.turns), len(pivots)))
                turns.extend(group.turns)
                pivots.append(_pivots([turn.mask for turn in group.turns]))
                firsts.append([group.first(number, pivots[-1]) for number in range(AT_ONCE)])
                for turn in group.turns:
                    if self._any_sampled(turn.angles):
                        by_lane.update(turn.angles)
            elif isinstance(group, _Phases):
                sampled = [(row, number) for row, number, _ in group.terms if self._depends(number)]
                shared = [term for term in group.terms if not self._depends(term[1])]
                if shared:
                    steps.append((PHASES, 0, 0, len(phases)))
                    phases.append((shared, len(signs) if group.signs else -1))
                elif group.signs:
                    steps.append((SIGNS, 0, 0, len(signs)))
                if group.signs:
                    signs.append(group.signs.values)
                if len(sampled) < SUMMED_FROM:
                    steps.extend((SAMPLED_PHASE, 0, row, number) for row, number in sampled)
                else:
                    steps.append((SAMPLED_PHASES, 0, 0, len(sampled_phases)))
                    sampled_phases.append(sampled)
                by_lane.update(number for _, number in sampled)
            else:
                kind, mask, row, slot = group.step
                steps.append((kind, mask, row, len(chains)))
                chains.append(self._chains[slot])
                if kind == SAMPLED_ROTATION:
                    by_lane.update(number for _, number in self._chains[slot])
        terms = [term for of_group, _ in phases for term in of_group]
        sampled_terms = [term for of_group in sampled_phases for term in of_group]
        return Schedule(
            steps=_integers(steps).reshape(-1, 4),
            n_product=len(product),
            chains=Chains(
                start=_starts(chains),
                axes=_integers([axis for chain in chains for axis, _ in chain]),
                angles=_integers([number for chain in chains for _, number in chain]),
                kept=_numbered([self._any_sampled([number for _, number in chain]) for chain in chains]),
            ),
            turns=Turns(
                masks=_integers([turn.mask for turn in turns]),
                rows=_integers([turn.row for turn in turns]),
                start=_starts([turn.angles for turn in turns]),
                angles=_integers([number for turn in turns for number in turn.angles]),
                kept=_numbered([self._any_sampled(turn.angles) for turn in turns]),
                pivots=_integers(pivots).reshape(-1, MOST_TURNS_TOGETHER),
                firsts=_integers(firsts).reshape(-1, AT_ONCE),
            ),
            phases=Phases(
                start=_starts([of_group for of_group, _ in phases]),
                rows=_integers([row for row, *_ in terms]),
                angles=_integers([number for _, number, _ in terms]),
                offsets=np.array([offset for *_, offset in terms], np.float64),
                signs=_integers([table for _, table in phases]),
            ),
            sampled_phases=SampledPhases(
                start=_starts(sampled_phases),
                rows=_integers([row for row, _ in sampled_terms]),
                angles=_integers([number for _, number in sampled_terms]),
            ),
            signs=np.array(signs, np.int8).reshape(-1, 2**n_qubits),
            by_lane=_integers(sorted(by_lane)),
        )

    def _depends(self, number: int) -> bool:
        return number >= 0 and self._is_sampled[number]

    def _any_sampled(self, angles: Sequence[int]) -> bool:
        return any(self._is_sampled[number] for number in angles)


def _axis_of(rotation: tuple[int, int]) -> int:
    return rotation[0]


def _parity(bits: int) -> int:
    return bits.bit_count() & 1


def _pivots(masks: Sequence[int]) -> list[int]:
    """Bits that tell apart the indices which the masks connect, one a mask; padded with zeros."""
    reduced: list[tuple[int, int]] = []
    for mask in masks:
        for bit, other in reduced:
            if mask >> bit & 1:
                mask ^= other
        lowest = (mask & -mask).bit_length() - 1
        reduced = [(bit, other ^ mask if other >> lowest & 1 else other) for bit, other in reduced]
        reduced.append((lowest, mask))
    bits = sorted(bit for bit, _ in reduced)
    return bits + [0] * (MOST_TURNS_TOGETHER - len(bits))


def _integers(values: Sequence[object]) -> np.ndarray:
    return np.array(values, np.int64)


def _starts(parts: Sequence[Sequence[object]]) -> np.ndarray:
    return np.cumsum([0, *map(len, parts)]).astype(np.int64)


def _numbered(chosen: Sequence[bool]) -> np.ndarray:
    """The number of each among the chosen ones, and -1 for the others."""
    return np.where(chosen, np.cumsum(chosen) - 1, -1).astype(np.int64)
