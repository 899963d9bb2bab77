"""Handwritten digits."""

from __future__ import annotations

from dataclasses import dataclass, field

from study.data.shipped import table_from_bunch
from study.data.table import Dataset, Table


@dataclass(frozen=True)
class Digits(Dataset):
    """1797 handwritten digits in ten classes, 8 x 8 pixels of 0 to 16 (Alpaydin and Kaynak, 1998)."""

    confidentiality: str = field(default="public", kw_only=True)

    def load(self) -> Table:
        from sklearn.datasets import load_digits

        return table_from_bunch("digits", load_digits(as_frame=True), "classification", self.confidentiality)
