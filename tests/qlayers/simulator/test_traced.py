"""Quantum functions as people write them, traced and run in batch, against the same QNode where its author put it."""

from __future__ import annotations

import pickle
import warnings

import numpy as np
import pennylane as qp
import pytest
import torch

from qlayers import ConfigurationError, ExecutionWarning, QuantumLayer
from qlayers._layer.tracing import forget_traces
from qlayers.simulator import trace as tracing
from qlayers.simulator.program import Builder

N_FEATURES, N_WEIGHTS = 3, 4
MATRIX = np.array([[1.0, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]])


def entangle(inputs, weights, wires=(0, 1, 2)):
    for i, wire in enumerate(wires):
        qp.RY(inputs[..., i], wires=wire)
        qp.RX(weights[i], wires=wire)
    qp.CNOT([wires[0], wires[1]])
    qp.CRY(weights[3] * inputs[..., 0], wires=[wires[1], wires[2]])


def arithmetic(inputs, weights):
    qp.RX(torch.arctan(inputs[..., 0]) * weights[0], wires=0)
    qp.RY(inputs[..., 1] ** 3 + torch.sin(weights[1]), wires=1)
    qp.RZ(torch.exp(weights[2]), wires=1)
    qp.IsingXX(inputs.sum(-1) * weights.norm(), wires=[0, 1])
    qp.ctrl(qp.Rot, control=2)(weights[3] ** 2, inputs[..., 2], torch.tensor(0.3), wires=0)
    qp.Hadamard(2)
    return [qp.expval(qp.Z(0)), qp.expval(qp.Y(1)), qp.expval(qp.X(2))]


def nested(inputs, weights):
    entangle(inputs, weights)
    qp.adjoint(qp.ctrl(qp.adjoint(qp.RX), control=1))(torch.tanh(inputs[..., 2]), wires=0)
    qp.adjoint(entangle)(weights[0] * inputs, weights)
    return qp.expval(qp.X(0) @ qp.Y(1) @ qp.Z(2))


def hamiltonian(inputs, weights):
    entangle(inputs, weights)
    energy = qp.Hamiltonian([0.5, -2.0, 1.5], [qp.Z(0) @ qp.X(2), qp.Y(1), qp.I(0)])
    return qp.expval(energy), qp.var(energy), qp.expval(3 * qp.Z(1) + qp.prod(qp.X(0), qp.X(0), qp.Z(2)))


def matrices(inputs, weights):
    entangle(inputs, weights)
    qp.QubitUnitary(np.array([[1, 1j], [1j, 1]]) / np.sqrt(2), wires=1)
    return (
        qp.expval(qp.Hermitian(MATRIX, wires=1)),
        qp.var(qp.Hermitian(MATRIX, wires=2)),
        qp.expval(qp.Projector([1, 0], wires=[0, 2])),
    )


def several_kinds(inputs, weights):
    entangle(inputs, weights)
    return qp.probs(wires=[2, 0]), qp.expval(qp.Z(1)), qp.probs(wires=1), qp.var(qp.X(0) @ qp.Y(2))


def purity(inputs, weights):
    entangle(inputs, weights)
    return [qp.purity(wires=0), qp.vn_entropy(wires=[0, 1]), qp.mutual_info([0], [2])]


def all_probabilities(inputs, weights):
    entangle(inputs, weights)
    return qp.probs()


def probabilities_of_an_observable(inputs, weights):
    entangle(inputs, weights)
    return qp.probs(op=qp.X(1))


def amplitudes(inputs, weights):
    qp.AmplitudeEmbedding(inputs, wires=range(3), normalize=True, pad_with=0.0)
    qp.StronglyEntanglingLayers(weights.reshape(1, 1, 4)[..., :3].expand(1, 3, 3), wires=range(3))
    return qp.expval(qp.Z(0)), qp.expval(qp.X(2))


def constant_state(inputs, weights):
    qp.StatePrep(np.array([1, 1j, 0, -1]) / np.sqrt(3), wires=[2, 0])
    entangle(inputs, weights)
    return [qp.expval(qp.Z(i)) for i in range(3)]


def templates(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(3), rotation="X")
    qp.IQPEmbedding(inputs, wires=range(3), n_repeats=2)
    qp.BasicEntanglerLayers(weights[None, :3], wires=range(3))
    qp.QFT(wires=range(3))
    qp.GroverOperator(wires=range(3))
    qp.Permute([2, 0, 1], wires=range(3))
    return qp.expval(qp.Z(0)), qp.expval(qp.Z(2))


FUNCTIONS = [
    arithmetic,
    nested,
    hamiltonian,
    matrices,
    several_kinds,
    purity,
    all_probabilities,
    probabilities_of_an_observable,
    amplitudes,
    constant_state,
    templates,
]


def both(function, device=None, **options):
    """The same QNode twice with the same weights: traced, and as written on default.qubit with backpropagation."""
    torch.manual_seed(0)
    shapes = {"weights": (N_WEIGHTS,)}
    qnode = qp.QNode(function, device or qp.device("default.qubit", wires=3))
    options = {"precision": "float64", "n_features": N_FEATURES, **options}
    traced = QuantumLayer.from_qnode(qnode, shapes, backend="batched", **options)
    reference = qp.QNode(
        function, qp.device("default.qubit", wires=qnode.device.wires), diff_method="backprop"
    )
    written = QuantumLayer.from_qnode(reference, shapes, backend="as_written", **options)
    written.load_state_dict(traced.state_dict())
    return traced, written


def assert_same(traced, written, inputs, rtol=1e-9, atol=1e-9):
    found, wanted = traced(inputs), written(inputs)
    torch.testing.assert_close(found, wanted, rtol=rtol, atol=atol)
    cotangents = torch.rand_like(found)
    for one, other in zip(
        torch.autograd.grad(found, [inputs, traced.weights], cotangents),
        torch.autograd.grad(wanted, [inputs, written.weights], cotangents),
        strict=True,
    ):
        torch.testing.assert_close(one, other, rtol=rtol, atol=atol)


@pytest.mark.parametrize("function", FUNCTIONS)
@pytest.mark.parametrize("batch", [(), (1,), (9,), (2, 3)])
def test_values_shapes_and_gradients_are_the_qnodes(function, batch):
    traced, written = both(function)
    inputs = torch.rand(*batch, N_FEATURES, dtype=torch.float64, requires_grad=True)
    assert_same(traced, written, inputs)
    assert traced.execution.device == "qlayers.batched"
    assert traced.n_outputs == written.n_outputs


@pytest.mark.parametrize("function", [arithmetic, hamiltonian, several_kinds])
def test_in_single_precision_too(function):
    traced, written = both(function, precision="float32")
    inputs = torch.rand(20, N_FEATURES, requires_grad=True)
    assert traced(inputs).dtype == torch.float32
    assert_same(traced, written, inputs, rtol=1e-4, atol=1e-5)


def measured_state(inputs, weights):
    entangle(inputs, weights)
    qp.S(0)
    qp.GlobalPhase(weights[0])
    return qp.state()


def test_a_states_phase_is_kept():
    traced, written = both(measured_state)
    inputs = torch.rand(5, N_FEATURES, dtype=torch.float64)
    found = traced(inputs)
    assert found.dtype == torch.complex128
    torch.testing.assert_close(found, written(inputs))
    overlap = (found * found[:, :1].detach().conj()).real.sum()
    expected = (written(inputs) * found[:, :1].detach().conj()).real.sum()
    torch.testing.assert_close(
        torch.autograd.grad(overlap, traced.weights), torch.autograd.grad(expected, written.weights)
    )


def labelled(inputs, weights):
    entangle(inputs, weights, wires=("b", 7, "a"))
    return qp.probs(wires=["a", 7]), qp.expval(qp.Z("b"))


@pytest.mark.parametrize("wires", [["a", "b", 7], None])
def test_wires_have_any_labels(wires):
    traced, written = both(labelled, qp.device("default.qubit", wires=wires))
    assert_same(traced, written, torch.rand(4, N_FEATURES, dtype=torch.float64, requires_grad=True))


def test_the_width_is_learned_from_the_first_call():
    traced, written = both(arithmetic, n_features=None)
    assert_same(traced, written, torch.rand(4, N_FEATURES, dtype=torch.float64, requires_grad=True))


def test_a_qnode_on_lightning_is_run_in_batch():
    device = qp.device("lightning.qubit", wires=3)
    layer = QuantumLayer.from_qnode(
        qp.QNode(nested, device, diff_method="adjoint"), {"weights": (N_WEIGHTS,)}
    )
    layer(torch.rand(2, N_FEATURES))
    assert layer.execution.device == "qlayers.batched"


def noisy(inputs, weights):
    entangle(inputs, weights)
    qp.DepolarizingChannel(0.1, wires=0)
    return qp.expval(qp.Z(0))


@pytest.mark.parametrize(
    ("make", "obstacle"),
    [
        (
            lambda: qp.set_shots(qp.QNode(nested, qp.device("default.qubit", wires=3)), shots=100),
            "it has shots",
        ),
        (
            lambda: qp.QNode(nested, qp.device("default.qubit", wires=3), diff_method="spsa"),
            "spsa",
        ),
        (lambda: qp.QNode(noisy, qp.device("default.mixed", wires=3)), "default.mixed"),
    ],
)
def test_shots_noise_and_a_chosen_gradient_method_are_kept(make, obstacle):
    shapes = {"weights": (N_WEIGHTS,)}
    with pytest.warns(ExecutionWarning, match=f"because .*{obstacle}"):
        layer = QuantumLayer.from_qnode(make(), shapes, n_features=N_FEATURES)
    layer(torch.rand(1, N_FEATURES))
    assert layer.execution.device.startswith("default.")
    assert layer.execution.shots == (100 if "shots" in obstacle else None)
    with pytest.raises(ConfigurationError, match=rf"backend=batched cannot run this QNode: .*{obstacle}"):
        QuantumLayer.from_qnode(make(), shapes, backend="batched")


def by_value(inputs, weights):
    qp.RX(weights[0], wires=0)
    if inputs[..., 0].sum() > 0.5:
        qp.X(0)
    return qp.expval(qp.Z(0))


@pytest.mark.falls_back
def test_what_cannot_be_traced_runs_on_the_qnode_and_says_so_once():
    qnode = qp.QNode(by_value, qp.device("default.qubit", wires=1))
    with pytest.warns(ExecutionWarning, match=r"runs on default.qubit, and not .* depend on the values"):
        layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1, precision="float64")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = torch.stack([layer(torch.tensor([value])) for value in (0.2, 0.9)])
    torch.testing.assert_close(found, torch.cos(layer.weights) * torch.tensor([1.0, -1.0]))
    assert layer.execution.device == "default.qubit"


def whatever(inputs, weights):
    raise ValueError("not today")


@pytest.mark.falls_back
def test_a_function_that_fails_is_left_to_the_qnode():
    """It may be meant for other data; where it fails on these too, its error says more than a warning."""
    qnode = qp.QNode(whatever, qp.device("default.qubit", wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1)
    with pytest.raises(ValueError, match="not today"):
        layer(torch.ones(1, 1))

    def whole_numbers_only(inputs, weights):
        if not torch.equal(inputs, inputs.round()):
            raise ValueError("not today")
        qp.RX(inputs[..., 0] + weights[0], wires=0)
        return qp.expval(qp.Z(0))

    qnode = qp.QNode(whole_numbers_only, qp.device("default.qubit", wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, torch.nn.init.zeros_)
    with pytest.warns(ExecutionWarning, match=r"fails on a random sample \(not today\)"):
        outputs = layer(torch.ones(1, 1))
    torch.testing.assert_close(outputs, torch.cos(torch.ones(1)))


def test_from_qnode_names_its_backends():
    qnode = qp.QNode(nested, qp.device("default.qubit", wires=3))
    with pytest.raises(
        ConfigurationError, match=r"'lightning'\) is unknown\. Available: auto, batched, as_written"
    ):
        QuantumLayer.from_qnode(qnode, {"weights": (N_WEIGHTS,)}, backend="lightning")


@pytest.mark.parametrize("function", [arithmetic, several_kinds, amplitudes, constant_state])
def test_a_traced_circuit_can_be_pickled(function):
    traced, _ = both(function)
    inputs = torch.rand(3, N_FEATURES, dtype=torch.float64)
    expected = traced(inputs)
    key, surroundings, trace = traced._found
    traced.__dict__["_found"] = key, surroundings, pickle.loads(pickle.dumps(trace))
    assert torch.equal(traced(inputs), expected)


def test_a_wrong_program_is_found_out_when_it_is_built(monkeypatch):
    rotate = Builder.rotate
    monkeypatch.setattr(
        Builder,
        "rotate",
        lambda self, qubit, axis, angle: rotate(self, qubit, axis, 0.1 if axis == 1 else angle),
    )
    forget_traces()
    with pytest.raises(ConfigurationError, match=r"disagrees with default.qubit, which is a defect"):
        both(nested)
    forget_traces()


def test_the_global_random_stream_is_left_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    layer = QuantumLayer(2, init=torch.nn.init.zeros_, backend="batched")
    layer(torch.zeros(1, 2))
    assert torch.equal(torch.rand(3), expected)


def test_a_circuit_of_many_angles_is_traced_to_polynomials_alone():
    """What is one gather in the simulator is not evaluated by torch, one operation after the other."""
    layer = QuantumLayer(4, depth=3, encoding="iqp", reupload=True)
    assert layer._traced.shared is None
    assert layer._traced.sampled is None
    assert tracing.MAX_QUBITS >= 20
