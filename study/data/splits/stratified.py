"""Stratified k-fold: every part has the classes, or the spread of the quantity, in proportion."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.data.splits.base import Parts, Split
from study.data.splits.strata import strata
from study.data.table import Table


@dataclass(frozen=True, kw_only=True)
class Stratified(Split):
    """Shuffled k-fold on the classes, or on quantile bins of a regression target."""

    def divide(self, table: Table) -> Parts:
        from sklearn.model_selection import StratifiedKFold

        labels = strata(table, self.n_folds)
        folds = StratifiedKFold(self.n_folds, shuffle=True, random_state=self.random_state(table, "test"))
        rest, test = list(folds.split(np.zeros(len(labels)), labels))[self.fold]
        random = np.random.default_rng(self.random_state(table, "validation", self.fold))
        held_out = _proportional(labels[rest], self.validation_fraction, random)
        return Parts(train=rest[~held_out], validation=rest[held_out], test=test)


def _proportional(labels: np.ndarray, fraction: float, random: np.random.Generator) -> np.ndarray:
    """Which rows to hold out, bool (n_rows,): `fraction` of each stratum, at least one and never all.

    scikit-learn's StratifiedShuffleSplit promises only proportions: a rare class may miss from either side.
    """
    held_out = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        rows = random.permutation(np.flatnonzero(labels == label))
        wanted = max(1, round(fraction * len(rows)))
        held_out[rows[: min(wanted, len(rows) - 1)]] = True
    return held_out
