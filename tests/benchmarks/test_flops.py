"""The count of floating-point operations against counts by hand."""

from __future__ import annotations

from types import SimpleNamespace

import flops
import numpy as np
import pytest
from flops import Flops, flops_of

from qlayers import QuantumLayer
from qlayers.simulator.program import (
    PROBABILITIES,
    SAMPLED_PHASE,
    SHARED_ROTATION,
    SIGNS,
    STATE,
    WORDS,
)


def test_two_qubits_by_hand() -> None:
    """RY and one rotation in SU(2) on each of two qubits, none entangled before the CNOTs, which cost nothing."""
    layer = QuantumLayer(2, depth=1)
    assert layer._traced is not None
    # A rotation of one qubit: four real numbers, each of four products and three sums.
    rotation = 4 * (4 + 3)
    # Doubling from one amplitude to two and from two to four: 1 + 2 times four numbers of two products and a sum, for
    # |0⟩ and |1⟩ together.
    doubling = (1 + 2) * 4 * (2 + 1)
    # |ψ|² is two products and a sum; a Walsh-Hadamard transform of four numbers is two rounds of four additions.
    measuring = 4 * 3 + 2 * 4
    # Backwards each rotation is made again, undone on ψ and λ, and three overlaps of four products are added up.
    overlaps = 3 * 4 * 2
    back = rotation + 2 * rotation + overlaps
    # The product of the qubits below, which for two qubits is the first one's state: one amplitude into two.
    below = 1 * 4 * 3
    # λ contracted, at 2 + 1 indices: four parts of overlaps of two products and two sums, two numbers of four products
    # and three sums.
    contracting = (2 + 1) * (4 * 4 + 2 * 7)
    # A transform of the cotangents, and two products an amplitude.
    observables = 2 * 4 + 4 * 2
    assert flops_of(layer._traced.program) == Flops(
        4 * rotation + doubling + measuring, 4 * back + below + contracting + observables
    )


def program(steps: list[int], kind: int, flips: tuple[int, ...] = ()) -> SimpleNamespace:
    table = np.array([(step, 1, 1, 0) for step in steps], np.int64).reshape(-1, 4)
    return SimpleNamespace(
        n_qubits=3,
        gates=SimpleNamespace(steps=table, n_product=0),
        measured=SimpleNamespace(kind=kind, flips=np.array(flips, np.int64)),
    )


@pytest.mark.parametrize(
    ("made", "forward", "backward"),
    [
        # Four pairs: 28 operations forwards; 56 and 24 backwards. Two products an amplitude for the state's cotangent.
        (program([SHARED_ROTATION], STATE), 4 * 28, 4 * (56 + 24) + 8 * 2),
        # A complex product an amplitude; two backwards and an overlap.
        (program([SAMPLED_PHASE], STATE), 8 * 6, 8 * (2 * 6 + 4) + 8 * 2),
        (program([SIGNS], STATE), 0, 8 * 2),
        (program([], PROBABILITIES), 8 * 4, 8 * 2),
        (program([], WORDS, flips=(1, 2)), 2 * 8 * 4, 2 * 8 * 4),
    ],
)
def test_single_steps_by_hand(made: SimpleNamespace, forward: int, backward: int) -> None:
    assert flops_of(made) == Flops(forward, backward)  # type: ignore[arg-type]


def test_an_unknown_step_is_refused() -> None:
    with pytest.raises(ValueError, match="kind 99 is not known"):
        flops_of(program([99], STATE))  # type: ignore[arg-type]


def test_counts_add_up() -> None:
    assert Flops(1, 2) + Flops(3, 4) == Flops(4, 6)
    assert Flops(1, 2).times(3) == Flops(3, 6)
    assert flops.Flops.__add__(Flops(1, 2), 3) is NotImplemented
