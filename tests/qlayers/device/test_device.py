"""The device as an object: wires, copies, TorchLayer, and what it refuses."""

from __future__ import annotations

import copy
import pickle
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.exceptions import DeviceError, QuantumFunctionError, WireError

from qlayers.device import BatchedDevice
from qlayers.recent import Recent
from qlayers.testing import TOLERANCES
from tests.qlayers.device.native import no_other_simulator


def test_pennylane_knows_it_by_its_name():
    device = qp.device("qlayers.batched", wires=3)
    assert isinstance(device, BatchedDevice)
    assert (device.name, len(device.wires), device.precision) == ("qlayers.batched", 3, "float64")
    assert qp.device("qlayers.batched").wires is None


# ---------------------------------------------------------------- wires


@pytest.mark.parametrize("wires", [None, 4, ["a", "b", 7, -1]])
def test_wire_labels(wires):
    labels = [3, 1, 0] if wires in (None, 4) else ["b", -1, "a"]

    def circuit():
        qp.RX(0.3, wires=labels[0])
        qp.CNOT([labels[0], labels[1]])
        qp.RY(0.8, wires=labels[2])
        return qp.expval(qp.Z(labels[0])), qp.probs(wires=[labels[2], labels[0]]), qp.state(), qp.probs()

    found = qp.QNode(circuit, qp.device("qlayers.batched", wires=wires))()
    for one, other in zip(found, qp.QNode(circuit, qp.device("default.qubit", wires=wires))(), strict=True):
        assert one.shape == other.shape
        np.testing.assert_allclose(one, other, atol=1e-12)


def test_wires_that_are_only_measured_are_zero():
    @qp.qnode(qp.device("qlayers.batched"))
    def circuit():
        qp.X(4)
        return qp.expval(qp.Z("other")), qp.expval(qp.Z(4)), qp.probs(wires=[4, "third"])

    assert np.allclose(np.hstack(circuit()), [1, -1, 0, 0, 1, 0])


def test_no_gates_at_all():
    @qp.qnode(qp.device("qlayers.batched", wires=2))
    def circuit():
        return qp.state(), qp.probs(), qp.expval(qp.Z(1))

    assert np.allclose(np.hstack(circuit()), [1, 0, 0, 0, 1, 0, 0, 0, 1])


def test_snapshots():
    @qp.qnode(qp.device("qlayers.batched"))
    def circuit():
        qp.RX(0.3, wires=0)
        qp.Snapshot("half")
        qp.Barrier()
        qp.RX(0.3, wires=0)
        return qp.expval(qp.Z(0))

    found = qp.snapshots(circuit)()
    np.testing.assert_allclose(found["half"], [np.cos(0.15), -1j * np.sin(0.15)], atol=1e-12)
    np.testing.assert_allclose([found["execution_results"], circuit()], np.cos(0.6), atol=1e-12)


def test_one_number_can_be_formatted():
    circuit = qp.QNode(lambda: qp.expval(qp.Z(0)), qp.device("qlayers.batched"))
    assert f"{circuit():.2f}" == "1.00"


# ---------------------------------------------------------------- copies, threads


def sampled(device):
    @qp.set_shots(50)
    @qp.qnode(device)
    def circuit(angle):
        qp.RX(angle, wires="a")
        return qp.sample()

    return circuit


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda device: pickle.loads(pickle.dumps(device))]
)
def test_copies_run_as_the_original(duplicate):
    device = qp.device("qlayers.batched", wires=["a"], seed=3, precision="float32")
    before = pickle.dumps(device)
    circuit = qp.QNode(lambda x: [qp.RX(x, wires="a"), qp.expval(qp.Z("a"))][1], device, interface="torch")
    circuit(torch.rand(1000, requires_grad=True))
    assert len(pickle.dumps(device)) < len(before) + 1000  # no states of the last batch
    other = duplicate(device)
    assert (other.name, other.wires, other.precision) == (device.name, device.wires, "float32")
    samples = sampled(pickle.loads(before))(1.1)
    assert np.array_equal(sampled(other)(1.1), samples)


def test_several_threads_may_use_one_device():
    @qp.qnode(qp.device("qlayers.batched"), interface="torch")
    def circuit(angles, weights):
        qp.AngleEmbedding(angles, wires=range(3))
        qp.StronglyEntanglingLayers(weights, wires=range(3))
        return qp.probs(wires=[0, 1])

    weights = torch.rand(2, 3, 3, dtype=torch.float64)

    def gradient(batch):
        angles = batch.clone().requires_grad_()
        (found,) = torch.autograd.grad(circuit(angles, weights)[:, 0].sum(), angles)
        return found

    batches = [torch.rand(1 + i, 3, dtype=torch.float64) for i in range(12)]
    expected = [gradient(batch) for batch in batches]
    with ThreadPoolExecutor(4) as pool:
        assert all(torch.equal(a, b) for a, b in zip(expected, pool.map(gradient, batches), strict=True))


# ---------------------------------------------------------------- TorchLayer


def test_torch_layer_runs_a_batch_at_once():
    def make(name):
        device = qp.device(name, wires=3)

        @qp.qnode(device, interface="torch")
        def circuit(inputs, weights):
            qp.AngleEmbedding(inputs, wires=range(3), rotation="Y")
            qp.StronglyEntanglingLayers(weights, wires=range(3))
            return [qp.expval(qp.Z(wire)) for wire in range(3)]

        torch.manual_seed(0)
        return device, qp.qnn.TorchLayer(circuit, {"weights": (2, 3, 3)})

    inputs = torch.rand(16, 3)
    _, reference = make("default.qubit")
    expected = reference(inputs)
    expected.square().sum().backward()
    with no_other_simulator():
        device, layer = make("qlayers.batched")
        with device.tracker:
            outputs = layer(inputs)
            outputs.square().sum().backward()
    assert (device.tracker.totals["simulations"], device.tracker.totals["vjps"]) == (1, 1)
    tolerance = TOLERANCES[torch.float32]
    assert outputs.dtype == torch.float32
    assert torch.allclose(outputs, expected, **tolerance)
    assert torch.allclose(layer.weights.grad, reference.weights.grad, **tolerance)
    twice = torch.nn.Sequential(torch.nn.Linear(2, 3), layer)(torch.rand(4, 5, 2))
    assert twice.shape == (4, 5, 3)


def test_torch_layer_with_amplitudes_and_probabilities():
    def make(name):
        @qp.qnode(qp.device(name, wires=3), interface="torch")
        def circuit(inputs, weights):
            qp.AmplitudeEmbedding(inputs, wires=range(3), normalize=True)
            qp.BasicEntanglerLayers(weights, wires=range(3))
            return qp.probs(wires=[0, 2])

        torch.manual_seed(0)
        return qp.qnn.TorchLayer(circuit, {"weights": (2, 3)})

    found = []
    for name in ("qlayers.batched", "default.qubit"):
        layer, inputs = make(name), torch.linspace(0.1, 2, 40).reshape(5, 8).requires_grad_()
        outputs = layer(inputs)
        gradients = torch.autograd.grad((outputs * torch.arange(4)).sum(), [inputs, layer.weights])
        found.append([outputs, *gradients])
    assert all(torch.allclose(a, b, **TOLERANCES[torch.float32]) for a, b in zip(*found, strict=True))


# ---------------------------------------------------------------- refusals


def rotation(device, **options):
    return qp.QNode(lambda x: [qp.RX(x, wires=0), qp.expval(qp.Z(0))][1], device, **options)


@pytest.mark.parametrize(
    ("angle", "message"),
    [
        (float("nan"), r"finite numbers; those of RX\(nan"),
        (np.array([0.1, np.inf]), "finite numbers"),
        (np.zeros(0), "a batch of no rows"),
        (0.1 + 0.2j, "complex angle"),
    ],
)
def test_bad_parameters(angle, message):
    circuit = rotation(qp.device("qlayers.batched"))
    with pytest.raises(DeviceError, match=message):
        circuit(angle)
    assert np.isclose(circuit(0.3), np.cos(0.3)), "the device is of no use afterwards"


def test_batches_of_different_sizes():
    script = qp.tape.QuantumScript([qp.RX([0.1, 0.2], 0), qp.RY([0.1, 0.2, 0.3], 0)], [qp.expval(qp.Z(0))])
    with pytest.raises((DeviceError, ValueError), match="batch size"):
        qp.device("qlayers.batched").execute(script)


def test_wires_that_are_not_there():
    with pytest.raises(WireError, match="not found on the device"):
        rotation(qp.device("qlayers.batched", wires=["a"]))(0.1)


def test_too_many_qubits():
    @qp.qnode(qp.device("qlayers.batched"))
    def circuit():
        for wire in range(30):
            qp.Hadamard(wire)
        return qp.expval(qp.Z(0))

    with pytest.raises(DeviceError, match="at most 20 qubits, and this circuit has 30"):
        circuit()


def test_options_that_do_not_exist():
    with pytest.raises(DeviceError, match=r"precision is one of \['float32', 'float64'\], not 'half'"):
        qp.device("qlayers.batched", precision="half")
    config = qp.devices.ExecutionConfig(device_options={"max_workers": 2})
    device = qp.device("qlayers.batched")
    with pytest.raises(DeviceError, match=r"no options for an execution, but got .*max_workers"):
        device.setup_execution_config(config)


def test_backpropagation_through_the_device():
    with pytest.raises(QuantumFunctionError, match="does not support backprop"):
        rotation(qp.device("qlayers.batched"), diff_method="backprop")(torch.tensor(0.1, requires_grad=True))


def test_measurements_in_the_middle_otherwise_than_deferred():
    def circuit():
        qp.measure(0, postselect=1)
        return qp.expval(qp.Z(0))

    with pytest.raises(DeviceError, match="does not postselect"):
        qp.QNode(circuit, qp.device("qlayers.batched"))()
    for method in ("one-shot", "tree-traversal"):
        node = qp.set_shots(qp.QNode(circuit, qp.device("qlayers.batched"), mcm_method=method), 5)
        with pytest.raises(DeviceError, match=f"'deferred', not '{method}'"):
            node()


def test_an_operation_that_does_not_come_down_to_gates():
    class Unknown(qp.operation.Operation):
        num_wires = 1
        num_params = 0

    @qp.qnode(qp.device("qlayers.batched"))
    def circuit():
        Unknown(wires=0)
        return qp.expval(qp.Z(0))

    with pytest.raises(DeviceError, match=r"Unknown.*not supported with qlayers.batched"):
        circuit()


def test_measurements_for_the_other_mode():
    for measure, shots in ((qp.sample, None), (qp.state, 10)):
        node = qp.set_shots(
            qp.QNode(lambda m=measure: [qp.X(0), m()][1], qp.device("qlayers.batched")), shots
        )
        with pytest.raises(DeviceError, match="not accepted"):
            node()


# ---------------------------------------------------------------- the cache


def test_what_was_not_asked_for_longest_is_forgotten():
    cache = Recent(2)
    made = []

    def ask(key):
        return cache.get(key, lambda: made.append(key) or key)

    assert [ask(key) for key in "abacab"] == list("abacab")
    assert made == ["a", "b", "c", "b"]
