"""Labels by the parity of hyperplanes that have a point on their positive side."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.legacy_stream import LegacyStream
from study.data.options import check_whole
from study.errors import StudyError


@dataclass(frozen=True)
class HyperplanesParity(LegacyStream):
    """Is the number of hyperplanes with w · z + b > 0 odd? z is Gaussian, and is seen as z E, standardised.

    Bowles, Ahmed and Schuld (2024), arXiv:2403.07059, "hyperplanes and parity". z has `dim_hyperplanes` components;
    w, b and the embedding E (dim_hyperplanes, n_features) are uniform in [0, 1]. The label is 1 for an odd
    number. Rows with an even number come first, and there are as many of either.

    Known answer: every row is right under a network with `n_hyperplanes` threshold units and their parity; where
    n_features ≥ dim_hyperplanes, z can be read off the features by a linear map.

    The features are standardised over all rows, before any split, as in the published code. Deviation: where 4 ×
    n_samples candidates do not hold enough rows of either class, the published code stops on an assertion.
    """

    n_features: int = 10
    n_hyperplanes: int = 3
    dim_hyperplanes: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        for option in ("n_features", "n_hyperplanes", "dim_hyperplanes"):
            check_whole(option, getattr(self, option), 1)

    def draw(self, random: np.random.RandomState) -> tuple[np.ndarray, np.ndarray]:
        half = self.n_samples // 2
        normals = random.uniform(size=(self.n_hyperplanes, self.dim_hyperplanes))
        offsets = random.uniform(size=self.n_hyperplanes)
        candidates = random.normal(size=(4 * self.n_samples, self.dim_hyperplanes))
        odd = (candidates @ normals.T + offsets > 0).sum(axis=1) % 2 == 1
        if min(odd.sum(), (~odd).sum()) < half:
            raise StudyError(
                f"data.seed={self.seed} draws {self.n_hyperplanes} hyperplanes that put only "
                f"{min(odd.sum(), (~odd).sum())} of {len(odd)} candidates into one class, and half of "
                f"data.n_samples={self.n_samples} are wanted: choose another seed."
            )
        inner = np.concatenate(
            [candidates[~odd][:half], candidates[odd][:half]]
        )  # (n_samples, dim_hyperplanes)
        embedded = inner @ random.uniform(size=(self.dim_hyperplanes, self.n_features))
        points = (embedded - embedded.mean(axis=0)) / embedded.std(axis=0)
        return points, np.repeat(np.array([-1, 1], dtype=np.int64), half)
