"""A formula for a whole batch: what is done alike to different numbers is one torch operation on columns.

A circuit's author writes ``sin(inputs[..., i])`` in a loop over i. Taken step by step that is as many operations as
qubits, each of which costs torch more than the arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch

from qlayers.simulator.formula import Formula
from qlayers.simulator.polynomial import REARRANGING, rearranged
from qlayers.simulator.recording import CONSTANT, Step, Value, operation_of

_REARRANGING = REARRANGING - {"aten.constant_pad_nd.default"}  # which puts a number beside the others
_ELEMENTWISE = frozenset(
    f"aten.{name}"
    for name in (
        "abs.default", "acos.default", "acosh.default", "add.Tensor", "asin.default", "asinh.default", "atan.default",
        "atan2.default", "atanh.default", "clamp.default", "cos.default", "cosh.default", "div.Tensor", "erf.default",
        "exp.default", "expm1.default", "log.default", "log1p.default", "maximum.default", "minimum.default",
        "mul.Tensor", "neg.default", "pow.Tensor_Scalar", "pow.Tensor_Tensor", "reciprocal.default", "relu.default",
        "rsqrt.default", "rsub.Scalar", "sigmoid.default", "sin.default", "sinh.default", "sqrt.default",
        "square.default", "sub.Tensor", "tan.default", "tanh.default",
    )
)  # fmt: skip


@dataclass(frozen=True)
class Operation:
    """One torch operation.

    Attributes:
        name: Of the operation.
        arguments: What it takes; an integer array in place of each operand names its columns.
        options: Its further arguments.
        operands: The positions of the operands among the arguments.
    """

    name: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]
    operands: tuple[int, ...]


@dataclass(frozen=True)
class Columns:
    """Operations on the columns of one matrix, (batch, columns), which begins with the weights and the samples.

    Attributes:
        constants: (constants,), columns that follow these; they are the same for every sample.
        stages: Operations that do not need one another; what they give are the next columns.
        results: The columns that are the results.
    """

    constants: torch.Tensor
    stages: tuple[tuple[Operation, ...], ...]
    results: tuple[int, ...]

    def of_batch(self, weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Evaluate for all samples, shape ``(batch, n_results)``."""
        batch = samples.shape[0]
        same = torch.cat([weights, self.constants.to(weights)]) if len(self.constants) else weights
        columns = torch.cat([same.expand(batch, -1), samples], -1)
        for stage in self.stages:
            found = [columns]
            for operation in stage:
                arguments = list(operation.arguments)
                for position in operation.operands:
                    arguments[position] = _taken(columns, arguments[position])
                found.append(operation_of(operation.name)(*arguments, **dict(operation.options)))
            columns = torch.cat(found, -1)
        return _taken(columns, self.results)


def columns_of(formula: Formula, n_weights: int, n_features: int) -> Columns | None:
    """Put a formula's steps side by side; None if it has others than elementwise ones and such as rearrange."""
    constants = [step.arguments[0] for step in formula.steps if step.operation == CONSTANT]
    flat = [formula.constants[name].reshape(-1).double() for name in constants]
    sizes = [len(values) for values in flat]
    starts = dict(zip(constants, (n_weights + sum(sizes[:k]) for k in range(len(sizes))), strict=True))
    n_same = n_weights + sum(sizes)
    places: list[Any] = [torch.arange(n_weights), n_same + torch.arange(n_features).reshape(formula.shape)]
    levels = [0] * (n_same + n_features)
    plan = _Plan(levels)
    for step in formula.steps:
        if step.operation == CONSTANT:
            shape = formula.constants[step.arguments[0]].shape
            start = starts[step.arguments[0]]
            places.append((start + torch.arange(shape.numel())).reshape(shape))
        elif step.operation in _REARRANGING:
            places.append(rearranged(step, places))
        elif step.operation in _ELEMENTWISE and _takes_numbers_only(step):
            places.append(plan.add(step, places))
        else:
            return None
    if any(places[result].numel() != 1 for result in formula.results):
        return None
    return plan.finish(torch.cat(flat) if flat else torch.empty(0), [int(places[r]) for r in formula.results])


def _takes_numbers_only(step: Step) -> bool:
    arguments = (*step.arguments, *dict(step.options).values())
    return all(argument is None or isinstance(argument, (Value, int, float)) for argument in arguments)


class _Plan:
    """Elementwise operations by the stage in which all they take is there."""

    def __init__(self, levels: list[int]) -> None:
        self._levels, self._n_given = levels, len(levels)
        self._made: list[tuple[int, tuple[Any, ...], list[int]]] = []

    def add(self, step: Step, places: Sequence[torch.Tensor]) -> torch.Tensor:
        """The columns of what a step gives, numbered as if in the order of the steps."""
        operands = [a for a, argument in enumerate(step.arguments) if isinstance(argument, Value)]
        taken = torch.broadcast_tensors(*(places[step.arguments[a].number] for a in operands))
        others = tuple(None if a in operands else argument for a, argument in enumerate(step.arguments))
        key = (step.operation, others, step.options, tuple(operands))
        first = len(self._levels)
        for ids in zip(*(operand.reshape(-1).tolist() for operand in taken), strict=True):
            level = 1 + max(self._levels[number] for number in ids)
            self._made.append((level, key, list(ids)))
            self._levels.append(level)
        return torch.arange(first, len(self._levels)).reshape(taken[0].shape)

    def finish(self, constants: torch.Tensor, results: Sequence[int]) -> Columns:
        """The stages, with columns numbered in the order in which they are made."""
        places = {number: number for number in range(self._n_given)}
        stages: list[tuple[Operation, ...]] = []
        for level in range(1, 1 + max(self._levels, default=0)):
            alike: dict[tuple[Any, ...], list[int]] = {}
            for made, (at, key, _) in enumerate(self._made):
                if at == level:
                    alike.setdefault(key, []).append(made)
            operations = []
            before = dict(places)
            for (name, others, options, operands), members in alike.items():
                arguments = list(others)
                for order, position in enumerate(operands):
                    arguments[position] = tuple(before[self._made[made][2][order]] for made in members)
                operations.append(Operation(name, tuple(arguments), options, operands))
                for made in members:
                    places[self._n_given + made] = len(places)
            stages.append(tuple(operations))
        return Columns(constants, tuple(stages), tuple(places[result] for result in results))


def _taken(columns: torch.Tensor, numbers: Sequence[int]) -> torch.Tensor:
    first = numbers[0]
    if tuple(numbers) == tuple(range(first, first + len(numbers))):
        return columns.narrow(-1, first, len(numbers))
    return columns.index_select(-1, torch.tensor(numbers, device=columns.device))
