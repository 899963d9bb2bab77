"""Numbers as torch operations on weights and samples, for those that are no polynomials."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from qlayers.simulator.recording import CONSTANT, Recorder, Step, needed, operation_of, replaced

WEIGHTS, SAMPLE = range(2)


@dataclass(frozen=True)
class Formula:
    """Tensors as functions of the flat weights and one sample.

    Attributes:
        steps: Operations; what step k gives is value k + 2, after the weights and the sample.
        results: The values that are the results, all of one shape.
        constants: Tensors that the steps take, by name.
        shape: The shape in which the steps take a sample.
    """

    steps: tuple[Step, ...]
    results: tuple[int, ...]
    constants: dict[str, torch.Tensor] = field(repr=False)
    shape: tuple[int, ...]

    @classmethod
    def recorded(cls, recorder: Recorder, results: Sequence[torch.Tensor]) -> Formula:
        """The formula of tensors that were recorded with the arguments weights and sample."""
        numbers = tuple(recorder.number_of(result) for result in results)
        shape = tuple(recorder.arguments[SAMPLE].shape)
        return cls(tuple(recorder.steps), numbers, recorder.constants, shape).only(range(len(numbers)))

    def only(self, results: Iterable[int]) -> Formula:
        """The formula for some of the results, and the steps that these need."""
        wanted = [self.results[result] for result in results]
        kept = sorted(needed(self.steps, 2, wanted) | {WEIGHTS, SAMPLE})
        renumbered = {old: new for new, old in enumerate(kept)}
        steps = tuple(self.steps[old - 2].renumbered(renumbered) for old in kept[2:])
        return Formula(steps, tuple(renumbered[value] for value in wanted), self.constants, self.shape)

    def reads(self, argument: int) -> bool:
        """Whether any step takes the weights, or the sample."""
        return any(argument in step.reads for step in self.steps) or argument in self.results

    def __call__(self, weights: torch.Tensor, sample: torch.Tensor) -> torch.Tensor:
        """Evaluate for one sample.

        Returns:
            Shape ``(n_results, *shape_of_a_result)``, in the weights' dtype.
        """
        values: list[Any] = [weights, sample.reshape(self.shape)]
        for step in self.steps:
            if step.operation == CONSTANT:
                values.append(self.constants[step.arguments[0]].to(weights.device))
                continue
            arguments, options = replaced((step.arguments, step.options), lambda value: values[value.number])
            values.append(operation_of(step.operation)(*arguments, **dict(options)))
        return torch.stack([values[result].to(weights.dtype) for result in self.results])

    def of_batch(self, weights: torch.Tensor, samples: torch.Tensor) -> torch.Tensor:
        """Evaluate for all samples, shape ``(batch, n_results, *shape_of_a_result)``."""
        # By its method, since torch.compile takes the name of what is mapped, and a formula has none.
        return torch.func.vmap(self.__call__, in_dims=(None, 0))(weights, samples)
