"""Recorded operations give the same numbers again, and what cannot be recorded is refused."""

from __future__ import annotations

import pytest
import torch

from qlayers._layer.undisturbed import undisturbed
from qlayers.simulator.formula import SAMPLE, WEIGHTS, Formula
from qlayers.simulator.polynomial import polynomials_of, value_at
from qlayers.simulator.recording import CannotRecordError, LooksAtValuesError, Recorder

WEIGHT, DATA = (
    torch.linspace(0.2, 0.9, 6, dtype=torch.float64),
    torch.linspace(-0.7, 0.8, 4, dtype=torch.float64),
)


def record(function, declare=()):
    with undisturbed(), Recorder((WEIGHT, DATA)) as recorder:
        for tensor in declare:
            recorder.declare(tensor, WEIGHT[: tensor.numel()].reshape(tensor.shape))
        return Formula.recorded(recorder, [part + 0.0 for part in function(WEIGHT, DATA)])


POLYNOMIALS = {
    "arithmetic": lambda w, x: [2 * x[0] - w[1] * x[2] / 4 + 1, (x[1] + w[0]) ** 2, -(1 - x[3])],
    "a linear layer": lambda w, x: torch.nn.functional.linear(x, w[:4].reshape(1, 4), w[5:]).unbind(),
    "sums and means": lambda w, x: [x.sum() * 3, (x * w[:4]).mean(), x.reshape(2, 2).sum(0)[1]],
    "rearranged": lambda w, x: [
        torch.cat([x.flip(0), w])[5],
        torch.stack([x, x]).T[2, 1],
        x.roll(1)[0],
        x[[2, 0]][1],
    ],
    "padded": lambda w, x: torch.nn.functional.pad(x[:1] * w[0], (1, 1), value=0.25).unbind(),
    "constants": lambda w, x: [
        torch.tensor([0.5, 2.0], dtype=torch.float64)[1] * x[0] + torch.ones_like(x)[0]
    ],
}


@pytest.mark.parametrize("kind", POLYNOMIALS)
def test_polynomials_are_found_and_right(kind):
    formula = record(POLYNOMIALS[kind])
    weights, sample = torch.rand(6, dtype=torch.float64), 3 * torch.rand(4, dtype=torch.float64)
    wanted = POLYNOMIALS[kind](weights, sample)
    torch.testing.assert_close(formula(weights, sample), torch.stack(list(wanted)))
    point = torch.cat([weights, sample])
    for polynomial, value in zip(polynomials_of(formula, 6), wanted, strict=True):
        if kind != "rearranged" or polynomial is not None:  # indexing by a list is left to torch
            assert value_at(polynomial, point) == pytest.approx(value.item(), abs=1e-12)


@pytest.mark.parametrize(
    "function",
    [
        lambda w, x: [torch.sin(x[0])],
        lambda w, x: [x[0] * x[1] * x[2]],
        lambda w, x: [1 / x[0]],
        lambda w, x: [x[0].detach() * w[0]],
        lambda w, x: [torch.relu(x[0])],
    ],
)
def test_others_are_not(function):
    formula = record(function)
    assert polynomials_of(formula, 6) == [None]
    sample = torch.rand(4, dtype=torch.float64)
    torch.testing.assert_close(formula(WEIGHT, sample), torch.stack(function(WEIGHT, sample)))


@pytest.mark.parametrize(
    "function",
    [
        lambda w, x: [x[0] if x[0] > 0 else x[1]],
        lambda w, x: [x[0] * float(x[1])],
        lambda w, x: [x[0] * x.detach().numpy()[1]],
        lambda w, x: [x[0] * sum(x.tolist())],
        lambda w, x: [x[x > 0][0]],
        lambda w, x: [x[0] if torch.allclose(x, x) else x[1]],
        lambda w, x: [x[int(x.argmax())]],
    ],
)
def test_looks_at_values_are_noticed(function):
    with pytest.raises(LooksAtValuesError) as caught:
        record(function)
    assert caught.value.arguments == {SAMPLE}


def test_a_look_at_weights_is_told_from_one_at_inputs():
    with pytest.raises(LooksAtValuesError) as caught:
        record(lambda w, x: [x[0] if w[0] > 0 else x[1]])
    assert caught.value.arguments == {WEIGHTS}


OUTSIDE = torch.tensor([0.3, 0.4], dtype=torch.float64)


@pytest.mark.parametrize(
    ("function", "reason"),
    [
        (lambda w, x: [x[0] * OUTSIDE[0]], "neither an argument nor found around"),
        (lambda w, x: [x[0] * torch.rand(())], "random numbers"),
        (lambda w, x: [torch.zeros(2, dtype=torch.float64).copy_(x[:2])[0]], "in place"),
    ],
)
def test_what_cannot_be_recorded_is_refused(function, reason):
    with pytest.raises(CannotRecordError, match=reason):
        record(function)


def test_a_declared_tensor_is_read_where_its_stand_in_is():
    formula = record(lambda w, x: [x[0] * OUTSIDE[0]], declare=[OUTSIDE])
    torch.testing.assert_close(formula(2 * WEIGHT, DATA), (2 * WEIGHT[0] * DATA[0]).reshape(1))


def test_derivatives_that_the_author_switched_off_stay_off():
    def function(w, x):
        with torch.no_grad():
            scale = w[0] * 2
        return [scale * x[0] + w[1].detach()]

    weights = WEIGHT.clone().requires_grad_()
    sample = DATA.clone().requires_grad_()
    by_weights, by_sample = torch.autograd.grad(
        record(function)(weights, sample).sum(), [weights, sample], allow_unused=True
    )
    assert by_weights is None or not by_weights.any()
    assert by_sample[0] == pytest.approx(2 * WEIGHT[0].item())
