"""Diabetes progression."""

from __future__ import annotations

from dataclasses import dataclass, field

from study.data.shipped import table_from_bunch
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class Diabetes(Dataset):
    """442 patients, 10 measurements in their own units, disease progression after a year (Efron et al., 2004)."""

    confidentiality: str = field(default="public", kw_only=True)

    def load(self) -> Table:
        from sklearn.datasets import load_diabetes

        return table_from_bunch(
            "diabetes", load_diabetes(as_frame=True, scaled=False), "regression", self.confidentiality
        )
