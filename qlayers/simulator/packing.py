"""A program's tables in three arrays, one a dtype, as the compiled loops are handed them.

Handing a compiled function an array takes as long as a gate of a small circuit, and a program has some forty.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from qlayers.simulator.tables import Measured, Polynomials, Schedule


class Packed(NamedTuple):
    """What :func:`qlayers.simulator.kernels.unpacking.unpack` takes apart again.

    Attributes:
        integers: Scalars, then where each table of integers and each of numbers begins and the last ends, then the
            tables of integers one after the other.
        numbers: The tables of numbers.
        signs: (tables, 2**n_qubits) of ±1.
        n_steps: Passes over the amplitudes.
        n_angles: Angles.
        n_chains: Chains of rotations.
        n_turns: Turns.
        n_phases: Groups of phases.
        n_sampled_chains: Those that depend on the sample.
        n_sampled_turns: The same of turns.
    """

    integers: np.ndarray
    numbers: np.ndarray
    signs: np.ndarray
    n_steps: int
    n_angles: int
    n_chains: int
    n_turns: int
    n_phases: int
    n_sampled_chains: int
    n_sampled_turns: int


def pack(n_features: int, plan: Schedule, polynomials: Polynomials, measured: Measured) -> Packed:
    """Pack what a program runs."""
    polynomials = polynomials._replace(is_sampled=polynomials.is_sampled.astype(np.int64))
    tables = [*_tables(plan), *_tables(polynomials), *_tables(measured)]
    integers = [table for table in tables if table.dtype == np.int64]
    numbers = [table for table in tables if table.dtype == np.float64]
    scalars = [n_features, plan.n_product, measured.kind, measured.n_diagonal]
    first = len(scalars) + len(integers) + 1 + len(numbers) + 1
    starts = first + np.cumsum([0, *(table.size for table in integers)])
    starts_of_numbers = np.cumsum([0, *(table.size for table in numbers)])
    return Packed(
        np.concatenate([scalars, starts, starts_of_numbers, *map(np.ravel, integers)]).astype(np.int64),
        np.concatenate([np.ravel(table) for table in numbers]),
        plan.signs,
        len(plan.steps),
        len(polynomials.offsets),
        len(plan.chains.kept),
        len(plan.turns.kept),
        len(plan.phases.signs),
        int(plan.chains.kept.max(initial=-1)) + 1,
        int(plan.turns.kept.max(initial=-1)) + 1,
    )


def _tables(of: tuple[object, ...]) -> Iterator[np.ndarray]:
    for table in of:
        if isinstance(table, tuple):
            yield from _tables(table)
        elif isinstance(table, np.ndarray):
            yield table
