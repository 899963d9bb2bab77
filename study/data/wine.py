"""Wine recognition."""

from __future__ import annotations

from dataclasses import dataclass, field

from study.data.shipped import table_from_bunch
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class Wine(Dataset):
    """178 wines from three cultivars, 13 chemical measurements (Aeberhard and Forina, 1991)."""

    confidentiality: str = field(default="public", kw_only=True)

    def load(self) -> Table:
        from sklearn.datasets import load_wine

        return table_from_bunch("wine", load_wine(as_frame=True), "classification", self.confidentiality)
