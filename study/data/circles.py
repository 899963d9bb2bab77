"""A circle inside another of twice its radius."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.generated import Generated


@dataclass(frozen=True)
class Circles(Generated):
    """A circle inside another of twice its radius; `sklearn.datasets.make_circles`."""

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        from sklearn.datasets import make_circles

        points, labels = make_circles(self.n_samples, noise=self.noise, factor=0.5, random_state=self.seed)
        return points, labels
