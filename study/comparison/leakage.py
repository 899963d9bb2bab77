"""Whether anything that is fitted knows rows that it must not know, found out before a model is."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
import pandas as pd

from study.comparison.given_split import Given
from study.data.columns import kind_of, read_cells
from study.data.prepare import Prepared, prepare
from study.data.preprocessing import Preprocessor
from study.data.splits.base import Split
from study.data.table import Table
from study.report.words import counted, listed

DUPLICATES, SCALED = "duplicates", "scaled"
ACCEPTABLE = (DUPLICATES, SCALED)
"""Findings that a study may accept by name, because they can be a property of the data."""

KNOWN, JUDGED = 1, 2
"""Where a row is in a split: trained or tuned on, or in the test part."""

SHOWN = 10
MOST_PAIRS, MOST_LOOKED = 10_000, 50_000_000
"""In a table of few different rows the pairs are as many as the square of its rows: counting ends at these."""

TIGHT = 1e-9
MOST = 0.5
"""Of the numeric columns: a single one may have mean 0 and deviation 1 by itself."""


def find_leaks(
    table: Table, splits: Sequence[Split], preprocessor: Preprocessor, accepted: Sequence[str] = ()
) -> tuple[list[str], list[str]]:
    """What is wrong with these splits of the table, a sentence each.

    - Rows that are alike in all features lie in the training and in the test part of one split.
    - Inputs of the training part change when test rows do, or those of the test part fit too well: a step was fitted
      on more than the training part.
    - The columns were standardised over all rows, test rows among them, before the study saw them.

    Args:
        table: as loaded.
        splits: all of the study.
        preprocessor: not fitted.
        accepted: of `ACCEPTABLE`; such findings are returned apart.

    Returns:
        Leaks, and findings that were accepted.

    Raises:
        StudyError: a split cannot be made of the table.
    """
    leaks: list[str] = []
    tolerated: list[str] = []

    def found(kind: str, sentence: str | None) -> None:
        if sentence is not None:
            (tolerated if kind in accepted else leaks).append(sentence)

    found(DUPLICATES, _duplicates(table, splits))
    found(SCALED, _scaled_before(table))
    for split in splits:
        sentence = _fitted_on_more(table, split, preprocessor)
        if sentence is not None:
            leaks.append(f"{sentence} (fold {split.fold} of repeat {split.repeat}).")
            break  # the others will say the same
    return leaks, tolerated


def _duplicates(table: Table, splits: Sequence[Split]) -> str | None:
    """Rows of a test part that are alike in every feature to a row that is trained or tuned on.

    Rows are numbered from 1 as in the file, also where incomplete ones were dropped.
    """
    alike = pd.util.hash_pandas_object(
        table.features.drop(columns=list(splits[0].columns)), index=False
    ).to_numpy()
    codes = np.zeros((len(splits), len(alike)), dtype=np.int8)
    affected: list[Split] = []
    for split, code in zip(splits, codes, strict=True):
        parts = split.parts(table)
        known = np.concatenate([parts.train, parts.validation])
        code[known], code[parts.test] = KNOWN, JUDGED
        if np.isin(alike[parts.test], alike[known]).any():
            affected.append(split)
    if not affected:
        return None
    pairs, all_found = _pairs(alike, codes)
    count = f"{len(pairs):,}" if all_found else f"more than {len(pairs):,}"
    what = "pair of rows is" if all_found and len(pairs) == 1 else "pairs of rows are"
    numbers = np.asarray(table.features.index) + 1
    told = "; ".join(f"{numbers[one]} and {numbers[other]}" for one, other in pairs[:SHOWN])
    rest = "; …" if len(pairs) > SHOWN or not all_found else ""
    return (
        f"leak: in {table.name!r} {count} {what} alike in every feature, one row in the test part and the other among "
        f"those that models are trained or tuned on, in {len(affected)} of {counted(len(splits), 'fold')} "
        f"({_folds(affected)}). Rows, counted from 1 without a header: {told}{rest}. Remove the repeated rows, keep "
        "them together with split=group, or, where they are in the nature of the data, set "
        f"study.protocol.accept=[{DUPLICATES}]."
    )


def _pairs(alike: np.ndarray, codes: np.ndarray) -> tuple[list[tuple[int, int]], bool]:
    """Positions of rows that are alike and on both sides of a split, in their order, and whether these are all.

    Args:
        alike: a number a row, the same for rows that are alike, (n_rows,).
        codes: of each split, where a row is: KNOWN, JUDGED or 0, (n_splits, n_rows).
    """
    _, group, sizes = np.unique(alike, return_inverse=True, return_counts=True)
    order = np.argsort(group, kind="stable")
    members = np.split(order, np.cumsum(sizes)[:-1])
    found: list[tuple[int, int]] = []
    looked = 0
    for row in np.flatnonzero(sizes[group] > 1):
        own = members[group[row]]
        later = own[own > row]
        # In one split the two codes add up to this if, and only if, one row is known and the other judged.
        apart = (codes[:, later] + codes[:, [row]] == KNOWN + JUDGED).any(axis=0)
        found += [(int(row), int(other)) for other in later[apart]]
        looked += later.size * len(codes)
        if len(found) > MOST_PAIRS or looked > MOST_LOOKED:
            return found[:MOST_PAIRS], False
    return found, True


def _folds(splits: Sequence[Split]) -> str:
    """As in "folds 0 and 2 of repeat 0; fold 1 of repeat 1"."""
    by_repeat: dict[int, list[str]] = {}
    for split in splits:
        by_repeat.setdefault(split.repeat, []).append(str(split.fold))
    return "; ".join(
        f"fold{'s' if len(folds) > 1 else ''} {listed(folds)} of repeat {repeat}"
        for repeat, folds in by_repeat.items()
    )


def _scaled_before(table: Table) -> str | None:
    numeric = [name for name in table.features.columns if kind_of(table.features[name]) == "numeric"]
    if not numeric:
        return None
    columns = np.stack([read_cells(table.features[name], "numeric").values for name in numeric], axis=1)
    columns = columns[np.isfinite(columns).all(axis=1)]
    if len(columns) < 3 or _standardised(columns).mean() <= MOST:
        return None
    return (
        f"leak: the columns of {table.name!r} have mean 0 and one common deviation over all rows, so that they were "
        "standardised before the split, with the test rows. Give the data as they were measured, or, where there is no "
        f"other form of them, set study.protocol.accept=[{SCALED}]."
    )


def _standardised(columns: np.ndarray) -> np.ndarray:
    """Which columns (n_rows, n_columns) were divided by their deviation after their mean was taken off, bool."""
    n_rows = len(columns)
    deviations = columns.std(axis=0)
    centred = np.abs(columns.mean(axis=0)) < TIGHT * np.maximum(deviations, TIGHT)
    units = (1.0, np.sqrt((n_rows - 1) / n_rows), 1 / np.sqrt(n_rows))  # by n, by n - 1, to length 1
    one = np.zeros(columns.shape[1], dtype=bool)
    for unit in units:
        one |= np.abs(deviations / unit - 1) < TIGHT
    result: np.ndarray = centred & one
    return result


def _fitted_on_more(table: Table, split: Split, preprocessor: Preprocessor) -> str | None:
    parts = split.parts(table)
    given = Given(
        given=parts, read=split.columns, n_folds=split.n_folds, fold=split.fold, repeat=split.repeat
    )
    plain = prepare(table, given, preprocessor)
    for name, rows in (("test", parts.test), ("validation", parts.validation)):
        moved = prepare(_moved(table, rows), given, preprocessor)
        if not np.array_equal(moved.train.inputs, plain.train.inputs):
            return (
                f"leak: the inputs of the training part change when rows of the {name} part do, so that a step of the "
                f"preprocessing ({type(preprocessor).__name__}) was fitted on more than the training part"
            )
    if _knows_all(plain):
        return (
            "leak: the inputs have mean 0 and deviation 1 over all rows and not over the training part, so that a step "
            f"of the preprocessing ({type(preprocessor).__name__}) was fitted on the test part as well"
        )
    return None


def _moved(table: Table, rows: np.ndarray) -> Table:
    """The table with other numbers in these rows, and with their categories rotated among them."""
    features = table.features.copy()
    for name in features.columns:
        series = features[name]
        if kind_of(series) == "numeric" and pd.api.types.is_numeric_dtype(series.dtype):
            values = series.to_numpy(dtype=np.float64, na_value=np.nan).copy()
            values[rows] = 3 * values[rows] + 7
            features[name] = values
        else:
            features[name] = series.iloc[_rotated(len(series), rows)].set_axis(series.index)
    return dataclasses.replace(table, features=features)


def _rotated(n_rows: int, rows: np.ndarray) -> np.ndarray:
    positions = np.arange(n_rows)
    positions[rows] = np.roll(rows, 1)
    return positions


def _knows_all(data: Prepared) -> bool:
    everything = np.concatenate([part.inputs for part in (data.train, data.validation, data.test)])
    over_all, over_train = _standardised(everything), _standardised(data.train.inputs)
    varied = np.ptp(everything, axis=0) > 0
    return bool(varied.any() and (over_all & ~over_train)[varied].mean() > MOST)
