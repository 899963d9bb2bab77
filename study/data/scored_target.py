"""What the targets share whose label is the sign of a known function."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from study.data.known_answer import KnownAnswer
from study.data.options import check_number, check_whole
from study.errors import StudyError

CANDIDATES = 4096
"""Points drawn at a time."""
MOST_BATCHES = 250
"""After this many batches, about a million points, the wanted rows are taken not to exist."""


@dataclass(frozen=True)
class ScoredTarget(KnownAnswer):
    """Uniform points of [-π, π]^n_features, labelled by the sign of a function with values in [-1, 1].

    Points where its absolute value is `margin` or less are left out, and each class has half of the rows, in
    random order. Then each label is turned into the other one with probability `label_noise`, so that the best
    possible accuracy on noisy rows is 1 - label_noise in expectation; the features do not depend on it.
    """

    n_features: int = 4
    margin: float = 0.05
    label_noise: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, 1)
        check_number("margin", self.margin, 0, 1)
        check_number("label_noise", self.label_noise, 0, 0.5)

    @abstractmethod
    def weights(self, random: np.random.Generator) -> np.ndarray:
        """What singles the function out, from the generator."""

    @abstractmethod
    def scores(self, points: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """The function at these points (batch, n_features), float64 (batch,)."""

    def points(self) -> tuple[np.ndarray, np.ndarray]:
        # Streams of their own: neither the margin nor the noise changes what the others draw.
        of_weights, of_points, of_order, of_noise = np.random.default_rng(self.seed).spawn(4)
        weights = self.weights(of_weights)
        half = self.n_samples // 2
        kept: dict[int, list[np.ndarray]] = {-1: [], 1: []}
        counts = {-1: 0, 1: 0}
        for _ in range(MOST_BATCHES):
            candidates = of_points.uniform(-np.pi, np.pi, (CANDIDATES, self.n_features))
            scores = self.scores(candidates, weights)
            for label, rows in kept.items():
                rows.append(candidates[label * scores > self.margin])
                counts[label] += len(rows[-1])
            if min(counts.values()) >= half:
                break
        else:
            label = min(counts, key=lambda label: counts[label])
            raise StudyError(
                f"data.margin={self.margin:g} leaves {counts[label]} of {MOST_BATCHES * CANDIDATES} points with the "
                f"label {label} at data.seed={self.seed}, and half of data.n_samples={self.n_samples} are wanted: "
                "choose a smaller margin or another seed."
            )
        order = of_order.permutation(self.n_samples)
        points = np.concatenate([np.concatenate(kept[label])[:half] for label in (-1, 1)])[order]
        labels = np.repeat(np.array([-1, 1], dtype=np.int64), half)[order]
        return points, np.where(of_noise.random(self.n_samples) < self.label_noise, -labels, labels)
