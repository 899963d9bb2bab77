"""A target that a linear model expresses: the control on which a quantum model must not be promoted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.scored_target import ScoredTarget


@dataclass(frozen=True)
class LinearTarget(ScoredTarget):
    """The sign of w · x, with w of a random direction; the counterpart of `quantum_target` in inputs, margin and noise.

    w is Gaussian, divided by π times the sum of its absolute values, so that |w · x| ≤ 1 on [-π, π]^n_features.

    Known answer: `model=logistic` expresses it exactly, so a quantum model can tie and cannot win.
    """

    def weights(self, random: np.random.Generator) -> np.ndarray:
        direction = random.standard_normal(self.n_features)
        scaled: np.ndarray = direction / (np.pi * np.abs(direction).sum())
        return scaled

    def scores(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        values: np.ndarray = points @ weights
        return values
