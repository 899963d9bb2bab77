"""A model on another backend: the same weights, the same numbers, and the original as it was."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from qlayers import QuantumLayer
from qlayers.backends.default_qubit import DefaultQubit
from qlayers.errors import ConfigurationError
from study.ladder.moving import moved, recorded
from study.run.circuits import layers_of
from tests.study.ladder.backends import NeedsMore


class Learner:
    """As much of a fitted learner as moving needs."""

    def __init__(self, model: nn.Module) -> None:
        self.model = model


def learner(whole: bool = True) -> Any:
    torch.manual_seed(0)
    if not whole:
        return Learner(QuantumLayer(n_qubits=3))
    inner = nn.Sequential(QuantumLayer(n_qubits=2, depth=1), nn.Linear(2, 2))
    layers = [nn.Linear(3, 2), nn.Tanh(), inner, QuantumLayer(n_qubits=2, depth=1)]
    return Learner(nn.Sequential(*layers).eval())


@pytest.mark.parametrize("whole", [True, False])
def test_every_circuit_moves_and_gives_the_same(whole: bool) -> None:
    here = learner(whole)
    there: Any = moved(here, DefaultQubit())
    inputs = torch.rand(5, 3)
    assert torch.allclose(there.model(inputs), here.model(inputs), atol=1e-6)
    assert [layer.execution.device for layer in layers_of(there)] == ["default.qubit"] * (2 if whole else 1)
    assert {layer.execution.device for layer in layers_of(here)} == {"qlayers.batched"}


def test_weights_are_copies() -> None:
    here = learner()
    there: Any = moved(here, DefaultQubit())
    with torch.no_grad():
        for weight in there.model.parameters():
            weight.zero_()
    assert all(weight.abs().sum() > 0 for weight in here.model.parameters())


def test_what_passes_through_is_kept() -> None:
    here = learner()
    with recorded(here) as records:
        for part in torch.rand(6, 3).split(4):
            outputs = here.model(part)
    assert [np.concatenate(one.inputs).shape for one in records] == [(6, 2), (6, 2)]
    assert np.allclose(records[1].outputs[-1], outputs.detach().numpy())
    here.model(torch.rand(1, 3))
    assert len(records[0].inputs) == 2  # nothing is kept afterwards


def test_a_backend_without_its_package_says_so() -> None:
    with pytest.raises(ConfigurationError, match=r"qlayers\[more\]"):
        moved(learner(), NeedsMore())
