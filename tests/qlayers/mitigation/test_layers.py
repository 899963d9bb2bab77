"""A layer on a mitigated device: its values, its gradients and its counts."""

from __future__ import annotations

import copy
import pickle

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers import QuantumLayer
from qlayers.errors import ConfigurationError
from qlayers.mitigation import Mitigation, circuits_needed, mitigated, mitigations
from qlayers.mitigation.readout_inversion import ReadoutInversion
from qlayers.mitigation.zero_noise_extrapolation import ZeroNoiseExtrapolation
from tests.qlayers.mitigation.devices import misread

BATCH = 3


def circuit(inputs, weights):
    qp.RX(inputs[..., 0], wires=0)
    qp.CNOT(wires=[0, 1])
    qp.RY(weights[0], wires=1)
    return qp.expval(qp.Z(0)), qp.expval(qp.Z(1))


def layer_on(device: qp.devices.Device, diff_method: str = "parameter-shift") -> QuantumLayer:
    qnode = qp.QNode(circuit, device, diff_method=diff_method)
    return QuantumLayer.from_qnode(qnode, {"weights": (1,)}, torch.nn.init.ones_, precision="float64")


@pytest.mark.parametrize(
    "wanted",
    [["readout_inversion"], ["zero_noise_extrapolation"], ["readout_inversion", "zero_noise_extrapolation"]],
)
def test_the_counts_are_the_trackers_and_the_costs(wanted):
    device = mitigated(misread(2, 0.1), wanted)
    layer = layer_on(device)
    inputs = torch.rand(BATCH, 1, dtype=torch.float64, requires_grad=True)
    with qp.Tracker(device) as tracker:
        layer(inputs).sum().backward()
    ran = layer.execution
    assert ran.executions == circuits_needed(wanted, BATCH)
    assert ran.executions + ran.gradient_executions == tracker.totals["executions"]
    # Two angles, two shifts each; calibrated once.
    once = 2 * ("readout_inversion" in wanted)
    assert ran.gradient_executions == circuits_needed(wanted, BATCH * 4) - once
    assert tracker.totals["batches"] == 2


@pytest.mark.parametrize("method", ["parameter-shift", "backprop"])
def test_values_and_gradients_are_the_exact_ones(method):
    found, exact = (
        layer_on(device, method)
        for device in (mitigated(misread(2, 0.1), "readout_inversion"), qp.device("default.qubit", wires=2))
    )
    inputs = torch.rand(BATCH, 1, dtype=torch.float64)
    mine, theirs = inputs.clone().requires_grad_(), inputs.clone().requires_grad_()
    torch.testing.assert_close(found(mine), exact(theirs), atol=1e-9, rtol=0)
    found(mine).square().sum().backward()
    exact(theirs).square().sum().backward()
    torch.testing.assert_close(mine.grad, theirs.grad, atol=1e-9, rtol=0)
    for one, other in zip(found.parameters(), exact.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, atol=1e-9, rtol=0)


def test_layers_are_copied_and_pickled_with_their_mitigation():
    layer = layer_on(mitigated(qp.device("default.mixed", wires=2, seed=0), "readout_inversion"))
    inputs = torch.rand(BATCH, 1, dtype=torch.float64)
    copied = copy.deepcopy(layer)
    torch.testing.assert_close(copied(inputs), layer(inputs))
    assert copied.execution.executions == BATCH + 2
    device = pickle.loads(pickle.dumps(mitigated(qp.device("default.mixed", wires=2), "readout_inversion")))
    torch.testing.assert_close(layer_on(device)(inputs), layer(inputs))


def test_an_exact_simulator_with_a_mitigation_is_not_replaced():
    layer = layer_on(
        mitigated(qp.device("default.qubit", wires=2, seed=0), "zero_noise_extrapolation"), "backprop"
    )
    layer(torch.rand(BATCH, 1, dtype=torch.float64))
    assert layer.execution.device == "zero_noise_extrapolation(default.qubit)"
    assert layer.execution.executions == 3 * BATCH


def test_a_batched_circuit_is_its_samples():
    """Of shape (batch,) for a value and (batch, outcomes) for probabilities, under all corrections together."""
    wanted = ["readout_inversion", "symmetry_postselection", "zero_noise_extrapolation"]
    angles = np.array([0.3, 0.9, 2.0])

    def tape(x):
        measurements = [qp.expval(qp.Z(0)), qp.probs(wires=[1, 0])]
        return QuantumScript([qp.RY(x, 0), qp.CNOT([0, 1])], measurements)

    device = mitigated(misread(2, 0.1), [*wanted[:2], ZeroNoiseExtrapolation((1, 3))])
    with qp.Tracker(device) as tracker:
        values, probabilities = qp.execute([tape(angles)], device, diff_method=None)[0]
    assert tracker.totals["executions"] == 2 * len(angles) + 2
    assert device.kept.circuits == 2 * len(angles)
    assert values == pytest.approx(np.cos(angles), abs=1e-9)
    even = np.stack([np.cos(angles / 2) ** 2, 0 * angles, 0 * angles, np.sin(angles / 2) ** 2], axis=1)
    assert probabilities == pytest.approx(even, abs=1e-9)


def test_whatever_the_order_they_are_named_in_they_wrap_in_one():
    names = ["readout_inversion", "symmetry_postselection", "zero_noise_extrapolation"]
    right = ["zero_noise_extrapolation", "symmetry_postselection", "readout_inversion"]
    assert [found.name for found in mitigations(names)] == right
    assert [found.name for found in mitigations(names[::-1])] == right
    own = ZeroNoiseExtrapolation((1, 3))
    assert mitigations(own) == (own,)
    assert mitigations(["readout_inversion", own]) == (own, ReadoutInversion())
    assert mitigations(None) == mitigations([]) == ()


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ("readout_inversoin", "readout_inversion"),
        (["readout_inversion", ReadoutInversion(5)], "twice"),
        ([3], "mitigation must be"),
    ],
)
def test_bad_lists_are_refused(wanted, said):
    with pytest.raises(ConfigurationError, match=said):
        mitigations(wanted)


def test_the_base_is_abstract():
    with pytest.raises(TypeError):
        Mitigation()
