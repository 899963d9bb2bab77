"""A fitted model with its circuits on another backend."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field

import numpy as np
import torch

from qlayers.backends import Backend
from study.fitting.learner import Learner
from study.fitting.paid import on_backends
from study.run.circuits import quantum_layers


@dataclass
class Passed:
    """What went into a circuit and what came out, in order: (n, n_features) and (n, n_outputs), float64."""

    inputs: list[np.ndarray] = field(default_factory=list)
    outputs: list[np.ndarray] = field(default_factory=list)


def moved(learner: Learner, backend: Backend) -> Learner:
    """A copy of a fitted learner whose quantum layers run on `backend`, with the same weights.

    Raises:
        ConfigurationError: the backend cannot run a circuit of the model, or lacks a package.
    """
    copied = copy.copy(learner)
    model = on_backends(learner.model, lambda _: backend)  # type: ignore[attr-defined]
    copied.model = model.eval()  # type: ignore[attr-defined]
    return copied


@contextmanager
def recorded(learner: Learner) -> Iterator[list[Passed]]:
    """Within the block, keep what passes through the learner's quantum layers: one record a layer."""
    layers = quantum_layers(learner.model)  # type: ignore[attr-defined]
    records = [Passed() for _ in layers]

    def keep(record: Passed, inputs: torch.Tensor, outputs: torch.Tensor) -> None:
        rows = inputs.detach().double().numpy(force=True)
        record.inputs.append(rows.reshape(-1, rows.shape[-1]))
        found = outputs.detach().double().numpy(force=True)
        record.outputs.append(found.reshape(len(record.inputs[-1]), -1))

    with ExitStack() as hooks:
        for layer, record in zip(layers, records, strict=True):
            hooks.callback(
                layer.register_forward_hook(
                    lambda _, given, result, record=record: keep(record, given[0], result)
                ).remove
            )
        yield records
