"""Taking apart what the loops are handed (see :mod:`qlayers.simulator.packing`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from qlayers.simulator.kernels.compiling import jit, plain
from qlayers.simulator.kernels.turns import AT_ONCE
from qlayers.simulator.kernels.vectors import VECTOR_BYTES
from qlayers.simulator.tables import Chains, Measured, Phases, Polynomials, SampledPhases, Schedule, Turns

N_SCALARS = 4
N_TABLES_OF_INTEGERS = 28


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


@plain
def _integers(integers, table):
    return integers[integers[N_SCALARS + table] : integers[N_SCALARS + table + 1]]


@plain
def _numbers(integers, numbers, table):
    first = N_SCALARS + N_TABLES_OF_INTEGERS + 1 + table
    return numbers[integers[first] : integers[first + 1]]


@plain
def unpack(integers, numbers, signs):
    """The schedule, the polynomials and what is measured, and how many features there are."""
    steps, pivots, firsts, terms = (
        _integers(integers, 0),
        _integers(integers, 10),
        _integers(integers, 11),
        _integers(integers, 21),
    )
    chains = Chains(
        _integers(integers, 1), _integers(integers, 2), _integers(integers, 3), _integers(integers, 4)
    )
    turns = Turns(
        _integers(integers, 5),
        _integers(integers, 6),
        _integers(integers, 7),
        _integers(integers, 8),
        _integers(integers, 9),
        pivots.reshape(pivots.size // 3, 3),
        firsts.reshape(firsts.size // AT_ONCE, AT_ONCE),
    )
    phases = Phases(
        _integers(integers, 12),
        _integers(integers, 13),
        _integers(integers, 14),
        _numbers(integers, numbers, 0),
        _integers(integers, 15),
    )
    sampled_phases = SampledPhases(_integers(integers, 16), _integers(integers, 17), _integers(integers, 18))
    plan = Schedule(
        steps.reshape(steps.size // 4, 4),
        integers[1],
        chains,
        turns,
        phases,
        sampled_phases,
        signs,
        _integers(integers, 19),
    )
    polynomials = Polynomials(
        _integers(integers, 20),
        terms.reshape(terms.size // 2, 2),
        _numbers(integers, numbers, 1),
        _numbers(integers, numbers, 2),
        _integers(integers, 22),
        _integers(integers, 23),
    )
    measured = Measured(
        integers[2],
        _integers(integers, 24),
        _integers(integers, 25),
        _integers(integers, 26),
        _integers(integers, 27),
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
