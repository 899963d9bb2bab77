"""What a layer says of how it ran equals what PennyLane's own tracker saw."""

from __future__ import annotations

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.backends.auto import Auto
from qlayers.testing import generic_inputs


@pytest.mark.parametrize("backend", ["default_qubit", "lightning"])
@pytest.mark.parametrize("measurement", ["z", "probs"])
def test_counts_equal_the_trackers(backend, measurement):
    layer = QuantumLayer(2, backend=backend, measurement=measurement, depth=2)
    inputs = generic_inputs(layer.encoding, 5, 2).requires_grad_()
    with qp.Tracker(layer.device) as tracker:
        layer(inputs).square().sum().backward()
    seen = tracker.totals
    execution = layer.execution
    assert execution.executions == 5
    total = execution.executions + execution.gradient_executions
    # lightning 0.45 decorates its adjoint method with the tracker twice, in the class and in its base.
    times_counted = 2 if execution.gradient_method == "adjoint" else 1
    assert total * times_counted == seen["executions"] + seen.get("derivatives", 0) + seen.get("vjps", 0)


def test_methods_and_their_cost():
    expected = {
        ("default_qubit", "z"): ("default.qubit", "backprop", "broadcast", 0),
        ("default_qubit", "probs"): ("default.qubit", "backprop", "broadcast", 0),
        ("lightning", "z"): ("lightning.qubit", "adjoint", "unrolled", 4),
        # Two circuits for each angle: 2 inputs and 2·2·3 weights, in 4 samples.
        ("lightning", "probs"): ("lightning.qubit", "parameter-shift", "unrolled", 4 * 2 * (2 + 12)),
    }
    for (backend, measurement), (device, method, batching, cost) in expected.items():
        layer = QuantumLayer(2, backend=backend, measurement=measurement, depth=2)
        layer(generic_inputs(layer.encoding, 4, 2).requires_grad_()).sum().backward()
        ran = layer.execution
        assert (ran.device, ran.gradient_method, ran.batching) == (device, method, batching)
        assert (ran.executions, ran.gradient_executions, ran.shots) == (4, cost, None)
        assert ran.seconds > 0
        layer.reset_execution()
        assert layer.execution.executions == layer.execution.gradient_executions == 0


def test_amplitudes_on_lightning_are_differentiated_by_state_shift_and_counted():
    layer = QuantumLayer(2, n_features=3, encoding="amplitude", backend="lightning")
    layer(torch.rand(4, 3).requires_grad_()).sum().backward()
    assert layer.execution.gradient_method == "adjoint, inputs by state-shift"
    assert layer.execution.gradient_executions == 4 + 4 * 2 * 3


def test_a_users_tracker_and_device_are_left_as_they_are():
    device = qp.device("default.qubit", wires=1)

    @qp.qnode(device)
    def circuit(inputs, weights):
        qp.RX(inputs[..., 0] + weights, wires=0)
        return qp.expval(qp.Z(0))

    layer = QuantumLayer.from_qnode(circuit, {"weights": ()}, backend="as_written")
    with qp.Tracker(device) as tracker:
        layer(torch.rand(6, 1))
    assert tracker.totals["executions"] == 6
    assert circuit.device is device
    assert type(device).__qualname__ == "DefaultQubit"
    assert "_counter" not in vars(device)


def test_shots_and_a_noisy_device_stay_where_their_author_put_them():
    @qp.set_shots(50)
    @qp.qnode(qp.device("default.qubit", wires=1, seed=1), diff_method="parameter-shift")
    def sampled(inputs, weights):
        qp.RX(inputs[..., 0] + weights, wires=0)
        return qp.expval(qp.Z(0))

    layer = QuantumLayer.from_qnode(sampled, {"weights": ()}, torch.nn.init.zeros_)
    inputs = torch.full((40, 1), torch.pi / 2, requires_grad=True)
    values = layer(inputs)
    values.sum().backward()
    assert layer.execution.shots == 50
    assert layer.execution.batching == "unrolled"
    assert layer.execution.gradient_executions == 40 * 2 * 1  # one angle, the sum of input and weight
    # Each value is a mean of 50 outcomes ±1 with mean 0: standard error 1/√50, and 1/√2000 for all together.
    assert 0 < values.detach().std() < 3 / 50**0.5
    assert values.detach().mean().abs() < 5 / 2000**0.5

    @qp.qnode(qp.device("default.mixed", wires=1))
    def noisy(inputs, weights):
        qp.RX(inputs[..., 0] + weights, wires=0)
        qp.BitFlip(0.1, wires=0)
        return qp.expval(qp.Z(0))

    layer = QuantumLayer.from_qnode(noisy, {"weights": ()}, torch.nn.init.zeros_, precision="float64")
    x = torch.rand(3, 1, dtype=torch.float64)
    torch.testing.assert_close(layer(x), (1 - 2 * 0.1) * torch.cos(x[:, 0]))
    assert layer.execution.device == "default.mixed"


EXPECTATION = (lambda: qp.expval(qp.Z(1))), slice(None)
PROBABILITY = (lambda: qp.probs(wires=[1])), (slice(None), 0)


@pytest.mark.parametrize("diff_method", ["best", "parameter-shift"])
@pytest.mark.parametrize(("measure", "entry"), [EXPECTATION, PROBABILITY])
def test_a_qnode_with_shots_is_differentiated_for_a_batch_at_once(diff_method, measure, entry):
    """By as many circuits as PennyLane runs, and with its gradient but for the noise of samples."""

    def function(inputs, weights):
        qp.AngleEmbedding(inputs, wires=range(2))
        qp.CRX(weights[0], [0, 1])
        qp.RY(weights[1], 1)
        return measure()

    n_shots, n_rows, shapes = 2000, 3, {"weights": (2,)}
    device = qp.device("default.qubit", wires=2, seed=1)
    qnode = qp.set_shots(qp.QNode(function, device, diff_method=diff_method), n_shots)
    exact = qp.qnn.TorchLayer(qp.QNode(function, qp.device("default.qubit", wires=2)), shapes)
    ours, theirs = QuantumLayer.from_qnode(qnode, shapes), qp.qnn.TorchLayer(qnode, shapes)
    inputs = torch.rand(n_rows, 2)
    executions = []
    for layer in (ours, theirs, exact):
        layer.load_state_dict(exact.state_dict())
        with qp.Tracker(device) as tracker:
            layer(inputs)[entry].sum().backward()
        executions.append(tracker.totals.get("executions"))
    assert executions[0] == executions[1] == n_rows * (1 + 4 + 2)
    assert ours.execution.executions == n_rows
    assert ours.execution.gradient_executions == n_rows * (4 + 2)
    assert ours.execution.gradient_method == "parameter-shift"
    # Outcomes of ±1 by coefficients whose squares sum to at most 1, a row.
    difference = (ours.weights.grad - exact.weights.grad).abs()
    assert (difference > 0).all() and (difference < 5 * (n_rows / n_shots) ** 0.5).all()


def test_without_gradients_nothing_is_differentiated():
    layer = QuantumLayer(2, backend="lightning", depth=2)
    with torch.no_grad():
        layer(torch.rand(4, 2).requires_grad_())
    assert (layer.execution.executions, layer.execution.gradient_executions) == (4, 0)


@pytest.mark.parametrize(
    ("n_qubits", "device"), [(4, "default.qubit"), (20, "default.qubit"), (21, "lightning.qubit")]
)
def test_what_auto_falls_back_on(n_qubits, device):
    """The rule that benchmarks/fallback.py measured, and memory beyond."""
    assert Auto().device(n_qubits, torch.float32).name == device
