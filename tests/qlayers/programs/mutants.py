"""Four faults that a layer could have, each put on a layer from outside, so that it depends on nothing within.

The generator must find each of them, on ours and on TorchLayer.
"""

from __future__ import annotations

import copy
import functools
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pennylane as qp
import torch
from torch import Tensor

from tests.qlayers.programs.judge import Wrapper
from tests.qlayers.programs.program import (
    CHANGED_CLOSURES,
    TRAINED_CLOSURES,
    Make,
    Program,
    has_terms,
)

# ------------------------------------------------------------------------------------------------- a closure is frozen


def freeze_closure(make: Make) -> Make:
    """Give the layer a quantum function that keeps what it reads as it was when the layer was made."""

    def mutated(qnode: qp.QNode, shapes: dict[str, Any]) -> torch.nn.Module:
        frozen = copy.copy(qnode)
        frozen.func = _frozen(qnode.func)
        return make(frozen, shapes)

    return mutated


def _frozen(value: Any) -> Any:
    """Return a copy that neither changes nor trains; of functions, with what they read frozen as well."""
    if isinstance(value, Tensor):
        return value.detach().clone()
    if isinstance(value, torch.nn.Module):
        return copy.deepcopy(value).requires_grad_(False)
    if isinstance(value, (list, dict)):
        return copy.deepcopy(value)
    if isinstance(value, functools.partial):
        return functools.partial(_frozen(value.func), *value.args, **value.keywords)
    if isinstance(value, types.MethodType):
        return types.MethodType(_frozen(value.__func__), _frozen(value.__self__))
    if isinstance(value, types.FunctionType) and value.__module__ == "program":
        cells = tuple(types.CellType(_frozen(cell.cell_contents)) for cell in value.__closure__ or ())
        variables = {
            name: _frozen(one) if isinstance(one, Tensor) else one for name, one in value.__globals__.items()
        }
        function = types.FunctionType(value.__code__, variables, value.__name__, value.__defaults__, cells)
        function.__kwdefaults__ = value.__kwdefaults__
        return function
    return value


# ------------------------------------------------------------------------------ the sign of second derivatives is wrong


class _WithWrongDerivative(torch.autograd.Function):
    """The identity, of which the derivative is -1."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor) -> Tensor:
        return gradient.clone()

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Tensor:
        return -gradient


class _SecondDerivativesFlipped(Wrapper):
    """Values and first derivatives are the layer's."""

    def __init__(self, layer: torch.nn.Module) -> None:
        super().__init__(layer)
        for parameter in layer.parameters():
            parameter.register_hook(_WithWrongDerivative.apply)

    def forward(self, inputs: Tensor) -> Tensor:
        if inputs.requires_grad:
            inputs = inputs.view_as(inputs)
            inputs.register_hook(_WithWrongDerivative.apply)
        return super().forward(inputs)


def flip_second_derivatives(make: Make) -> Make:
    """Give the second derivatives by inputs and weights the other sign."""
    return lambda qnode, shapes: _SecondDerivativesFlipped(make(qnode, shapes))


# --------------------------------------------------------------------------------------------- two samples are swapped


class _TwoSamplesSwapped(Wrapper):
    """The first two samples of a batch have each other's results."""

    def forward(self, inputs: Tensor) -> Tensor:
        outputs = super().forward(inputs)
        n_batch = inputs.ndim - 1
        if inputs.shape[:-1].numel() < 2 or outputs.shape[:n_batch] != inputs.shape[:n_batch]:
            return outputs
        rows = list(outputs.flatten(0, n_batch - 1))
        return torch.stack([rows[1], rows[0], *rows[2:]]).unflatten(0, inputs.shape[:n_batch])


def swap_two_samples(make: Make) -> Make:
    """Swap the results of the first two samples of every batch."""
    return lambda qnode, shapes: _TwoSamplesSwapped(make(qnode, shapes))


# ---------------------------------------------------------------------------------- results are not processed any more


def drop_post_processing(make: Make) -> Make:
    """Give the layer a QNode whose transforms return the results of their first circuit as they are."""

    def mutated(qnode: qp.QNode, shapes: dict[str, Any]) -> torch.nn.Module:
        bare = qp.QNode(qnode.func, qnode.device, diff_method=qnode.diff_method)
        for bound in qnode.compile_pipeline:
            bare = _without_post_processing(bound)(bare)
        return make(bare, shapes)

    return mutated


def _without_post_processing(transform: Callable[[Any], Any]) -> Any:
    @qp.transform
    def first_circuit(tape: Any) -> Any:
        tapes, _ = transform(tape)
        return tapes[:1], lambda results: results[0]

    return first_circuit


@dataclass(frozen=True)
class Mutant:
    """A fault, and whether a program's numbers depend on what it breaks."""

    put_on: Callable[[Make], Make]
    concerns: Callable[[Program], bool]


MUTANTS = {
    "a closure is frozen": Mutant(
        freeze_closure, lambda program: program.closure in CHANGED_CLOSURES | TRAINED_CLOSURES
    ),
    "the sign of second derivatives": Mutant(flip_second_derivatives, lambda program: program.order > 1),
    "two samples are swapped": Mutant(
        swap_two_samples, lambda program: math.prod(program.batch) > 1 and program.batch != ()
    ),
    "post-processing is dropped": Mutant(
        drop_post_processing,
        # Not mitigate_with_zne: without noise, what it extrapolates to is the first circuit's result.
        lambda program: (
            program.transform == "own, of results"
            or (program.transform.startswith("split") and has_terms(program))
        ),
    ),
}
