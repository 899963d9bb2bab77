"""A fitted model whose circuits are measured a finite number of times."""

from __future__ import annotations

import copy

import numpy as np
from torch import nn

from qlayers.backends.shots import Shots
from study.fitting.learner import Learner
from study.fitting.seeding import derive
from study.run.circuits import layers_of


def sampled_predictions(learner: Learner, inputs: np.ndarray, shots: int, seed: int) -> np.ndarray:
    """What a fitted model predicts if every circuit is measured `shots` times, each row with samples of its own.

    The weights are those that were trained with exact values, so that this is what a model loses when it is moved to
    where values are estimated, and not what training there would give.

    Args:
        learner: fitted, with quantum layers in it.
        inputs: (n, n_inputs).
        shots: of each circuit.
        seed: of the samples.
    """
    moved = copy.copy(learner)
    model = copy.deepcopy(learner.model)  # type: ignore[attr-defined]
    moved.model = model  # type: ignore[attr-defined]
    for number, layer in enumerate(layers_of(learner)):
        name = next(name for name, module in learner.model.named_modules() if module is layer)  # type: ignore[attr-defined]
        _replace(model, name, layer.on(Shots(shots=shots, seed=derive(seed, "shots", shots, number))))
    return moved.predict(inputs)


def _replace(model: nn.Module, name: str, module: nn.Module) -> None:
    parent, _, last = name.rpartition(".")
    setattr(model.get_submodule(parent), last, module)
