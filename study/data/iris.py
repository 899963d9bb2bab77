"""Iris."""

from __future__ import annotations

from dataclasses import dataclass, field

from study.data.shipped import table_from_bunch
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class Iris(Dataset):
    """150 flowers of three species, 4 lengths in cm (Fisher, 1936)."""

    confidentiality: str = field(default="public", kw_only=True)

    def load(self) -> Table:
        from sklearn.datasets import load_iris

        return table_from_bunch("iris", load_iris(as_frame=True), "classification", self.confidentiality)
