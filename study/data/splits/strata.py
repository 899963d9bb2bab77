"""Strata: what a split keeps in proportion, classes or bins of a quantity."""

from __future__ import annotations

import numpy as np

from study.data.columns import read_cells
from study.data.table import Table
from study.errors import StudyError

MAX_BINS = 10


def strata(table: Table, n_folds: int) -> np.ndarray:
    """The stratum of each row, int64 (n_rows,): its class, or the quantile bin of its target.

    A quantity has up to `MAX_BINS` bins of nearly equal size, fewer when a bin would not fill every fold.
    Raises StudyError when a class, or the table, has fewer rows than there are folds.
    """
    if table.task == "classification":
        counts = np.bincount(table.codes)
        smallest = int(counts.argmin())
        if counts[smallest] < n_folds:
            raise StudyError(
                f"split.n_folds={n_folds} is more than the class {table.classes[smallest]!r} of "
                f"{table.name!r} has rows ({counts[smallest]}): choose "
                f"split.n_folds={max(2, counts[smallest])} or fewer, or merge the class."
            )
        return table.codes
    n_rows = len(table.target)
    if n_rows <= n_folds:
        raise StudyError(
            f"split.n_folds={n_folds} needs more than {n_folds} rows, and {table.name!r} has {n_rows}."
        )
    n_bins = int(np.clip(n_rows // (2 * n_folds), 1, MAX_BINS))
    order = np.argsort(read_cells(table.target, "numeric").values, kind="stable")
    bins = np.empty(n_rows, dtype=np.int64)
    bins[order] = np.arange(n_rows) * n_bins // n_rows
    return bins
