"""What a condition does to the rows that an entrant is given: fewer of them, or labels with noise."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pandas as pd

from study.comparison.evidence import Condition
from study.comparison.given_split import Given
from study.data.columns import read_cells
from study.data.splits.base import Parts, Split
from study.data.splits.strata import MAX_BINS
from study.data.table import Table


def under(condition: Condition, table: Table, split: Split) -> tuple[Table, Given]:
    """The table and the split as all entrants have them under a condition.

    With a `fraction`, training and validation part both shrink, each stratum in proportion and nested: the rows of a
    smaller fraction are among those of a larger one. `label_noise` changes targets of the training and the validation
    part alone: a class is replaced by another one, drawn evenly; a quantity is moved by normal noise of so many
    standard deviations of the training targets. Test rows stay as they are.

    Raises:
        StudyError: the split cannot be made, or too few rows are left for every class.
    """
    parts = split.parts(table)
    if condition.fraction < 1:
        parts = Parts(
            train=_share(table, parts.train, condition.fraction, split),
            validation=_share(table, parts.validation, condition.fraction, split),
            test=parts.test,
        )
    if condition.label_noise > 0:
        table = _noisy(table, parts, condition.label_noise, split)
    return table, Given(
        given=parts, read=split.columns, n_folds=split.n_folds, fold=split.fold, repeat=split.repeat
    )


def _share(table: Table, rows: np.ndarray, fraction: float, split: Split) -> np.ndarray:
    """The first rows of a shuffle in each stratum, at least one each, in the order of `rows`."""
    random = np.random.default_rng(_seed(table, split, "fraction"))
    strata = table.codes[rows] if table.task == "classification" else _bins(table, rows)
    kept = np.zeros(len(rows), dtype=bool)
    for stratum in np.unique(strata):
        members = random.permutation(np.flatnonzero(strata == stratum))
        kept[members[: max(1, round(fraction * len(members)))]] = True
    return rows[kept]


def _bins(table: Table, rows: np.ndarray) -> np.ndarray:
    values = read_cells(table.target, "numeric").values[rows]
    ranks = np.argsort(np.argsort(values, kind="stable"), kind="stable")
    return ranks * min(MAX_BINS, max(1, len(rows) // 5)) // len(rows)


def _noisy(table: Table, parts: Parts, noise: float, split: Split) -> Table:
    random = np.random.default_rng(_seed(table, split, "label noise"))
    rows = np.concatenate([parts.train, parts.validation])
    target = table.target.copy()
    if table.task == "regression":
        values = read_cells(table.target, "numeric").values
        values[rows] += noise * float(np.std(values[parts.train])) * random.standard_normal(len(rows))
        target = pd.Series(values, index=target.index, name=target.name)
    else:
        chosen = random.permutation(rows)[: round(noise * len(rows))]
        shift = random.integers(1, len(table.classes), size=len(chosen))
        # A row of each class, to take the label as the table has it, whatever its type.
        shown = np.array([int(np.flatnonzero(table.codes == code)[0]) for code in range(len(table.classes))])
        others = shown[(table.codes[chosen] + shift) % len(table.classes)]
        target.iloc[chosen] = table.target.iloc[others].to_numpy()
    return dataclasses.replace(table, target=target)


def _seed(table: Table, split: Split, purpose: str) -> int:
    """A function of the data and the split alone: every entrant has the same rows and the same noise."""
    text = f"{table.fingerprint} {split.random_state(table, purpose)} {split.fold} {split.repeat}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "little")
