"""A layer in a model that torch compiles."""

from __future__ import annotations

import gc

import pytest
import torch
from torch.library import opcheck

from qlayers import InputError, QuantumLayer
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
    gc.collect()
    with pytest.raises(RuntimeError, match=rf"no program {number} in this process"):
        operator.run(torch.rand(1, 3), torch.rand(18), number)
