"""Group k-fold: rows of one group are never on two sides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from study.data.missing import missing_mask
from study.data.names import listed, nearest
from study.data.splits.base import Parts, Split
from study.data.splits.strata import strata
from study.data.table import Table
from study.errors import StudyError

N_CANDIDATES = 100


@dataclass(frozen=True, kw_only=True)
class Group(Split):
    """Groups are the values of the column `group`: patients, sites, batches. Each is in one part only.

    Classification uses stratified group k-fold, regression shuffled group k-fold. The validation part is the
    best of `N_CANDIDATES` random draws of whole groups: nearest to the wanted fraction of every stratum.
    """

    group: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.group:
            raise StudyError("split=group needs the column that names the groups: split.group=<column>.")

    @property
    def columns(self) -> tuple[str, ...]:
        return (str(self.group),)

    def divide(self, table: Table) -> Parts:
        from sklearn.model_selection import GroupKFold, StratifiedGroupKFold

        groups = self._groups(table)
        labels = strata(table, self.n_folds)
        folds = StratifiedGroupKFold if table.task == "classification" else GroupKFold
        seed = self.random_state(table, "test")
        splitter = folds(self.n_folds, shuffle=True, random_state=seed)
        rest, test = list(splitter.split(np.zeros(len(labels)), labels, groups))[self.fold]
        random = np.random.default_rng(self.random_state(table, "validation", self.fold))
        held_out = _whole_groups(groups[rest], labels[rest], self.validation_fraction, random)
        return Parts(train=rest[~held_out], validation=rest[held_out], test=test)

    def _groups(self, table: Table) -> np.ndarray:
        """The number of each row's group, int64 (n_rows,)."""
        column = split_column(table, "group", str(self.group))
        groups, names = pd.factorize(column)
        needed = max(self.n_folds, 3)
        if len(names) < needed:
            raise StudyError(
                f"split.group={self.group} has {len(names)} groups; split.n_folds={self.n_folds} needs at "
                f"least {needed} (training, validation and test are made of different groups)."
            )
        return groups


def split_column(table: Table, option: str, name: str) -> pd.Series:
    """The column that a split reads. Raises StudyError when it is not there or has gaps."""
    columns = [str(column) for column in table.features.columns]
    if name in table.ignored:
        raise StudyError(
            f"split.{option}={name} was set aside by data.drop; leave it out there (a column that splits is "
            "never a feature)."
        )
    if name == table.target.name:
        raise StudyError(f"split.{option}={name} is the target; choose another of {listed(columns)}.")
    if name not in columns:
        raise StudyError(
            f"split.{option}={name} is not a column of {table.name!r}{nearest(name, columns)}. Its columns: "
            f"{listed(columns)}."
        )
    gaps = int(missing_mask(table.features[name]).sum())
    if gaps:
        raise StudyError(
            f"split.{option}={name} has {gaps} missing values, so these rows belong nowhere: complete the "
            "column or remove the rows (data.missing=drop)."
        )
    return table.features[name]


def _whole_groups(
    groups: np.ndarray, labels: np.ndarray, fraction: float, random: np.random.Generator
) -> np.ndarray:
    """Which rows to hold out, bool (n_rows,): whole groups, nearest to `fraction` of each stratum.

    Draws that would leave a stratum without a row to train on lose against those that do not.
    """
    counts = pd.crosstab(groups, labels).to_numpy()  # (n_groups, n_strata)
    names = np.unique(groups)
    total = counts.sum(axis=0)
    best: tuple[float, np.ndarray] | None = None
    for _ in range(N_CANDIDATES):
        order = random.permutation(len(names))
        taken = counts[order].cumsum(axis=0)[:-1]  # (n_groups - 1, n_strata): at least one group stays
        distance = np.abs(taken - fraction * total).sum(axis=1) + len(labels) * (taken == total).sum(axis=1)
        size = int(distance.argmin())
        if best is None or distance[size] < best[0]:
            best = (float(distance[size]), names[order[: size + 1]])
    assert best is not None
    return np.isin(groups, best[1])
