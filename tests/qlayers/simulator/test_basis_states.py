"""Basis states made of data, traced and run in batch, against default.qubit sample by sample."""

from __future__ import annotations

import itertools
import pickle
import warnings

import numpy as np
import pennylane as qp
import pytest
import torch

from qlayers import ExecutionWarning, InputError, QuantumLayer
from qlayers.basis_states import bits_as_angles

N_QUBITS = 3
BITS = torch.tensor(list(itertools.product([0.0, 1.0], repeat=3)), dtype=torch.float64)


def finish(weights):
    qp.StronglyEntanglingLayers(weights.reshape(1, N_QUBITS, 3), wires=range(N_QUBITS))


def embedding(inputs, weights):
    qp.BasisEmbedding(inputs[..., :3], wires=range(3))
    finish(weights)
    return qp.state()


def embedding_in_the_middle(inputs, weights):
    qp.Hadamard(0)
    finish(weights)
    qp.BasisEmbedding(inputs[..., :2], wires=[2, 0])
    qp.RY(inputs[..., 3], wires=1)
    return [qp.expval(qp.Z(0)), qp.var(qp.X(1)), qp.expval(qp.Y(2))]


def state_of_a_list(inputs, weights):
    qp.BasisState([inputs[..., 2], 1 - inputs[..., 0]], wires=[1, 2])
    finish(weights)
    return qp.probs(wires=[2, 0])


def bits_and_angles(inputs, weights):
    qp.BasisState(inputs[..., :2], wires=[0, 1])
    for i in range(3):
        qp.RY(inputs[..., i], wires=i)  # the bits' own gradient comes through here
    finish(weights)
    qp.RX(torch.exp(inputs[..., 4]), wires=2)  # no polynomial
    qp.RZ(torch.sin(weights[0]) * inputs[..., 3], wires=0)
    return qp.state()


def controlled(inputs, weights):
    qp.Hadamard(0)
    qp.ctrl(qp.BasisState, control=0)(inputs[..., 1:3], wires=[1, 2])
    finish(weights)
    qp.adjoint(qp.ctrl(qp.BasisEmbedding, control=[0, 1], control_values=[0, 1]))(inputs[..., :1], wires=[2])
    qp.adjoint(qp.BasisState)(inputs[..., :2], wires=[0, 2])
    return qp.state()


def thresholds(inputs, weights):
    qp.BasisState((inputs[..., 3:6] > 0.5).int(), wires=range(3))
    finish(weights)
    return qp.state()


def mixed_with_a_constant(inputs, weights):
    qp.BasisState(np.array([1, 0]), wires=[1, 0])
    qp.BasisState(torch.tensor([1, 1]), wires=[1, 2])
    qp.BasisState(inputs[..., :3], wires=range(3))
    finish(weights)
    return qp.probs(wires=[0, 1, 2]), qp.expval(qp.X(0) @ qp.Y(2))


FUNCTIONS = [
    embedding,
    embedding_in_the_middle,
    state_of_a_list,
    bits_and_angles,
    controlled,
    thresholds,
    mixed_with_a_constant,
]


def samples():
    """All bits, and three further features."""
    generator = torch.Generator().manual_seed(3)
    return torch.cat([BITS, torch.rand(len(BITS), 3, generator=generator, dtype=torch.float64)], -1)


def make(function, **options):
    torch.manual_seed(0)
    qnode = qp.QNode(function, qp.device("default.qubit", wires=N_QUBITS), diff_method="backprop")
    options = {"n_features": 6, "precision": "float64", "backend": "batched", **options}
    return QuantumLayer.from_qnode(qnode, {"weights": (9,)}, **options)


def reference(function, inputs, weights):
    """default.qubit, one sample after the other."""
    qnode = qp.QNode(function, qp.device("default.qubit", wires=N_QUBITS), diff_method="backprop")
    rows = []
    for sample in inputs:
        result = qnode(sample, weights)
        parts = result if isinstance(result, list | tuple) else [result]
        rows.append(torch.cat([part.reshape(-1) for part in parts]))
    return torch.stack(rows)


def weighted(values):
    numbers = torch.view_as_real(values) if values.is_complex() else values
    return (numbers * torch.linspace(1, 2, numbers.numel(), dtype=torch.float64).reshape(numbers.shape)).sum()


@pytest.mark.parametrize("function", FUNCTIONS)
def test_values_phases_and_gradients_are_default_qubits(function):
    layer = make(function)
    inputs = samples().requires_grad_()
    found = layer(inputs)
    expected = reference(function, inputs, layer.weights)
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9)
    one = torch.autograd.grad(weighted(found), [inputs, layer.weights], materialize_grads=True)
    other = torch.autograd.grad(
        weighted(expected), [inputs, layer.weights], materialize_grads=True, allow_unused=True
    )
    torch.testing.assert_close(one, other, rtol=1e-8, atol=1e-9)
    assert layer.execution.device == "qlayers.batched"


def test_no_gradient_flows_to_bits():
    layer = make(embedding)
    inputs = samples().requires_grad_()
    weighted(layer(inputs)).backward()
    assert not inputs.grad.any()
    assert layer.weights.grad.any()


@pytest.mark.parametrize("function", [embedding, thresholds, bits_and_angles])
def test_one_sample_many_dimensions_and_single_precision(function):
    layer = make(function, precision="float32")
    inputs = samples().float()
    expected = layer(inputs)
    torch.testing.assert_close(layer(inputs[5]), expected[5])
    torch.testing.assert_close(layer(inputs.reshape(2, 4, 6)), expected.reshape(2, 4, -1))
    wanted = reference(function, inputs.double(), layer.weights.double())
    torch.testing.assert_close(expected, wanted.to(expected.dtype), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(
    ("function", "named"),
    [(embedding, "feature 2"), (state_of_a_list, "bit 0"), (bits_and_angles, "feature 1")],
)
@pytest.mark.parametrize("wrong", [0.5, 2.0, -1.0])
def test_what_is_no_bit_is_refused_and_the_layer_goes_on(function, named, wrong):
    layer = make(function)
    inputs = samples()
    expected = layer(inputs)
    spoilt = inputs.clone()
    spoilt[3, 1 if function is bits_and_angles else 2] = wrong
    with pytest.raises(InputError, match=rf"take bits, 0 or 1, but row 3 has {wrong:g} as {named} \(1 such"):
        layer(spoilt)
    with pytest.raises(ValueError, match="must only consist of 0s and 1s"):  # so does PennyLane
        reference(function, spoilt, layer.weights)
    assert torch.equal(layer(inputs), expected)


def test_transforms_see_the_check():
    layer = make(embedding_in_the_middle)
    inputs, weights = samples(), {"weights": layer.weights}

    def call(weights, sample):
        return torch.func.functional_call(layer, weights, (sample,))

    each = torch.func.vmap(call, in_dims=(None, 0))
    torch.testing.assert_close(each(weights, inputs), layer(inputs))
    jacobian = torch.func.vmap(torch.func.jacrev(call), in_dims=(None, 0))(weights, inputs)["weights"]
    wanted = torch.autograd.functional.jacobian(
        lambda w: torch.func.functional_call(layer, {"weights": w}, (inputs,)), layer.weights
    )
    torch.testing.assert_close(jacobian, wanted)
    with pytest.raises(InputError, match="as feature 0"):
        each(weights, inputs + 0.25)


def test_a_copy_a_pickle_and_a_description():
    layer = make(embedding)
    inputs = samples()
    circuit = pickle.loads(pickle.dumps(layer._traced))
    assert torch.equal(circuit.run(inputs, layer.weights), layer._traced.run(inputs, layer.weights))
    assert torch.equal(pickle.loads(pickle.dumps(layer))(inputs), layer(inputs))
    assert layer.n_outputs == 8
    assert layer.digest != make(bits_and_angles).digest
    assert layer.counts.gates["RX"] == 3


def test_what_pennylane_makes_of_basis_states_is_left_alone():
    make(embedding)
    with pytest.raises(ValueError, match="0s and 1s"):
        qp.BasisState(torch.tensor([0.5, 1.0]), wires=[0, 1])
    assert type(qp.BasisState(torch.tensor([0.0, 1.0]), wires=[0, 1])) is qp.BasisState
    with bits_as_angles() as found:
        with pytest.raises(ValueError, match="length 2; got length 1"):
            qp.BasisState(torch.tensor([0.5]), wires=[0, 1])
        assert qp.BasisState(2, wires=[0, 1]).parameters[0].tolist() == [1, 0]
    assert not found


def by_value(inputs, weights):
    qp.BasisEmbedding(inputs[..., :3], wires=range(3))
    if inputs[..., 0].sum() > 0.5:
        finish(weights)
    return qp.probs(wires=range(3))


@pytest.mark.falls_back
def test_what_cannot_be_traced_runs_on_the_qnode_and_says_so_once():
    with pytest.warns(
        ExecutionWarning, match=r"runs on default.qubit, and not .* depend on the values"
    ) as said:
        layer = make(by_value, backend="auto")
    inputs = samples()
    assert len(said) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExecutionWarning)  # sample by sample, which is said too
        found = layer(inputs)
    torch.testing.assert_close(found, reference(by_value, inputs, layer.weights))
    with pytest.raises(ValueError, match="0s and 1s"):
        layer(inputs + 0.25)


def with_a_formula(inputs, weights):
    qp.BasisState((inputs[..., :2] > 0.5).int() * (inputs[..., 2:4] < 2.0), wires=[0, 1])
    qp.BasisState(inputs[..., :2] ** 2, wires=[1, 2])
    qp.RX(torch.exp(inputs[..., 4]), wires=2)
    finish(weights)
    return [qp.expval(qp.Z(i)) for i in range(3)]


@pytest.mark.parametrize("function", [embedding_in_the_middle, with_a_formula])
def test_the_check_stands_in_a_compiled_graph(function):
    layer = make(function)
    inputs = samples()
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager")
    torch.testing.assert_close(compiled(inputs), layer(inputs))
    torch.testing.assert_close(layer(inputs), reference(function, inputs, layer.weights))
    inputs[2, 1] = 0.25
    with pytest.raises(RuntimeError, match="take bits, 0 or 1"):
        compiled(inputs)
