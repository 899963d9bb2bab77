"""Points on either side of one plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.legacy_stream import LegacyStream
from study.data.options import check_number, check_whole
from study.errors import StudyError

MARGIN_PER_FEATURE = 0.02
"""The published benchmark takes this much margin for each feature."""


@dataclass(frozen=True)
class LinearlySeparable(LegacyStream):
    """Uniform points of the cube [-1, 1]^n_features, divided by the plane whose normal is (1, …, 1).

    Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, "linearly separable". The label is -1 where the sum of the
    features is positive, as in the published code. Points are kept where its absolute value exceeds `margin`
    (None: 0.02 × n_features, as in the paper's benchmark).

    Known answer: a linear model is right on every row, and nothing can be better.

    Deviation: where too few of the 2 × n_samples candidates lie outside the margin, the published code returns fewer
    rows; this is an error here. The classes are as large as they fall, so `n_samples` may be odd.
    """

    n_features: int = 4
    margin: float | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, 1)
        if self.margin is not None:
            check_number("margin", self.margin, 0, self.n_features)

    def check_samples(self) -> None:
        check_whole("n_samples", self.n_samples, 2)

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        margin = MARGIN_PER_FEATURE * self.n_features if self.margin is None else self.margin
        candidates = 2 * random.random_sample((2 * self.n_samples, self.n_features)) - 1
        outside = candidates[np.abs(candidates.sum(axis=1)) > margin]
        if len(outside) < self.n_samples:
            raise StudyError(
                f"data.margin={margin:g} leaves {len(outside)} of {2 * self.n_samples} candidates, and "
                f"data.n_samples={self.n_samples} rows are wanted: choose a smaller margin."
            )
        points = outside[: self.n_samples]
        return points, np.where(points.sum(axis=1) > 0, -1, 1).astype(np.int64)
