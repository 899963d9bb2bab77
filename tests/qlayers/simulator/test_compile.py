"""A layer in a model that torch compiles."""

from __future__ import annotations

import gc

import pennylane as qp
import pytest
import torch
from torch.library import opcheck

from qlayers import InputError, QuantumLayer
from qlayers._layer.tracing import forget_traces
from qlayers.simulator import operator


def model_of(**options):
    torch.manual_seed(0)
    layer = QuantumLayer(3, **{"depth": 2, "encoding": "iqp", **options})
    return torch.nn.Sequential(torch.nn.Linear(5, 3), layer, torch.nn.Linear(layer.n_outputs, 2))


@pytest.mark.parametrize(
    "options",
    [{}, {"measurement": "probs"}, {"ansatz": "hardware_efficient", "reupload": True}],
    ids=str,
)
def test_the_graph_is_not_broken(options):
    model = model_of(**options)
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    inputs = torch.rand(6, 5)
    expected = torch.autograd.grad(model(inputs).square().sum(), list(model.parameters()))
    outputs = compiled(inputs)
    assert torch.equal(outputs, model(inputs))
    for found, wanted in zip(
        torch.autograd.grad(outputs.square().sum(), list(model.parameters())), expected, strict=True
    ):
        assert torch.equal(found, wanted)
    model[1].reset_execution()
    compiled(inputs).sum().backward()
    assert (model[1].execution.executions, model[1].execution.gradient_executions) == (6, 6)


def by_value(inputs, weights):
    if inputs[..., 0].sum() > 0.5:
        qp.RX(weights, wires=0)
    return qp.expval(qp.Z(0))


def plain(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(2))
    qp.RX(weights, wires=0)
    return qp.expval(qp.Z(0)), qp.expval(qp.Z(1))


@pytest.mark.parametrize("dynamic", [None, True])
def test_a_layer_that_learns_its_width_need_not_be_called_before(dynamic):
    layer = QuantumLayer.from_qnode(qp.QNode(plain, qp.device("default.qubit", wires=2)), {"weights": ()})
    compiled = torch.compile(layer, fullgraph=True, backend="aot_eager", dynamic=dynamic)
    for batch in (4, 7):
        inputs = torch.rand(batch, 2)
        expected = torch.cos(inputs + layer.weights * torch.tensor([1.0, 0.0]))
        torch.testing.assert_close(compiled(inputs), expected, rtol=0.0, atol=1e-6)
    assert layer.execution.device == "qlayers.batched"


@pytest.mark.falls_back
@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_a_layer_that_must_break_the_graph_says_why():
    layer = QuantumLayer.from_qnode(qp.QNode(by_value, qp.device("default.qubit", wires=1)), {"weights": ()})
    with pytest.raises(torch._dynamo.exc.Unsupported, match=r"runs on PennyLane.*without fullgraph=True"):
        torch.compile(layer, fullgraph=True, backend="aot_eager")(torch.rand(2, 1))


def test_bad_values_are_refused_inside_a_graph():
    model = model_of()
    compiled = torch.compile(model, fullgraph=True, backend="aot_eager")
    with pytest.raises(InputError, match="is NaN or infinite"):
        compiled(torch.full((2, 5), torch.nan))
    compiled(torch.rand(2, 5))


def test_an_encoding_that_looks_at_values_breaks_the_graph_and_still_looks():
    layer = QuantumLayer(3, encoding="basis")
    compiled = torch.compile(layer, backend="aot_eager")
    bits = torch.tensor([[0.0, 1.0, 1.0]])
    assert torch.equal(compiled(bits), layer(bits))
    with pytest.raises(InputError, match="takes bits"):
        compiled(bits / 2)


def test_the_operators_keep_torchs_rules():
    program = model_of()[1]._traced.program
    number = operator.number_of(program, None)
    samples, weights = torch.rand(4, 3), torch.rand(program.n_weights)
    opcheck(operator.run, (samples.clone().requires_grad_(), weights.clone().requires_grad_(), number))
    opcheck(operator.sweep, (samples, weights, torch.rand(4, 3), number))


def test_a_number_goes_with_its_program():
    model = model_of()
    number = operator.number_of(model[1]._traced.program, None)
    assert operator.number_of(model[1]._traced.program, None) == number
    del model
    forget_traces()  # which layers of the same circuit share
    gc.collect()
    with pytest.raises(RuntimeError, match=rf"no program {number} in this process"):
        operator.run(torch.rand(1, 3), torch.rand(18), number)
