"""Models whose circuits are paid for: recognised, and copied to where nothing is sent."""

from __future__ import annotations

import copy
from collections.abc import Callable

from torch import nn

from qlayers import QuantumLayer
from qlayers.backends import Backend, PaidBackend
from study.errors import StudyError

NOTHING_TO_TRAIN_ON = (
    "backend.dry_run=true sends nothing, and its results are zeros, which nothing can be trained on. python train.py "
    "with it prints the plan of a training; leave it out here."
)


def paid_layers(model: nn.Module) -> list[QuantumLayer]:
    """The quantum layers whose circuits are bought, in the order in which the model registers them."""
    layers = [module for module in model.modules() if isinstance(module, QuantumLayer)]
    return [layer for layer in layers if isinstance(layer.backend, PaidBackend)]


def refuse_zeros(model: nn.Module) -> None:
    """Raise StudyError if the model's circuits are only planned."""
    if any(getattr(layer.backend, "dry_run", False) for layer in paid_layers(model)):
        raise StudyError(NOTHING_TO_TRAIN_ON)


def unpaid(model: nn.Module, anew: bool = False) -> nn.Module:
    """The model where nothing in it is paid for; else a copy that sends nothing and notes what it would have bought.

    Args:
        model: stays as it is.
        anew: whether the copy finds nothing of what was bought before.
    """
    if not paid_layers(model):
        return model

    def planning(layer: QuantumLayer) -> Backend | None:
        return layer.backend.planning(anew) if isinstance(layer.backend, PaidBackend) else None

    return on_backends(model, planning)


def on_backends(model: nn.Module, choose: Callable[[QuantumLayer], Backend | None]) -> nn.Module:
    """A copy of the model, with the same weights, whose quantum layers run on the chosen backends.

    Args:
        model: stays as it is.
        choose: gives a layer's backend; None leaves the layer where it is.

    Raises:
        ConfigurationError: a backend cannot run a circuit of the model, or lacks a package.
    """
    copied: nn.Module = copy.deepcopy(model)
    layers = {name: module for name, module in copied.named_modules() if isinstance(module, QuantumLayer)}
    for name, layer in layers.items():
        backend = choose(layer)
        if backend is None:
            continue
        if not name:
            return layer.on(backend)
        parent, _, last = name.rpartition(".")
        setattr(copied.get_submodule(parent), last, layer.on(backend))
    return copied
