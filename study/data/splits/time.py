"""Ordered split: the past is trained on, the future tested."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.data.splits.base import Parts, Split
from study.data.splits.group import split_column
from study.data.table import Table
from study.errors import StudyError


@dataclass(frozen=True, kw_only=True)
class Time(Split):
    """Expanding window over the rows in the order of the column `time`, or of the file.

    They are cut into n_folds + 1 stretches. Fold k is tested on stretch k + 1 and trained on all before it
    (so fold 0 has the least to train on, and the last fold the most); validation is the last
    `validation_fraction` of that. A cut never falls between rows of the same time: it moves to the first of
    them. `time` holds numbers, dates, or text in ISO 8601; parts are in time order.
    """

    time: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.repeat:
            raise StudyError(
                f"split.repeat={self.repeat} has no meaning with split=time: time has one order. Use 0."
            )

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.time,) if self.time else ()

    def divide(self, table: Table) -> Parts:
        moments = self._moments(table)
        order = np.argsort(moments, kind="stable")
        ordered = moments[order]
        n_rows = len(order)
        stretch = n_rows // (self.n_folds + 1)
        if stretch == 0:
            raise StudyError(
                f"split.n_folds={self.n_folds} needs at least {self.n_folds + 1} rows in time order, and "
                f"{table.name!r} has {n_rows}."
            )
        test_start = n_rows - (self.n_folds - self.fold) * stretch  # as scikit-learn's TimeSeriesSplit
        test_end = _cut(ordered, test_start + stretch)
        test_start = _cut(ordered, test_start)
        validation_start = _cut(ordered, test_start - max(1, round(self.validation_fraction * test_start)))
        return Parts(
            train=order[:validation_start],
            validation=order[validation_start:test_start],
            test=order[test_start:test_end],
        )

    def _moments(self, table: Table) -> np.ndarray:
        """Each row's moment, as something that sorts, (n_rows,)."""
        if self.time is None:
            return np.arange(len(table.target))
        column = split_column(table, "time", self.time)
        if pd.api.types.is_numeric_dtype(column.dtype):
            return column.to_numpy(dtype=np.float64)
        parsed = pd.to_datetime(column, format="ISO8601", errors="coerce", utc=True)
        if parsed.isna().any():
            example = column[parsed.isna()].iloc[0]
            raise StudyError(
                f"split.time={self.time} holds {str(example)!r}, which is neither a number nor a date in ISO "
                "8601 (2026-11-21, 2026-11-21T10:00:00+01:00)."
            )
        moments: np.ndarray = parsed.dt.tz_localize(None).to_numpy()
        return moments


def _cut(ordered: np.ndarray, position: int) -> int:
    """The first position whose moment equals that at `position`: rows of one moment stay on one side."""
    if position >= len(ordered):
        return len(ordered)
    return int(np.searchsorted(ordered, ordered[max(position, 0)], side="left"))
