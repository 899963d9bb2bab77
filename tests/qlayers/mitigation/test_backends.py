"""Backends with mitigation: what noise took is given back, and what it costs is counted."""

from __future__ import annotations

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.backends import Backend
from qlayers.backends.noisy import Noisy
from qlayers.backends.shots import Shots
from qlayers.components import available
from qlayers.errors import ConfigurationError
from qlayers.mitigation import circuits_needed, mitigations
from qlayers.mitigation.zero_noise_extrapolation import ZeroNoiseExtrapolation
from qlayers.noise.depolarizing import Depolarizing
from qlayers.noise.readout import Readout


def layer_on(backend) -> QuantumLayer:
    torch.manual_seed(0)
    return QuantumLayer(2, backend=backend, precision="float64")


def run(backend) -> tuple[torch.Tensor, torch.Tensor]:
    layer = layer_on(backend)
    inputs = torch.tensor([[0.3, 0.8], [1.2, -0.4]], dtype=torch.float64, requires_grad=True)
    values = layer(inputs)
    values.square().sum().backward()
    return values.detach(), inputs.grad


# Backpropagation through default.mixed has some constants in single precision, with or without mitigation.
@pytest.mark.parametrize(("gradient", "tolerance"), [("backprop", 1e-6), ("parameter-shift", 1e-9)])
def test_readout_errors_are_undone(gradient, tolerance):
    exact_values, exact_gradient = run("default_qubit")
    values, _ = run(Noisy(noise=Readout(0.1), gradient=gradient))
    assert (values - exact_values).abs().max() > 0.05
    values, gradients = run(Noisy(noise=Readout(0.1), gradient=gradient, mitigation="readout_inversion"))
    torch.testing.assert_close(values, exact_values, atol=tolerance, rtol=0)
    torch.testing.assert_close(gradients, exact_gradient, atol=tolerance, rtol=0)


def test_extrapolation_is_closer_in_values_and_gradients():
    exact = run("default_qubit")
    raw = run(Noisy(noise=Depolarizing(0.005), gradient="parameter-shift"))
    found = run(
        Noisy(noise=Depolarizing(0.005), gradient="parameter-shift", mitigation="zero_noise_extrapolation")
    )
    for true, noisy, corrected in zip(exact, raw, found, strict=True):
        assert (corrected - true).abs().mean() < (noisy - true).abs().mean() / 3


def test_the_counts_are_the_trackers():
    wanted = ["readout_inversion", "zero_noise_extrapolation"]
    layer = layer_on(Noisy(noise=Readout(0.1), shots=100, gradient="parameter-shift", mitigation=wanted))
    with qp.Tracker(layer.device) as tracker:
        layer(torch.rand(4, 2, requires_grad=True)).sum().backward()
    assert layer.execution.executions == circuits_needed(wanted, 4)
    total = layer.execution.executions + layer.execution.gradient_executions
    assert total == tracker.totals["executions"]
    assert "readout_inversion" in layer.execution.device


def test_the_field_takes_names_and_components():
    assert Shots(mitigation="readout_inversion").mitigation == mitigations("readout_inversion")
    assert Shots().mitigation == ()
    with pytest.raises(ConfigurationError, match="readout_inversion"):
        Shots(mitigation=["readout_inversoin"])


@pytest.mark.parametrize(
    ("name", "plugin"),
    [
        ("shots", "pennylane"),
        ("braket_local", "braket.pennylane_plugin"),
        ("aer", "pennylane_qiskit"),
        ("cirq", "pennylane_cirq"),
    ],
)
def test_every_backend_that_samples_takes_them(name, plugin):
    """Without noise the corrections change nothing but the standard error."""
    pytest.importorskip(plugin)
    wanted, shots = ["readout_inversion", ZeroNoiseExtrapolation((1, 3))], 4000
    layer = layer_on(available(Backend)[name](shots=shots, mitigation=wanted))
    exact = layer_on("default_qubit")
    inputs = torch.tensor([[0.3, 0.8], [1.2, -0.4]], dtype=torch.float64)
    with qp.Tracker(layer.device) as tracker, torch.no_grad():
        found = layer(inputs)
    assert (found - exact(inputs)).abs().max() < 5 * wanted[1].error_inflation() / shots**0.5
    assert layer.execution.executions == tracker.totals["executions"] == circuits_needed(wanted, 2) == 6
