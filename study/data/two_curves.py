"""Two copies of a curve, one of them shifted."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.legacy_stream import LegacyStream
from study.data.options import check_number, check_whole


@dataclass(frozen=True)
class TwoCurves(LegacyStream):
    """A random curve, whose coordinates are Fourier series in t, and the same curve shifted in every coordinate.

    Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, "two curves". Coordinate i at t, uniform in [0, 1], is
    a_i0 + b_i0 + Σ_k a_ik cos(πkt) + b_ik sin(πkt), k up to `degree`; all a and b are uniform in [0, 1] and
    divided by their common Euclidean norm. `noise` is the standard deviation of Gaussian noise on each coordinate;
    the label is -1 on the curve and 1 on the one shifted by `offset`.

    Known answer: a curve's curvature grows with `degree`, and the room between the curves with `offset`; without
    noise the nearest curve is right wherever the two do not meet.

    The features are standardised over all rows, before any split, and the period is 2 while t covers 1, so that the
    curve is open; both as in the published code.
    """

    n_features: int = 10
    degree: int = 5
    offset: float = 0.1
    noise: float = 0.01

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_features", self.n_features, 1)
        check_whole("degree", self.degree, 1)
        check_number("offset", self.offset, 0)
        check_number("noise", self.noise, 0)

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        half = self.n_samples // 2
        coefficients = random.uniform(size=(self.n_features, self.degree + 1, 2))
        coefficients /= np.linalg.norm(coefficients)
        times = np.empty(self.n_samples)
        points = np.empty((self.n_samples, self.n_features))
        for row in range(
            self.n_samples
        ):  # a time, then its noise: the order in which the published code draws
            times[row] = random.random_sample()
            points[row] = random.normal(0, self.noise, self.n_features)
        angles = np.pi * np.outer(times, np.arange(self.degree + 1))  # (n_samples, degree + 1)
        # At frequency 0 both coefficients count as constants, where a series has but one.
        sines = np.where(np.arange(self.degree + 1) == 0, 1.0, np.sin(angles))
        points += np.cos(angles) @ coefficients[:, :, 0].T + sines @ coefficients[:, :, 1].T
        points[half:] += self.offset
        points = (points - points.mean(axis=0)) / points.std(axis=0)
        return points, np.repeat(np.array([-1, 1], dtype=np.int64), half)
