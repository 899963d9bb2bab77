"""What a pass of rows through a model sends to paid backends: run once where nothing is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from qlayers import QuantumLayer
from qlayers.errors import QlayersError
from qlayers.spending.plan import Plan
from study.errors import StudyError
from study.fitting.paid import paid_layers
from study.fitting.torch_learner import TorchLearner
from study.report.words import counted


@dataclass(frozen=True)
class Passes:
    """What some passes through a model send.

    Attributes:
        plans: of each paid layer, in the order in which the model registers them.
        gradient_circuits: those of the plans' circuits that are run for gradients.
        angles: encoded angles of the rows that pass; gradient circuits send them again, some of them shifted.
    """

    plans: tuple[Plan, ...]
    gradient_circuits: int = 0
    angles: int = 0

    def __add__(self, other: Passes) -> Passes:
        return Passes(
            tuple(one + another for one, another in zip(self.plans, other.plans, strict=True)),
            self.gradient_circuits + other.gradient_circuits,
            self.angles + other.angles,
        )

    def times(self, number: int) -> Passes:
        """So many such passes, one after the other."""
        return Passes(
            tuple(plan.times(number) for plan in self.plans),
            self.gradient_circuits * number,
            self.angles * number,
        )


def in_portions(inputs: np.ndarray, size: int, measured: Callable[[np.ndarray], Passes]) -> Passes:
    """All rows (n, n_inputs), `size` at a time, the last ones a smaller portion."""
    whole, left = divmod(len(inputs), size)
    parts = [measured(inputs[:size]).times(whole)] if whole else []
    parts += [measured(inputs[-left:])] if left else []
    return sum(parts[1:], parts[0]) if parts else measured(inputs[:1]).times(0)


def measured_passes(model: nn.Module, learner: TorchLearner, rows: np.ndarray, backward: bool) -> Passes:
    """What rows (n, n_inputs) send when they pass a model on planning backends, there or there and back."""
    layers = paid_layers(model)
    spent = [layer.qnode.device.spent for layer in layers]
    for one in spent:
        one.plan = None
    model.train(backward)
    inputs = torch.as_tensor(np.ascontiguousarray(rows), dtype=learner.dtype)
    try:
        with _watched(layers) as angles, torch.set_grad_enabled(backward):
            outputs = model(inputs)
            forward = [one.plan for one in spent]
            if backward:
                outputs.sum().backward()
    except (QlayersError, StudyError):
        raise
    except Exception as error:
        raise StudyError(
            f"The training cannot be planned: a batch of {counted(len(rows), 'row')} does not pass through the "
            f"model: {type(error).__name__}: {error}"
        ) from error
    finally:
        model.zero_grad(set_to_none=True)
    plans = tuple(one.plan or _nothing(layer) for one, layer in zip(spent, layers, strict=True))
    before = sum(plan.circuits for plan in forward if plan is not None)
    return Passes(plans, sum(plan.circuits for plan in plans) - before, sum(angles))


@contextmanager
def _watched(layers: Sequence[QuantumLayer]) -> Iterator[list[int]]:
    """Within the block, count the angles that layers are given, and let every output have a gradient.

    PennyLane runs no shifted circuits for a row whose outputs have the gradient 0, which zeros in place of results may
    well bring about; the training has other results.
    """
    angles: list[int] = []

    def watch(_: nn.Module, given: tuple[Any, ...], output: Tensor) -> None:
        angles.append(int(given[0].numel()) if given else 0)
        if output.requires_grad:
            output.register_hook(torch.ones_like)

    with ExitStack() as hooks:
        for layer in layers:
            hooks.callback(layer.register_forward_hook(watch).remove)
        yield angles


def _nothing(layer: QuantumLayer) -> Plan:
    """Of a layer that the model does not run."""
    return Plan(layer.qnode.device.name, 0, 0, 0, 0.0, 0.0)


def total(plans: Sequence[Plan]) -> Plan:
    whole = sum(plans[1:], plans[0])
    return replace(whole, queue=plans[0].queue)
