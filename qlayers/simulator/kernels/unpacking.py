"""Taking apart what the loops are handed (see :mod:`qlayers.simulator.packing`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qlayers.simulator.kernels.compiling import jit
from qlayers.simulator.kernels.turns import AT_ONCE
from qlayers.simulator.kernels.vectors import VECTOR_BYTES
from qlayers.simulator.tables import Chains, Measured, Phases, Polynomials, SampledPhases, Schedule, Turns

INTEGERS = 4
"""The place of the first table's start, behind the scalars. To add to it makes an integer of a literal, for each of
which numba would compile the next two functions anew."""

NUMBERS = INTEGERS + 28 + 1
"""The same of the tables of numbers; that of integers has one entry more than there are tables."""


class Room(NamedTuple):
    """Where a batch is worked on.

    Attributes:
        angles: (angles,), of weights alone; as all the next three.
        rotations: (chains, 4, lanes).
        turns: (turns, 2, lanes), cosine and sine of half the angle.
        phases: (groups, 2, rows, lanes), cosine and sine for every amplitude.
        kept_rotations: (blocks, chains, 4, lanes), of the sample too; no blocks if they are not kept. So the next.
        kept_turns: (blocks, turns, 2, lanes).
        re: (blocks, 2**n_qubits, lanes), real parts of the states.
        im: The imaginary parts.
    """

    angles: np.ndarray
    rotations: np.ndarray
    turns: np.ndarray
    phases: np.ndarray
    kept_rotations: np.ndarray
    kept_turns: np.ndarray
    re: np.ndarray
    im: np.ndarray


@jit
def _integers(integers, place):
    return integers[integers[place] : integers[place + 1]]


@jit
def _numbers(integers, numbers, place):
    return numbers[integers[place] : integers[place + 1]]


@jit
def unpack(integers, numbers, signs):
    """The schedule, the polynomials and what is measured, and how many features there are."""
    steps, pivots, firsts, terms = (
        _integers(integers, INTEGERS + 0),
        _integers(integers, INTEGERS + 10),
        _integers(integers, INTEGERS + 11),
        _integers(integers, INTEGERS + 21),
    )
    chains = Chains(
        _integers(integers, INTEGERS + 1),
        _integers(integers, INTEGERS + 2),
        _integers(integers, INTEGERS + 3),
        _integers(integers, INTEGERS + 4),
    )
    turns = Turns(
        _integers(integers, INTEGERS + 5),
        _integers(integers, INTEGERS + 6),
        _integers(integers, INTEGERS + 7),
        _integers(integers, INTEGERS + 8),
        _integers(integers, INTEGERS + 9),
        pivots.reshape(pivots.size // 3, 3),
        firsts.reshape(firsts.size // AT_ONCE, AT_ONCE),
    )
    phases = Phases(
        _integers(integers, INTEGERS + 12),
        _integers(integers, INTEGERS + 13),
        _integers(integers, INTEGERS + 14),
        _numbers(integers, numbers, NUMBERS + 0),
        _integers(integers, INTEGERS + 15),
    )
    sampled_phases = SampledPhases(
        _integers(integers, INTEGERS + 16),
        _integers(integers, INTEGERS + 17),
        _integers(integers, INTEGERS + 18),
    )
    plan = Schedule(
        steps.reshape(steps.size // 4, 4),
        integers[1],
        chains,
        turns,
        phases,
        sampled_phases,
        signs,
        _integers(integers, INTEGERS + 19),
    )
    polynomials = Polynomials(
        _integers(integers, INTEGERS + 20),
        terms.reshape(terms.size // 2, 2),
        _numbers(integers, numbers, NUMBERS + 1),
        _numbers(integers, numbers, NUMBERS + 2),
        _integers(integers, INTEGERS + 22),
        _integers(integers, INTEGERS + 23),
    )
    measured = Measured(
        integers[2],
        _integers(integers, INTEGERS + 24),
        _integers(integers, INTEGERS + 25),
        _integers(integers, INTEGERS + 26),
        _integers(integers, INTEGERS + 27),
        integers[3],
    )
    return plan, polynomials, measured, integers[0]


@jit
def divide(plan, buffer, angles, n_blocks, n_kept, size):
    """The room of a batch in one buffer."""
    lanes = VECTOR_BYTES // buffer.itemsize
    n_rows = (size + lanes - 1) // lanes
    chains, turns, groups = plan.chains.kept, plan.turns.kept, plan.phases.signs.shape[0]
    n_chains, n_turns = _count(chains), _count(turns)
    first = chains.shape[0] * 4 * lanes
    second = first + turns.shape[0] * 2 * lanes
    third = second + groups * 2 * n_rows * lanes
    fourth = third + n_kept * n_chains * 4 * lanes
    fifth = fourth + n_kept * n_turns * 2 * lanes
    sixth = fifth + n_blocks * size * lanes
    last = sixth + n_blocks * size * lanes
    return Room(
        angles,
        buffer[:first].reshape(chains.shape[0], 4, lanes),
        buffer[first:second].reshape(turns.shape[0], 2, lanes),
        buffer[second:third].reshape(groups, 2, n_rows, lanes),
        buffer[third:fourth].reshape(n_kept, n_chains, 4, lanes),
        buffer[fourth:fifth].reshape(n_kept, n_turns, 2, lanes),
        buffer[fifth:sixth].reshape(n_blocks, size, lanes),
        buffer[sixth:last].reshape(n_blocks, size, lanes),
    )


@jit
def _count(kept):
    """How many are numbered."""
    count = 0
    for number in kept:
        count += number >= 0
    return count
