"""A layer that learns its width from the first call does so under whatever it is made; circuits that vary."""

from __future__ import annotations

import itertools
import random
import warnings

import numpy as np
import pennylane as qp
import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, vmap

from qlayers import ConfigurationError, ExecutionWarning, QuantumLayer
from qlayers._layer.tracing import forget_traces


def entangled(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(2))
    qp.BasicEntanglerLayers(weights, wires=range(2))
    return qp.expval(qp.Z(0)), qp.expval(qp.Z(1))


def layer_of(function=entangled, **options):
    torch.manual_seed(0)
    qnode = qp.QNode(function, qp.device("default.qubit", wires=2))
    return QuantumLayer.from_qnode(qnode, {"weights": (3, 2)}, **{"precision": "float64", **options})


def inputs_of(batch=4):
    return torch.linspace(0.1, 2.9, 2 * batch, dtype=torch.float64).reshape(batch, 2)


def gradients(layer):
    return torch.autograd.grad(layer(inputs_of()).square().sum(), layer.weights)[0]


MODES = {
    "no_grad": torch.no_grad(),
    "inference_mode": torch.inference_mode(),
    "autocast": torch.autocast("cpu", dtype=torch.bfloat16),
}


@pytest.mark.parametrize("mode", MODES)
def test_the_callers_mode_does_not_matter(mode):
    layer = layer_of()
    with warnings.catch_warnings(), MODES[mode]:
        warnings.simplefilter("error")
        outputs = layer(inputs_of().clone())
    assert layer.execution.device == "qlayers.batched"
    assert torch.equal(outputs, layer(inputs_of()))
    torch.testing.assert_close(gradients(layer), gradients(layer_of(backend="as_written")))


def test_nor_does_checkpointing():
    layer = layer_of()
    inputs = inputs_of().requires_grad_()
    torch.utils.checkpoint.checkpoint(layer, inputs, use_reentrant=False).square().sum().backward()
    assert layer.execution.device == "qlayers.batched"
    torch.testing.assert_close(layer.weights.grad, gradients(layer_of(backend="as_written")))


def outputs_at(layer, weights, inputs):
    return functional_call(layer, {"weights": weights}, (inputs,))


TRANSFORMED = {
    "grad": lambda layer, w: grad(lambda w: outputs_at(layer, w, inputs_of()).square().sum())(w),
    "jacrev": lambda layer, w: jacrev(lambda w: outputs_at(layer, w, inputs_of()))(w),
    "jacfwd": lambda layer, w: jacfwd(lambda w: outputs_at(layer, w, inputs_of()))(w),
    "hessian": lambda layer, w: hessian(lambda w: outputs_at(layer, w, inputs_of()).square().sum())(w),
    "vmap": lambda layer, w: vmap(layer)(inputs_of()),
    "vmap over weights": lambda layer, w: vmap(lambda w: outputs_at(layer, w, inputs_of()))(
        torch.stack([w, 2 * w])
    ),
    "vmap of grad": lambda layer, w: vmap(
        grad(lambda w, x: outputs_at(layer, w, x).square().sum()), in_dims=(None, 0)
    )(w, inputs_of()),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")
@pytest.mark.parametrize("transform", TRANSFORMED)
def test_under_the_transforms_of_torch(transform):
    fresh, called = layer_of(), layer_of(n_features=2)
    called(inputs_of())
    found = TRANSFORMED[transform](fresh, fresh.weights.detach())
    assert fresh.execution.device == "qlayers.batched"
    assert torch.equal(found, TRANSFORMED[transform](called, called.weights.detach()))
    torch.testing.assert_close(gradients(fresh), gradients(layer_of(backend="as_written")))


@pytest.mark.falls_back
def test_what_fails_unexpectedly_runs_on_pennylane_and_says_so(monkeypatch):
    layer = layer_of()

    def broken(*_):
        raise RuntimeError("broken")

    with monkeypatch.context() as patched:
        patched.setattr("qlayers.simulator.trace.read", broken)
        forget_traces()
        with pytest.warns(ExecutionWarning, match="a defect of qlayers.*broken"):
            outputs = layer(inputs_of())
        with pytest.raises(ConfigurationError, match="broken"):
            layer_of(backend="batched", n_features=2)
    assert layer.execution.device == "default.qubit"
    forget_traces()
    layer.retrace()
    torch.testing.assert_close(layer(inputs_of()), outputs)
    assert layer.execution.device == "qlayers.batched"


# ---------------------------------------------------------------- circuits that are not the same each time


def noisy(inputs, weights):
    qp.RX(inputs[..., 0] + 0.1 * torch.randn(()), wires=0)
    qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


def dropped_out(inputs, weights):
    qp.AngleEmbedding(torch.nn.functional.dropout(inputs), wires=range(2))
    qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


def tossed(inputs, weights):
    qp.RX(inputs[..., 0], wires=0)
    if torch.rand(()) > 0.5:
        qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


def numpys(inputs, weights):
    qp.RX(inputs[..., 0] + 0.1 * np.random.randn(), wires=0)
    qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


def pythons(inputs, weights):
    qp.RX(inputs[..., 0], wires=0)
    if random.random() > 0.5:
        qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


generator = torch.Generator().manual_seed(0)


def generators(inputs, weights):
    qp.RX(inputs[..., 0] + 0.1 * torch.randn((), generator=generator), wires=0)
    qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


calls = itertools.count()


def counting(inputs, weights):
    qp.RX(inputs[..., 0] + next(calls), wires=0)
    qp.RY(weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


def seldom(inputs, weights):
    if np.random.rand() < 0.02:
        qp.PauliX(0)
    qp.RX(inputs[..., 0] * weights[0, 0], wires=0)
    return qp.expval(qp.Z(0))


RANDOM = "because it draws random numbers"


@pytest.mark.falls_back
@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (noisy, RANDOM),
        (dropped_out, RANDOM),
        (tossed, RANDOM),
        (generators, RANDOM),
        (numpys, RANDOM),
        (seldom, RANDOM),
        (pythons, "because it reads the module random"),
        (counting, "because it calls next"),
    ],
)
def test_a_circuit_that_is_not_the_same_each_time_runs_on_pennylane(function, reason):
    layer = layer_of(function)
    with pytest.warns(ExecutionWarning) as caught:
        outputs = layer(inputs_of(16))
    (said,) = (str(warning.message) for warning in caught)
    assert said.startswith("This circuit runs on default.qubit")
    assert reason in said
    assert reason[8:] in layer.execution.reason
    assert layer.execution.device == "default.qubit"
    assert not all(torch.equal(outputs, layer(inputs_of(16))) for _ in range(300))
    with pytest.raises(ConfigurationError, match=f"backend=batched cannot run this circuit: {reason[8:]}"):
        layer_of(function, backend="batched", n_features=2)


def decided_by_weights(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(2))
    if weights[0, 0] > 3.0:
        qp.RX(weights[0, 1], wires=0)
    return qp.expval(qp.Z(0))


def decided_by_both(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(2))
    if inputs[..., 0].sum() * weights[0, 0] > 3.0:
        qp.RX(weights[0, 1], wires=0)
    return qp.expval(qp.Z(0))


@pytest.mark.falls_back
def test_a_circuit_decided_by_its_weights_still_runs_a_batch_together():
    layer = layer_of(decided_by_weights)
    with pytest.warns(ExecutionWarning, match="depend on the values of its weights") as caught:
        outputs = layer(inputs_of())
    assert len(caught) == 1
    assert layer.execution.batching == "broadcast"
    assert layer.execution.device == "default.qubit"
    one_by_one = torch.stack([layer(row) for row in inputs_of()])
    torch.testing.assert_close(outputs, one_by_one)
    with torch.no_grad():
        layer.weights[0, 0] = 1.0 if layer.weights[0, 0] > 3.0 else 4.0
    assert not torch.allclose(layer(inputs_of()), outputs)


@pytest.mark.falls_back
def test_a_circuit_decided_by_inputs_and_weights_says_both():
    layer = layer_of(decided_by_both)
    with pytest.warns(ExecutionWarning) as caught:
        layer(inputs_of())
    assert "depend on the values of its inputs and weights" in str(caught[0].message)
    assert layer.execution.batching == "broadcast"
