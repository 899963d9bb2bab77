"""What cannot be run gets one error that says what came and what is allowed; what it was given to goes on working."""

from __future__ import annotations

import copy
import warnings

import pennylane as qp
import pytest
import torch
from pennylane.exceptions import DeviceError, WireError

from qlayers import ConfigurationError, ExecutionWarning, InputError, QuantumLayer, TorchLayer


def one_angle(inputs, weights):
    qp.RX(inputs[..., 0] * weights[0], wires=0)
    return qp.expval(qp.Z(0))


def layer_by_parts():
    return QuantumLayer(1)


def layer_around_a_qnode():
    qnode = qp.QNode(one_angle, qp.device("default.qubit", wires=1))
    return QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1, backend="batched")


@pytest.mark.parametrize("make", [layer_by_parts, layer_around_a_qnode])
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (torch.tensor([[torch.nan]]), "NaN or infinite"),
        (torch.tensor([[-torch.inf]]), "NaN or infinite"),
        (torch.ones(2, 1, device="meta"), "inputs are on meta and the layer's weights on cpu"),
    ],
)
def test_of_layers(make, inputs, message):
    layer = make()
    wanted = layer(torch.ones(2, 1))
    with pytest.raises(InputError, match=message):
        layer(inputs)
    assert torch.equal(layer(torch.ones(2, 1)), wanted)


@pytest.mark.parametrize(
    ("angle", "message"),
    [
        (float("nan"), r"finite numbers.*RX\(nan"),
        (torch.tensor([0.1, torch.inf]), "finite numbers"),
        (torch.empty(0), "at least one row"),
        (torch.ones(2, device="meta"), "on the CPU, but some are on meta"),
    ],
)
def test_of_the_device(angle, message):
    @qp.qnode(qp.device("qlayers.batched", wires=1))
    def circuit(x):
        qp.RX(x, wires=0)
        return qp.expval(qp.Z(0))

    with pytest.raises(DeviceError, match=message):
        circuit(angle)
    assert circuit(0.0) == pytest.approx(1.0)


def test_wires_that_are_not_there():
    def elsewhere(inputs, weights):
        qp.RX(inputs[..., 0] * weights[0], wires=5)
        return qp.expval(qp.Z(5))

    qnode = qp.QNode(elsewhere, qp.device("default.qubit", wires=2))
    for backend in ("auto", "batched"):
        with pytest.raises(ConfigurationError, match=r"wire 5, which is not among 0 … 1"):
            QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1, backend=backend)
    learns_its_width = QuantumLayer.from_qnode(qnode, {"weights": (1,)})
    with pytest.raises(ConfigurationError, match=r"wire 5, which is not among 0 … 1"):
        learns_its_width(torch.ones(3, 1))
    with pytest.raises(WireError, match=r"wires not found on the device: \{5\}"):
        qp.QNode(elsewhere, qp.device("qlayers.batched", wires=2))(torch.ones(1), torch.ones(1))


def test_a_batch_of_states_that_fits_into_no_memory(monkeypatch):
    layer = QuantumLayer(18, depth=1)
    layer(torch.rand(1, 18))
    monkeypatch.setattr("qlayers.simulator.on_cpu.physical_memory", lambda: 8 * 2**30)
    with pytest.raises(
        InputError, match=r"20000 samples of 18 qubits need .* GiB.* has 8 GiB.*smaller batches"
    ):
        layer(torch.rand(20_000, 18))
    assert layer(torch.rand(1, 18)).shape == (1, 18)


def test_states_that_fit_into_no_memory():
    with pytest.raises(ConfigurationError, match=r"n_qubits=60 needs .* GiB for one state, and this machine"):
        QuantumLayer(60)

    def wide(inputs, weights):
        for wire in range(40):
            qp.RX(inputs[..., 0] * weights[0], wires=wire)
        return qp.expval(qp.Z(0))

    qnode = qp.QNode(wide, qp.device("default.qubit", wires=40))
    with pytest.raises(ConfigurationError, match=r"it has 40 qubits.*at most 20"):
        QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1, backend="batched")
    with pytest.raises(DeviceError, match="at most 20 qubits, and this circuit has 40"):
        qp.QNode(wide, qp.device("qlayers.batched", wires=40))(torch.ones(1), torch.ones(1))


def returning(value):
    def circuit(inputs, weights):
        qp.RX(inputs[..., 0] * weights[0], wires=0)
        return value() if value else None

    return circuit


@pytest.mark.parametrize("nothing", [None, list])
@pytest.mark.parametrize("backend", ["auto", "batched", "as_written"])
def test_a_circuit_that_measures_nothing(nothing, backend):
    qnode = qp.QNode(returning(nothing), qp.device("default.qubit", wires=1))
    with pytest.raises(ConfigurationError, match="returns no measurement"):
        QuantumLayer.from_qnode(qnode, {"weights": (1,)}, backend=backend)(torch.ones(2, 1))


@pytest.mark.parametrize("inputs", [torch.ones(1), torch.ones(2, 1)])
def test_results_that_are_no_numbers(inputs):
    qnode = qp.set_shots(qp.QNode(returning(qp.counts), qp.device("default.qubit", wires=1)), shots=5)
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)})
    with pytest.raises(ConfigurationError, match=r"the circuit returns \w+\. Return expectation values"):
        layer(inputs)


@pytest.mark.parametrize("declared", [{}, {"n_features": 1}, {"backend": "as_written"}])
def test_a_number_by_itself_and_a_layer_without_values(declared):
    qnode = qp.QNode(one_angle, qp.device("default.qubit", wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, **declared)
    with pytest.raises(InputError, match=r"got a single number|takes n_features=1"):
        layer(torch.tensor(1.0))
    with pytest.raises(InputError, match="on the device meta have none"):
        layer.to("meta")(torch.ones(2, 1, device="meta"))


@pytest.mark.falls_back
def test_a_copy_does_not_say_again_where_it_runs():
    def decided(inputs, weights):
        if weights[0] > 0.5:
            qp.RX(inputs[..., 0], wires=0)
        return qp.expval(qp.Z(0))

    qnode = qp.QNode(decided, qp.device("default.qubit", wires=1))
    with pytest.warns(ExecutionWarning, match="runs on default.qubit"):
        layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, n_features=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        copy.deepcopy(layer)


@pytest.mark.parametrize(
    ("shapes", "init", "message"),
    [
        ({"weights": "2"}, None, r"weight_shapes\['weights'\] is an integer or a tuple.*got '2'"),
        ({"weights": -1}, None, "got -1"),
        ({"weights": (1, 1.5)}, None, r"got \(1, 1.5\)"),
        ({"weights": True}, None, "got True"),
        (["weights"], None, r"takes a dictionary.*got \['weights'\]"),
        ({"weights": (1,)}, "zeros", "a function such as torch.nn.init.zeros_.*got 'zeros'"),
        ({"weights": (1,)}, {"weights": "zeros"}, "got 'zeros'"),
    ],
)
@pytest.mark.parametrize("make", [QuantumLayer.from_qnode, TorchLayer])
def test_of_weights(make, shapes, init, message):
    qnode = qp.QNode(one_angle, qp.device("default.qubit", wires=1))
    with pytest.raises(ConfigurationError, match=message):
        make(qnode, shapes, init)


def test_a_warning_points_to_the_users_line_and_is_given_for_each():
    def branches(inputs, weights):
        if inputs[..., 0] > 0.5:
            qp.RX(0.3, 0)
        return one_angle(inputs, weights)

    qnode = qp.QNode(branches, qp.device("default.qubit", wires=1))
    first, second = (
        torch.nn.Sequential(torch.nn.Linear(1, 1), QuantumLayer.from_qnode(qnode, {"weights": (1,)}))
        for _ in range(2)
    )
    with warnings.catch_warnings(record=True) as given:
        warnings.simplefilter("default")
        first(torch.ones(2, 1))
        second(torch.ones(2, 1))
    ours = [one for one in given if one.category is ExecutionWarning]
    assert [one.filename for one in ours] == [__file__, __file__]
    assert ours[0].lineno == ours[1].lineno - 1
