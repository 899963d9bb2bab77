"""A subclass's circuit reads the layer's own buffers, parameters and submodules, as they are at each call."""

from __future__ import annotations

import copy

import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer


class Scaled(QuantumLayer):
    def __init__(self, kind, **options):
        super().__init__(1, weight_shapes=(1,), precision="float64", **options)
        start = torch.tensor([0.5], dtype=torch.float64)
        if kind == "buffer":
            self.register_buffer("scale", start)
        elif kind == "parameter":
            self.scale = torch.nn.Parameter(start)
        else:
            self.net = torch.nn.Linear(1, 1, bias=False, dtype=torch.float64)
            self.scale = torch.nn.Parameter(start)
            self.net.weight = torch.nn.Parameter(torch.ones(1, 1, dtype=torch.float64))
        self.kind = kind

    def circuit(self, inputs, weights):
        angle = inputs[..., 0] * self.scale[0]
        if self.kind == "submodule":
            angle = self.net(angle[..., None])[..., 0]
        qp.RX(angle + weights[0], wires=0)
        return qp.expval(qp.Z(0))


@pytest.mark.falls_back
@pytest.mark.parametrize("kind", ["buffer", "parameter", "submodule"])
@pytest.mark.parametrize("backend", ["auto", "default_qubit"])
def test_what_a_circuit_reads_is_read_at_every_call(kind, backend):
    layer = Scaled(kind, backend=backend)
    inputs = torch.linspace(0.1, 1.0, 5, dtype=torch.float64)[:, None]

    def assert_right(scale):
        torch.testing.assert_close(layer(inputs), torch.cos(inputs[:, 0] * scale + layer.weights))

    assert_right(0.5)
    with torch.no_grad():
        layer.scale.mul_(3.0)
    assert_right(1.5)
    if kind != "buffer":
        (found,) = torch.autograd.grad(layer(inputs).sum(), layer.scale)
        expected = -(inputs[:, 0] * torch.sin(1.5 * inputs[:, 0] + layer.weights)).sum()
        torch.testing.assert_close(found[0], expected)
    assert torch.equal(copy.deepcopy(layer)(inputs), layer(inputs))
    assert layer.execution.device == ("qlayers.batched" if backend == "auto" else "default.qubit")


def test_a_copy_before_the_first_call():
    layer = Scaled("buffer", backend="default_qubit")
    inputs = torch.ones(2, 1, dtype=torch.float64)
    assert torch.equal(copy.deepcopy(layer)(inputs), layer(inputs))


class Forgetful(QuantumLayer):
    def circuit(self, inputs, weights):
        qp.RX(inputs[..., 0] * self.forgotten + weights[0], wires=0)
        return qp.expval(qp.Z(0))


def test_what_is_missing_is_missing_when_the_layer_is_made():
    with pytest.raises(AttributeError, match="'Forgetful' object has no attribute 'forgotten'"):
        Forgetful(1, weight_shapes=(1,))
