"""Noisy images of vertical bars or horizontal stripes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.legacy_stream import LegacyStream
from study.data.options import check_number, check_whole


@dataclass(frozen=True)
class BarsAndStripes(LegacyStream):
    """Images of -1 in which each row (label 1, stripes), or each column (label -1, bars), is 1 with probability 1/2.

    Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, "bars and stripes", with one channel and pixels in a row, line by
    line. `noise` is the standard deviation of Gaussian noise on each pixel.

    Known answer: the empty and the full image are both, so that even without noise nobody can be right on more than
    1 - min(2^-height, 2^-width) of the images; 93.75 % for 4 × 4. The classes are as large as they fall, so
    `n_samples` may be odd.
    """

    height: int = 4
    width: int = 4
    noise: float = 0.5

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("height", self.height, 1)
        check_whole("width", self.width, 1)
        check_number("noise", self.noise, 0)

    def check_samples(self) -> None:
        check_whole("n_samples", self.n_samples, 2)

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        images = np.empty((self.n_samples, self.height, self.width))
        labels = np.empty(self.n_samples, dtype=np.int64)
        for image in range(self.n_samples):
            striped = random.random_sample() > 0.5
            lit = random.random_sample(self.height if striped else self.width) > 0.5
            pattern = np.where(lit, 1.0, -1.0)
            images[image] = pattern[:, None] if striped else pattern
            images[image] += random.normal(0, self.noise, (self.height, self.width))
            labels[image] = 1 if striped else -1
        return images.reshape(self.n_samples, -1), labels
