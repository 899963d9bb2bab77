"""The guard under which the native tests run finds whoever delegates, and nobody else."""

from __future__ import annotations

from dataclasses import replace

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer
from qlayers.simulator import execute, traced
from tests.qlayers import nothing_delegated
from tests.qlayers.nothing_delegated import counted


@pytest.fixture
def numbers(monkeypatch):
    """What is counted here is no fallback of ours."""
    monkeypatch.setattr(nothing_delegated, "counted", type(counted)())
    return nothing_delegated.counted


def elsewhere(*_, device="default.qubit"):
    return qp.QNode(lambda: [qp.expval(qp.Z(i)) for i in range(2)], qp.device(device, wires=2))()


@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit"])
def test_a_simulator_that_delegates_is_found_out(monkeypatch, numbers, device):
    layer = QuantumLayer(2, backend="batched")
    monkeypatch.setattr(traced, "execute", lambda *_: elsewhere(device=device))
    with pytest.raises(AssertionError, match=r"the simulator or the device had .* run a circuit"):
        layer(torch.rand(3, 2))
    assert numbers["fallbacks"] == 1


def test_so_is_one_on_the_way_back(monkeypatch, numbers):
    outputs = QuantumLayer(2, backend="batched")(torch.rand(3, 2))
    monkeypatch.setattr(execute, "_turn_back", elsewhere)
    with pytest.raises(AssertionError, match="the simulator or the device"):
        outputs.sum().backward()
    assert numbers["fallbacks"] == 1


def test_so_is_a_device_that_delegates(monkeypatch, numbers):
    monkeypatch.setattr("qlayers.device.batched_device.run", elsewhere)
    with pytest.raises(AssertionError, match="the simulator or the device"):
        elsewhere(device="qlayers.batched")
    assert numbers["fallbacks"] == 1


def test_so_is_a_layer_that_falls_back(numbers):
    layer = QuantumLayer(2)
    key, surroundings, trace = layer._found
    layer.__dict__["_found"] = key, surroundings, replace(trace, batch=None)
    with pytest.raises(AssertionError, match="a layer had DefaultQubit run"):
        layer(torch.rand(3, 2))
    assert numbers["fallbacks"] == 1


def test_who_wants_another_simulator_has_it(numbers):
    for backend in ("default_qubit", "lightning"):
        QuantumLayer(2, backend=backend)(torch.rand(3, 2))
    elsewhere()
    assert not numbers
