"""What every side's module offers: ``versions()`` and ``prepare(problem, data)``."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from importlib.metadata import version

import numpy as np


@dataclass(frozen=True)
class Results:
    """Outputs (batch, n_outputs); the gradients have the shapes of inputs and weights."""

    outputs: np.ndarray
    by_inputs: np.ndarray
    by_weights: np.ndarray


class Prepared(ABC):
    """A circuit ready to run."""

    @abstractmethod
    def step(self) -> object:
        """One forward and backward pass, finished when it returns."""

    @abstractmethod
    def results(self) -> Results:
        """Take a step, and return what it computes."""


def versions_of(*distributions: str) -> dict[str, str]:
    """Installed versions, by distribution."""
    return {name: version(name) for name in distributions}
