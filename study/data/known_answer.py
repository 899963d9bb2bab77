"""What the datasets with a known answer have in common."""

from __future__ import annotations

import re
from abc import abstractmethod
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from study.data.options import LARGEST_SEED, check_even, check_whole
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class KnownAnswer(Dataset):
    """Two classes, -1 and 1, made by a rule that is known: they calibrate a comparison rather than being its subject.

    `n_samples` is even, because half of the rows are of each class. The rows depend on the options and on `seed`
    alone; NumPy's global random state is neither read nor changed.
    """

    n_samples: int = 300
    seed: int = 0
    confidentiality: str = field(default="public", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        self.check_samples()
        check_whole("seed", self.seed, 0, LARGEST_SEED)

    def check_samples(self) -> None:
        """Raises StudyError on a number of rows that cannot be made."""
        check_even("n_samples", self.n_samples, "half of the rows are of each class")

    @abstractmethod
    def points(self) -> tuple[np.ndarray, np.ndarray]:
        """The features, float64 (n_samples, n_features), and the labels -1 and 1, int64 (n_samples,)."""

    def load(self) -> Table:
        points, labels = self.points()
        name = re.sub(r"(?<!^)(?=[A-Z])", "_", type(self).__name__).lower()
        columns = [f"x{column}" for column in range(1, points.shape[1] + 1)]
        return Table(
            name,
            pd.DataFrame(points, columns=columns),
            pd.Series(labels, name="target"),
            "classification",
            self.confidentiality,
            task_reason=f"{name} is a classification by its definition",
        )
