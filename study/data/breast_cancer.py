"""Breast cancer, Wisconsin (diagnostic)."""

from __future__ import annotations

from dataclasses import dataclass, field

from study.data.shipped import table_from_bunch
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class BreastCancer(Dataset):
    """569 tumours, 30 measurements of cell nuclei, benign or malignant (Street, Wolberg and Mangasarian, 1993)."""

    confidentiality: str = field(default="public", kw_only=True)

    def load(self) -> Table:
        from sklearn.datasets import load_breast_cancer

        return table_from_bunch(
            "breast_cancer", load_breast_cancer(as_frame=True), "classification", self.confidentiality
        )
