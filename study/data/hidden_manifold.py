"""Points of a low-dimensional manifold, labelled by a network that sees the manifold's own coordinates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.legacy_stream import LegacyStream
from study.data.options import check_whole


@dataclass(frozen=True)
class HiddenManifold(LegacyStream):
    """Gaussian coordinates c on a manifold, seen as x = tanh(c F / √m - b) and labelled by v · tanh(W c) / √m.

    Goldt, Mézard, Krzakala and Zdeborová (2020), arXiv:1909.11500, with the biases b and the choices of Bowles, Ahmed
    and Schuld (2024), arXiv:2403.07059, "hidden manifold". F (m, n_features), W (m, m) and v (m,) are Gaussian, b is
    uniform in [-1, 1], m is `manifold_dimension`. The label is 1 at or above the median of the network's output
    over all rows, so that the classes are equally large.

    Known answer: the rule has m hidden units, so a small network expresses it wherever x determines c
    (n_features ≥ m); below that, some information about c is lost.
    """

    n_features: int = 10
    manifold_dimension: int = 6

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, 1)
        check_whole("manifold_dimension", self.manifold_dimension, 1)

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        dimension = self.manifold_dimension
        embedding = random.normal(size=(dimension, self.n_features))
        coordinates = random.normal(size=(self.n_samples, dimension))
        biases = 2 * random.uniform(size=self.n_features) - 1
        points = np.tanh(coordinates @ embedding / np.sqrt(dimension) - biases)
        inner = random.normal(size=(dimension, dimension))
        outer = random.normal(size=dimension)
        outputs = np.tanh(coordinates @ inner.T) @ outer / np.sqrt(dimension)
        return points, np.where(outputs < np.median(outputs), -1, 1).astype(np.int64)
