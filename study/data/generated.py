"""What the generated two-dimensional problems have in common."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from study.data.options import check_number, check_whole
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class Generated(Dataset):
    """Two classes in the plane. `noise` is the standard deviation of Gaussian noise on both coordinates."""

    n_samples: int = 400
    noise: float = 0.1
    seed: int = 0
    confidentiality: str = field(default="public", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_whole("n_samples", self.n_samples, 2)
        check_whole("seed", self.seed, 0)
        check_number("noise", self.noise, 0)

    @abstractmethod
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The points, float64 (n_samples, 2), and their labels 0 and 1, int64 (n_samples,)."""

    def load(self) -> Table:
        points, labels = self.points()
        name = type(self).__name__.lower()
        features = pd.DataFrame(points, columns=["x", "y"])
        target = pd.Series(labels.astype(np.int64), name="target")
        reason = f"{name} is a classification by its definition"
        return Table(name, features, target, "classification", self.confidentiality, task_reason=reason)
