"""A user's program: a model with quantum layers in it, and one step of its work."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from pennylane.measurements import MeasurementProcess
from torch import nn

MakeLayer = Callable[..., nn.Module]
"""Makes a layer of a QNode, its ``weight_shapes`` and perhaps ``init_method``, as ``qp.qnn.TorchLayer`` does."""
Results = list[MeasurementProcess] | MeasurementProcess
"""What a circuit returns."""
Loss = Callable[[], tuple[torch.Tensor, torch.Tensor]]
"""Returns what the model gives for the next batch, and the loss."""


@dataclass(frozen=True)
class Program:
    """What a kind of program makes of the kind of layer that it is given.

    Attributes:
        model: Holds all parameters; their gradients are those of the last step.
        step: Does one step of the program's work and returns what the model gave in it.
    """

    model: nn.Module
    step: Callable[[], torch.Tensor]


@dataclass(frozen=True)
class Kind:
    """One kind of program.

    Attributes:
        build: Writes the program with a given kind of layer; its docstring says what the program is.
        is_random: Whether results are drawn with finite shots, so that they agree within statistical error only.
    """

    build: Callable[[MakeLayer], Program]
    is_random: bool = False

    @property
    def name(self) -> str:
        """The name on the command line."""
        return self.build.__name__

    @property
    def description(self) -> str:
        """The first sentence of its docstring."""
        return (self.build.__doc__ or "").splitlines()[0].removesuffix(".")


def trained(model: nn.Module, loss: Loss) -> Program:
    """Return a program whose step is a usual training step with Adam."""
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

    def step() -> torch.Tensor:
        optimizer.zero_grad()
        outputs, value = loss()
        value.backward()
        optimizer.step()
        return outputs.detach()

    return Program(model, step)


def regression(model: nn.Module, inputs: torch.Tensor, targets: torch.Tensor) -> Program:
    """Return a program that fits one batch by its mean squared error."""

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(inputs)
        return outputs, nn.functional.mse_loss(outputs, targets)

    return trained(model, loss)


def classification(model: nn.Module, inputs: torch.Tensor, classes: torch.Tensor) -> Program:
    """Return a program that fits one batch by its cross-entropy."""

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        outputs = model(inputs)
        return outputs, nn.functional.cross_entropy(outputs, classes)

    return trained(model, loss)


class Draws:
    """The data of a program: the same for every layer that it is written with."""

    def __init__(self) -> None:
        self.generator = torch.Generator().manual_seed(7)

    def features(self, *shape: int) -> torch.Tensor:
        """Return numbers between 0.1 and 1."""
        return 0.1 + 0.9 * torch.rand(shape, generator=self.generator)

    def classes(self, rows: int, n_classes: int = 2) -> torch.Tensor:
        """Return a class for each row."""
        return torch.randint(n_classes, (rows,), generator=self.generator)
