"""Datasets that were published as code drawing from NumPy's legacy random stream."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from study.data.known_answer import KnownAnswer


@dataclass(frozen=True)
class LegacyStream(KnownAnswer):
    """One of the generators of Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, in `XanaduAI/qml-benchmarks`.

    Given a generator in the same state, `draw` takes the same numbers from it, in the same order, as the published
    code takes from NumPy's global one, so that it returns the same arrays and leaves the same state behind.
    `study.data.published` runs the authors' own sequences with it.
    """

    @abstractmethod
    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        """What `points` returns, from this generator, which is advanced; `seed` is not looked at."""

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        return self.draw(np.random.RandomState(self.seed))
