"""TorchLayer on default.qubit, differentiated by backpropagation."""

from __future__ import annotations

from problems import Data, Problem

from workers.side import versions_of
from workers.torch_layer import torch_layer
from workers.torch_step import TorchStep


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("torch", "pennylane")


def prepare(problem: Problem, data: Data) -> TorchStep:
    """Build it."""
    return torch_layer(problem, data, "default.qubit", "backprop")
