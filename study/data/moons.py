"""Two interleaving half circles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.generated import Generated


@dataclass(frozen=True)
class Moons(Generated):
    """Two interleaving half circles; `sklearn.datasets.make_moons`."""

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.datasets import make_moons

        points, labels = make_moons(self.n_samples, noise=self.noise, random_state=self.seed)
        return points, labels
