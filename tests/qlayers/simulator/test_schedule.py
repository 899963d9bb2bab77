"""Gates in groups: fewer passes over the state, and the same state."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.simulator.execute import execute
from qlayers.simulator.kernels.kinds import (
    PHASES,
    SAMPLED_PHASE,
    SAMPLED_PHASES,
    SAMPLED_ROTATION,
    SHARED_ROTATION,
    SIGNS,
    TURNS,
    X,
    Y,
    Z,
)
from qlayers.simulator.kernels.unpacking import unpack
from qlayers.simulator.packing import pack
from qlayers.simulator.program import Angle, Builder, Word


def plan_of(layer: QuantumLayer):
    """The schedule of a layer's circuit."""
    assert layer._traced is not None
    return unpack(*layer._traced.program.packed[:3])[0]


@pytest.mark.parametrize("n_qubits", [2, 3, 4, 8, 10])
@pytest.mark.parametrize("depth", [1, 2, 5])
@pytest.mark.parametrize("ansatz", ["strongly_entangling", "basic_entangler", "hardware_efficient"])
def test_a_layer_of_an_ansatz_is_as_few_passes_as_can_be(n_qubits, depth, ansatz):
    """Behind the first, whose qubits are apart: one table of phases, and a pass for every three qubits."""
    plan = plan_of(QuantumLayer(n_qubits, depth=depth, ansatz=ansatz))
    passes = Counter(int(kind) for kind in plan.steps[plan.n_product :, 0])
    assert passes[TURNS] == (depth - 1) * -(-n_qubits // 3)
    # The first entangling gates of hardware_efficient are signs without phases; the last nobody sees.
    assert passes[PHASES] + passes[SIGNS] == passes.total() - passes[TURNS] == depth - 1


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("ansatz", ["strongly_entangling", "hardware_efficient"])
def test_more_sets_than_the_table_of_first_ones_holds(ansatz, dtype):
    """Eleven qubits, compared with default.qubit; random circuits have up to eight."""
    precision = str(dtype).removeprefix("torch.")
    ours = QuantumLayer(11, ansatz=ansatz, depth=3, precision=precision, backend="batched")
    theirs = QuantumLayer(11, ansatz=ansatz, depth=3, precision=precision, backend="default_qubit")
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.rand(3, 11, dtype=dtype, requires_grad=True)
    tolerance = 1e-5 if dtype == torch.float32 else 1e-12
    values = [layer(inputs) for layer in (ours, theirs)]
    torch.testing.assert_close(*values, rtol=0, atol=tolerance)
    cotangents = torch.randn_like(values[0])
    gradients = [
        torch.autograd.grad(value, [inputs, *layer.parameters()], cotangents)
        for value, layer in zip(values, (ours, theirs), strict=True)
    ]
    for found, wanted in zip(*gradients, strict=True):
        torch.testing.assert_close(found, wanted, rtol=0, atol=10 * tolerance)


def test_last_phases_are_left_out_where_nobody_sees_them():
    def finished(words):
        builder = Builder(2, 0, 0)
        builder.cnot(0, 1)
        builder.rotate(0, Y, 0.3)
        builder.rotate(0, Z, 0.4)
        return unpack(*builder.finish_with_words(words).packed[:3])[0].steps[:, 0].tolist()

    assert finished([Word(((0, "Z"),))]) == [TURNS]
    assert finished([Word(((0, "Z"),)), Word(((0, "X"),))]) == [TURNS, PHASES]


def test_a_weight_that_is_left_out_is_checked_all_the_same():
    layer = QuantumLayer(2, depth=2)
    with torch.no_grad():
        layer.weights[-1, 0, 2] = float("nan")  # the angle of the last rotation about Z
    with pytest.raises(ValueError, match="NaN or infinite"):
        layer(torch.rand(3, 2))


@pytest.mark.parametrize("reupload", [False, True])
def test_phases_of_a_feature_map_become_one_pass(reupload):
    """IQP with five qubits: fifteen phases of the sample, of which the first layer's on one qubit are rotations."""
    layer = QuantumLayer(5, encoding="iqp", ansatz="strongly_entangling", depth=2, reupload=reupload)
    kinds = plan_of(layer).steps[:, 0].tolist()
    assert kinds.count(SAMPLED_PHASES) == (2 if reupload else 1)
    assert SAMPLED_PHASE not in kinds


@pytest.mark.parametrize("n_features", [3, 6])
def test_phases_of_features_with_large_angles(n_features):
    """In a table and one by one: float32 loses nothing to a sum of large angles."""
    layer = QuantumLayer(n_features, encoding="iqp", depth=1, backend="batched")
    exact = QuantumLayer(n_features, encoding="iqp", depth=1, precision="float64", backend="default_qubit")
    exact.load_state_dict({name: value.double() for name, value in layer.state_dict().items()})
    inputs = 8 * torch.rand(7, n_features).round(decimals=3)
    # An angle of 64 is known to 4e-6 in float32.
    torch.testing.assert_close(layer(inputs), exact(inputs.double()).float(), rtol=0, atol=2e-5)


@pytest.mark.parametrize("n_phases", [1, 7])
def test_an_angle_that_is_left_out_is_checked_all_the_same_if_it_comes_from_the_sample(n_phases):
    builder = Builder(3, 0, 1)
    builder.cnot(0, 1)
    builder.rotate(0, Y, 0.3)
    for _ in range(n_phases):
        builder.multi_rz([0, 1], Angle(0.0, ((0, -1, 1e300),)))
    program = builder.finish_with_words([Word(((0, "Z"),))])
    assert unpack(*program.packed[:3])[0].steps[:, 0].tolist() == [TURNS]
    with pytest.raises(ValueError, match="NaN or infinite"):
        execute(program, torch.full((2, 1), 1e30), torch.empty(0))


def test_rotations_about_changing_axes_stay_one():
    builder = Builder(2, 0, 1)
    builder.cnot(0, 1)
    for axis in (X, Y, X, Z, Y):
        builder.rotate(0, axis, 0.3)
    for axis in (Y, Z, X, Y):
        builder.rotate(1, axis, Angle(0.0, ((0, -1, 1.0),)))
    plan = unpack(*builder.finish_with_words([Word(((0, "Z"),))]).packed[:3])[0]
    assert plan.steps[:, 0].tolist() == [SHARED_ROTATION, SAMPLED_ROTATION]


def test_a_turn_shared_in_part_sends_its_gradient_to_weights_and_inputs():
    """From seven qubits on RY(x) and RY(w) become one rotation."""

    @qp.qnode(qp.device("default.qubit", wires=8), diff_method="backprop", interface="torch")
    def circuit(inputs, weights):
        for first in range(7):
            qp.CZ([first, first + 1])
        for qubit in range(8):
            qp.RY(inputs[..., 0], qubit)
            qp.RY(weights[qubit], qubit)
            qp.CZ([qubit, (qubit + 1) % 8])
        return [qp.expval(qp.X(0) @ qp.Z(3)), qp.expval(qp.Z(7))]

    layer = QuantumLayer.from_qnode(circuit, {"weights": 8}, precision="float64", n_features=1)
    assert [int((plan_of(layer).turns.kept >= 0).sum())] == [8]
    inputs = torch.rand(9, 1, dtype=torch.float64, requires_grad=True)
    wanted = torch.stack(list(circuit(inputs, layer.weights)), -1)
    torch.testing.assert_close(layer(inputs), wanted, rtol=0, atol=1e-12)
    cotangents = torch.randn_like(wanted)
    for found, expected in zip(
        torch.autograd.grad(layer(inputs), [inputs, layer.weights], cotangents),
        torch.autograd.grad(wanted, [inputs, layer.weights], cotangents),
        strict=True,
    ):
        torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_what_is_packed_comes_out_again():
    program = QuantumLayer(
        5, depth=3, encoding="iqp", ansatz="hardware_efficient", reupload=True
    )._traced.program
    plan, polynomials, measured, n_features = unpack(*program.packed[:3])
    again = pack(n_features, plan, polynomials, measured)
    for one, other in zip(again, program.packed, strict=True):
        assert np.array_equal(one, other)
    for name in ("start", "terms", "coefficients", "offsets", "is_sampled", "sampled"):
        assert np.array_equal(getattr(polynomials, name), getattr(program.polynomials, name)), name
    for name in program.measured._fields:
        assert np.array_equal(getattr(measured, name), getattr(program.measured, name)), name


def test_phases_of_many_turns_are_as_exact_as_few():
    """The table adds up angles before it takes sines of them."""
    layer = QuantumLayer(4, depth=2)
    moved = QuantumLayer(4, depth=2)
    with torch.no_grad():
        moved.weights.copy_(layer.weights)
        moved.weights[1] += 2 * torch.pi * 50  # to float32: 3e-5 beside the angle
    inputs = torch.rand(8, 4)
    exact = QuantumLayer(4, depth=2, precision="float64", backend="default_qubit")
    exact.load_state_dict({name: value.double() for name, value in moved.state_dict().items()})
    torch.testing.assert_close(moved(inputs), exact(inputs.double()).float(), rtol=0, atol=2e-6)
