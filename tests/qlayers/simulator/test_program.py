"""The parts of the simulator, and what it refuses."""

from __future__ import annotations

import pickle
from itertools import product

import pennylane as qp
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from qlayers import ConfigurationError, QuantumLayer
from qlayers.simulator.frame import Frame


@given(st.lists(st.tuples(st.sampled_from(["cnot", "swap"]), st.permutations(range(3))), max_size=12))
def test_a_frame_stores_amplitudes_where_the_gates_would_have_moved_them_from(gates):
    frame = Frame(3)
    basis = list(product([0, 1], repeat=3))
    stored_at = {bits: index for index, bits in enumerate(basis)}  # where the amplitude of |bits⟩ is
    for name, (first, second, _) in gates:
        getattr(frame, name)(first, second)
        moved = {}
        for bits, index in stored_at.items():
            new = list(bits)
            if name == "cnot":
                new[second] ^= new[first]
            else:
                new[first], new[second] = new[second], new[first]
            moved[tuple(new)] = index
        stored_at = moved
    for number, bits in enumerate(basis):
        assert frame.index(number) == stored_at[bits]
        assert [bin(stored_at[bits] & row).count("1") % 2 for row in frame.rows] == list(bits)


class Custom(QuantumLayer):
    def __init__(self, function, **options):
        torch.nn.Module.__init__(self)
        self.function = function
        super().__init__(2, weight_shapes=(2,), backend="batched", **options)

    def circuit(self, inputs, weights):
        return self.function(inputs, weights)


def data_dependent(inputs, weights):
    qp.RX(weights[0], wires=0)
    if inputs[..., 0].sum() > 0.6:
        qp.X(0)
    return qp.expval(qp.Z(0))


def mid_circuit(inputs, weights):
    qp.RX(inputs[..., 0] * weights[0], wires=0)
    outcome = qp.measure(0)
    qp.cond(outcome, qp.X)(1)
    return qp.expval(qp.Z(1))


def hidden_dependence(inputs, weights):
    if inputs[..., 0].sum() > 1e6:
        qp.X(0)
    return qp.expval(qp.Z(0))


def trainable_observable(inputs, weights):
    qp.RX(inputs[..., 0] * weights[0], wires=0)
    return qp.expval(qp.Hamiltonian([weights[1], 1.0], [qp.Z(0), qp.X(1)]))


def half_prepared(inputs, weights):
    qp.AmplitudeEmbedding(inputs * weights, wires=[0], normalize=True)
    return qp.expval(qp.Z(0))


def prepared_and_encoded(inputs, weights):
    qp.AmplitudeEmbedding(inputs, wires=[0, 1], normalize=True, pad_with=0.0)
    qp.RX(inputs[..., 0] * weights[0] ** 3, wires=0)
    return qp.expval(qp.Z(0))


def samples(inputs, weights):
    qp.RX(inputs[..., 0] * weights[0], wires=0)
    return qp.sample(wires=0)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (data_dependent, "gates depend on the values"),
        (hidden_dependence, "gates depend on the values"),
        (trainable_observable, "observables depend"),
        (samples, "not read off a state"),
    ],
)
def test_what_cannot_be_run_is_refused_with_the_reason(function, reason):
    with pytest.raises(ConfigurationError, match=rf"backend=batched cannot run this circuit: .*{reason}"):
        Custom(function)


@pytest.mark.parametrize("function", [half_prepared, prepared_and_encoded, mid_circuit])
def test_prepared_states_and_deferred_measurements_give_default_qubits_numbers(function):
    layer = Custom(function, precision="float64")
    qnode = qp.QNode(function, qp.device("default.qubit"), diff_method="backprop")
    inputs = torch.rand(4, 2, dtype=torch.float64, requires_grad=True)
    wanted = torch.stack([qnode(row, layer.weights) for row in inputs])
    torch.testing.assert_close(layer(inputs), wanted)
    sides = [
        torch.autograd.grad(side.square().sum(), (inputs, layer.weights)) for side in (layer(inputs), wanted)
    ]
    torch.testing.assert_close(*sides)


def test_too_many_qubits_are_refused():
    with pytest.raises(ConfigurationError, match="at most 20"):
        QuantumLayer(21, ansatz="basic_entangler", backend="batched")


def test_backward_twice_over_one_graph_gives_the_same():
    layer = QuantumLayer(3, depth=2, backend="batched")
    total = layer(torch.rand(5, 3)).sum()
    (first,) = torch.autograd.grad(total, layer.weights, retain_graph=True)
    (second,) = torch.autograd.grad(total, layer.weights)
    assert torch.equal(first, second)


def test_a_pickled_layer_traces_anew():
    layer = QuantumLayer(3, depth=2, backend="batched", encoding="iqp")
    restored = pickle.loads(pickle.dumps(layer))
    inputs = torch.rand(4, 3)
    assert torch.equal(restored(inputs), layer(inputs))
    assert restored.execution.device == "qlayers.batched"


def test_a_circuit_without_weights():
    class Fixed(QuantumLayer):
        def circuit(self, inputs):
            qp.AngleEmbedding(inputs, wires=range(2))
            return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]

    layer = Fixed(2, weight_shapes={}, backend="batched", precision="float64")
    inputs = torch.rand(3, 2, dtype=torch.float64)
    torch.testing.assert_close(layer(inputs), torch.cos(inputs))
