"""Angles as torch operations, for those that are no polynomials."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch._guards import TracingContext, tracing
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.fx import Node
from torch.fx.experimental.proxy_tensor import make_fx

Function = Callable[[torch.Tensor, torch.Tensor], list[torch.Tensor]]

WEIGHTS, SAMPLE = range(2)


@dataclass(frozen=True)
class Value:
    """What a step takes: the weights, the sample, or what an earlier step gave."""

    number: int


@dataclass(frozen=True)
class Step:
    """One torch operation, by its name, so that a formula can be pickled."""

    operation: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...]

    def reads(self) -> Iterable[int]:
        """The values it takes."""
        found: list[int] = []
        _replace((self.arguments, self.options), lambda value: found.append(value.number))
        return found


@dataclass(frozen=True)
class Formula:
    """Numbers as functions of the flat weights and one sample.

    Attributes:
        steps: Operations; what step k gives is value k + 2, after the weights and the sample.
        results: The values that are the results, each one number.
        constants: Tensors that the steps take, by name.
    """

    steps: tuple[Step, ...]
    results: tuple[int, ...]
    constants: dict[str, torch.Tensor] = field(repr=False)

    def only(self, results: Iterable[int]) -> Formula:
        """The formula for some of the results, and the steps that these need."""
        wanted = [self.results[result] for result in results]
        needed, waiting = set(), list(wanted)
        while waiting:
            value = waiting.pop()
            if value not in needed:
                needed.add(value)
                waiting.extend(self.steps[value - 2].reads() if value > SAMPLE else ())
        kept = sorted(needed | {WEIGHTS, SAMPLE})
        renumbered = {old: new for new, old in enumerate(kept)}
        steps = tuple(
            Step(
                step.operation,
                *_replace((step.arguments, step.options), lambda value: Value(renumbered[value.number])),
            )
            for step in (self.steps[old - 2] for old in kept[2:])
        )
        return Formula(steps, tuple(renumbered[value] for value in wanted), self.constants)

    def reads_sample(self) -> bool:
        """Whether any step takes the sample."""
        return any(SAMPLE in step.reads() for step in self.steps) or SAMPLE in self.results

    def __call__(self, weights: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        """Evaluate for one sample.

        Returns:
            Shape ``(n_results,)``, in the weights' dtype.
        """
        values: list[Any] = [weights, sample]
        for step in self.steps:
            if step.operation == CONSTANT:
                values.append(self.constants[step.arguments[0]].to(weights.device))
                continue
            arguments, options = _replace((step.arguments, step.options), lambda value: values[value.number])
            values.append(operation_of(step.operation)(*arguments, **dict(options)))
        return torch.stack([values[result].to(weights.dtype) for result in self.results])

    def of_batch(self, weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Evaluate for all samples, shape ``(batch, n_results)``."""
        # By its method, since torch.compile takes the name of what is mapped, and a formula has none.
        return torch.func.vmap(self.__call__, in_dims=(None, 0))(weights, samples)


CONSTANT = "constant"


def trace_formula(function: Function, weights: torch.Tensor, sample: torch.Tensor) -> Formula:
    """The formula of a function, traced at one point.

    Raises:
        RuntimeError: From torch, if the function looks at values, as an ``if`` does: then no formula holds everywhere.
    """
    # A mode in which make_fx may write down what values look like; left to itself it makes one for every value, which
    # takes two thirds of its time.
    with tracing(TracingContext(FakeTensorMode(allow_fallback_kernels=True))):
        module = make_fx(function)(weights, sample)
    numbers: dict[Node, int] = {}
    steps: list[Step] = []
    constants: dict[str, torch.Tensor] = {}
    results: tuple[int, ...] = ()
    for node in module.graph.nodes:
        arguments, options = _numbered((node.args, tuple(node.kwargs.items())), numbers)
        if node.op == "output":
            results = tuple(value.number for value in arguments[0])
            continue
        numbers[node] = len(numbers)
        if node.op == "get_attr":
            constants[node.target] = getattr(module, node.target).detach()
            steps.append(Step(CONSTANT, (node.target,), ()))
        elif node.op == "call_function":
            name = "getitem" if node.target is operator.getitem else str(node.target)
            steps.append(Step(name, tuple(arguments), tuple(options)))
    return Formula(tuple(steps), results, constants)


def _numbered(nested: Any, numbers: dict[Node, int]) -> Any:
    if isinstance(nested, Node):
        return Value(numbers[nested])
    if isinstance(nested, (list, tuple)):
        return tuple(_numbered(entry, numbers) for entry in nested)
    return nested


def operation_of(name: str) -> Any:
    """What torch calls by this name."""
    if name == "getitem":
        return operator.getitem
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found


def _replace(nested: Any, how: Callable[[Value], Any]) -> Any:
    if isinstance(nested, Value):
        return how(nested)
    if isinstance(nested, tuple):
        return tuple(_replace(entry, how) for entry in nested)
    return nested
