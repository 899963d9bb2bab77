"""nn.Linear of the same shapes: what a classical layer costs."""

from __future__ import annotations

import torch
from problems import Data, Problem

from workers.side import Prepared, Results, versions_of
from workers.torch_step import TorchStep


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("torch")


class _Linear(TorchStep):
    def results(self) -> Results:
        """Its own results are nobody's."""
        self.step()
        nothing = torch.empty(0).numpy()
        return Results(nothing, nothing, nothing)


def prepare(problem: Problem, data: Data) -> Prepared:
    """Build it."""
    layer = torch.nn.Linear(data.inputs.shape[1], len(data.cotangents))
    return _Linear(layer, list(layer.parameters()), data)
