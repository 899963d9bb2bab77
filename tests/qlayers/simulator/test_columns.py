"""Formulas for batches: the same numbers as sample by sample."""

from __future__ import annotations

import math

import pytest
import torch

from qlayers._layer.undisturbed import undisturbed
from qlayers.simulator.columns import columns_of
from qlayers.simulator.formula import Formula
from qlayers.simulator.recording import Recorder


def trace_formula(function, weights, sample):
    with undisturbed(), Recorder((weights, sample)) as recorder:
        return Formula.recorded(recorder, function(weights, sample))


POINT = torch.linspace(0.1, 0.9, 6, dtype=torch.float64), torch.linspace(0.2, 0.8, 4, dtype=torch.float64)


def in_a_loop(weights, sample):
    return [torch.sin(sample[i]) * weights[i] + torch.atan(sample[(i + 1) % 4]) for i in range(4)]


def on_all_at_once(weights, sample):
    table = weights.reshape(2, 3).T
    mixed = torch.tanh(sample[:3] * table[:, 0] - 0.3) / (1.5 + torch.cos(sample[0]))
    return [*mixed.unbind(), torch.exp(-table[1, 1] * sample[3] ** 2), 2 - sample[1]]


def with_constants(weights, sample):
    scale = torch.tensor([[1.0, math.pi], [0.5, 0.25]], dtype=torch.float64)
    return [torch.sqrt(sample[i] * scale[i % 2, i // 2]) + scale[1, 1] * weights[5] for i in range(4)]


def of_one_feature(weights, sample):
    return [torch.arcsin(sample[2])]


FUNCTIONS = [in_a_loop, on_all_at_once, with_constants, of_one_feature]


@pytest.mark.parametrize("function", FUNCTIONS)
def test_batches_give_what_samples_give(function):
    columns = columns_of(trace_formula(function, *POINT), 6, 4)
    assert columns is not None
    weights, samples = torch.rand(6, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64)
    wanted = torch.stack([torch.stack(function(weights, sample)) for sample in samples])
    torch.testing.assert_close(columns.of_batch(weights, samples), wanted, rtol=0, atol=1e-14)
    inputs = weights.requires_grad_(), samples.requires_grad_()
    assert torch.autograd.gradcheck(columns.of_batch, inputs)
    assert torch.autograd.gradgradcheck(columns.of_batch, inputs)


def test_loops_become_one_operation_a_step():
    columns = columns_of(trace_formula(in_a_loop, *POINT), 6, 4)
    assert columns is not None
    # Sines and arc tangents; products; sums.
    assert [len(stage) for stage in columns.stages] == [2, 1, 1]


def test_single_precision_stays_single_beside_constants():
    columns = columns_of(trace_formula(with_constants, *POINT), 6, 4)
    assert columns is not None
    assert columns.of_batch(torch.rand(6), torch.rand(3, 4)).dtype == torch.float32


@pytest.mark.parametrize(
    "function",
    [
        lambda weights, sample: [sample.sum()],
        lambda weights, sample: [torch.where(sample[0] > 0.5, sample[1], sample[2])],
        lambda weights, sample: [(sample @ weights[:4])],
    ],
)
def test_other_steps_are_left_to_the_formula(function):
    formula = trace_formula(function, *POINT)
    assert columns_of(formula, 6, 4) is None
    weights, samples = torch.rand(6, dtype=torch.float64), torch.rand(5, 4, dtype=torch.float64)
    wanted = torch.stack([torch.stack(function(weights, sample)) for sample in samples])
    torch.testing.assert_close(formula.of_batch(weights, samples), wanted, rtol=0, atol=1e-14)
