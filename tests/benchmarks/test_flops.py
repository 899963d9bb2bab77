"""The count of floating-point operations against counts by hand."""

from __future__ import annotations

import flops
import pytest
from flops import Flops, flops_of

from qlayers import QuantumLayer
from qlayers.simulator.kernels.kinds import X, Y, Z
from qlayers.simulator.program import Angle, Builder, Program, Word


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


def finished(add, measure="finish_with_state", *arguments) -> Program:
    """Three qubits, entangled so that no gate is on one alone."""
    builder = Builder(3, 1, 8)
    builder.cnot(0, 1)
    add(builder)
    program: Program = getattr(builder, measure)(*arguments)
    return program


def a_feature(number: int) -> Angle:
    return Angle(0.0, ((1 + number, -1, 1.0),))


def rotate_about_all_axes(builder: Builder) -> None:
    for axis in (X, Y, X, Z, Y):
        builder.rotate(0, axis, 0.3)


def turn_all(builder: Builder) -> None:
    for qubit in range(3):
        builder.rotate(qubit, Y, 0.3)


def turn_seven_phases(builder: Builder) -> None:
    for number, qubits in enumerate([(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]):
        builder.multi_rz(qubits, a_feature(number))


@pytest.mark.parametrize(
    ("made", "forward", "backward"),
    [
        # Four pairs: 28 operations forwards; 56 and 24 backwards. Two products an amplitude for the state's cotangent.
        (finished(rotate_about_all_axes), 4 * 28, 4 * (56 + 24) + 8 * 2),
        # A complex product an amplitude; two backwards and an overlap.
        (finished(lambda builder: builder.multi_rz([0], a_feature(0))), 8 * 6, 8 * (2 * 6 + 4) + 8 * 2),
        (finished(lambda builder: builder.multi_rz([0], 0.3)), 8 * 6, 8 * (2 * 6 + 4) + 8 * 2),
        # Three gates on four pairs: four products and two sums for real and for imaginary parts; twice that and, for
        # each of both parts, two products and two sums.
        (finished(turn_all), 3 * 4 * 2 * 6, 3 * 4 * 2 * (2 * 6 + 4) + 8 * 2),
        # A transform of three rounds, and a product; the transform again, two products, an overlap of two products and
        # a sum, and its transform.
        (finished(turn_seven_phases), 8 * (3 + 6), 8 * (3 + 2 * 6 + 3 + 3) + 8 * 2),
        (finished(lambda builder: builder.cz(0, 1)), 0, 8 * 2),
        (finished(lambda builder: None, "finish_with_probabilities", [0]), 8 * 4, 8 * 2),
        (
            finished(lambda builder: None, "finish_with_words", [Word(((0, "X"),)), Word(((1, "Y"),))]),
            2 * 8 * 4,
            2 * 8 * 4,
        ),
    ],
)
def test_single_steps_by_hand(made: Program, forward: int, backward: int) -> None:
    assert flops_of(made) == Flops(forward, backward)


def test_an_unknown_step_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flops.kinds, "SIGNS", 98)
    with pytest.raises(ValueError, match="kind 4 is not known"):
        flops_of(finished(lambda builder: builder.cz(0, 1)))


def test_counts_add_up() -> None:
    assert Flops(1, 2) + Flops(3, 4) == Flops(4, 6)
    assert Flops(1, 2).times(3) == Flops(3, 6)
    assert flops.Flops.__add__(Flops(1, 2), 3) is NotImplemented
