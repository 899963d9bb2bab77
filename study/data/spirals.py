"""Two interleaved Archimedean spirals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.generated import Generated

TURNS = 1.5


@dataclass(frozen=True)
class Spirals(Generated):
    """Radius grows linearly with angle t, from 0 to 1 over `TURNS` turns; the second arm is turned by pi.

    Angles are drawn as the square root of a uniform variable, which spreads the points evenly along the arms.
    """

    noise: float = 0.03

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        random = np.random.default_rng(self.seed)
        labels = np.arange(self.n_samples) % 2
        angle = 2 * np.pi * TURNS * np.sqrt(random.uniform(size=self.n_samples))
        radius = angle / (2 * np.pi * TURNS)
        turned = angle + np.pi * labels
        arms = radius[:, None] * np.stack([np.cos(turned), np.sin(turned)], axis=1)  # (n_samples, 2)
        return arms + self.noise * random.standard_normal(arms.shape), labels
