"""What a table must satisfy before anything is split, fitted or written."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.data.columns import kind_of, read_cells
from study.data.table import Table
from study.errors import StudyError

FEW_CATEGORIES = 10
"""Up to this many categories a text column is never taken for free text, however few the rows."""
MOSTLY = 0.9
"""Above this share a text column is taken for what most of its values are: dates, or numbers with slips."""


def check_target(table: Table) -> None:
    """Raises StudyError on a target without variation, a class of one row, or a regression of something not numeric."""
    name = table.target.name
    if len(table.target) == 0:
        raise StudyError(f"The dataset {table.name!r} has no rows.")
    if table.target.nunique() < 2:
        raise StudyError(
            f"The target {name!r} of {table.name!r} is constant: all {len(table.target)} rows hold "
            f"{str(table.target.iloc[0])!r}, so there is nothing to learn."
        )
    if table.task == "regression":
        cells = read_cells(table.target, "numeric")
        if cells.unreadable.any():
            raise StudyError(
                f"The target {name!r} of {table.name!r} is not numeric "
                f"({str(table.target[cells.unreadable].iloc[0])!r}); a regression needs numbers."
            )
        return
    single = [
        label for label, count in zip(table.classes, np.bincount(table.codes), strict=True) if count == 1
    ]
    if single:
        shown = ", ".join(map(repr, single[:10])) + (
            f" and {len(single) - 10} more" if len(single) > 10 else ""
        )
        raise StudyError(
            f"The target {name!r} of {table.name!r} has {len(single)} of {len(table.classes)} classes with a "
            f"single sample ({shown}); a class needs at least two. Merge or remove them, or, if the target "
            "is a quantity, set data.task=regression. (Classification, because: "
            f"{table.task_reason or 'the dataset says so'}.)"
        )


def check_features(features: pd.DataFrame, name: str, max_categories: int) -> None:
    """Raises StudyError on a table without features and on columns that are none: dates, free text, empty ones."""
    if features.shape[1] == 0:
        raise StudyError(f"The dataset {name!r} has no feature columns left besides the target.")
    for column in features.columns:
        series = features[column]
        kind = kind_of(series)
        if series.isna().all():
            raise StudyError(
                f"The column {column!r} holds no value at all; set it aside with data.drop=[{column!r}]."
            )
        if kind == "categorical":
            _check_cardinality(series, max_categories)


def _check_cardinality(series: pd.Series, max_categories: int) -> None:
    cells = read_cells(series, "categorical")
    texts = pd.Series(cells.values[cells.present], dtype=str)
    distinct = texts.nunique()
    if distinct <= FEW_CATEGORIES:
        return
    example = texts.iloc[0]
    found = (
        f"The column {series.name!r} holds {distinct} different texts in {len(texts)} rows (such as "
        f"{example!r})"
    )
    aside = f"set it aside with data.drop=[{series.name!r}]"
    if pd.to_datetime(texts, format="ISO8601", errors="coerce", utc=True).notna().mean() > MOSTLY:
        raise StudyError(
            f"{found}, which are dates: {aside}, turn it into numbers, or, if it tells the order of the "
            f"rows, use split=time split.time={series.name}."
        )
    numbers = read_cells(texts, "numeric").present
    if MOSTLY < numbers.mean() < 1:
        raise StudyError(
            f"{found}; nearly all are numbers, but {texts[~numbers].iloc[0]!r} is none. Correct the file (an "
            f"empty cell is a missing value; codes are told from numbers by a letter in front), or {aside}."
        )
    if 2 * distinct > len(texts):
        raise StudyError(
            f"{found}: an identifier or free text, not a category. In a data file, {aside}; if it names a "
            f"group of rows, use split=group split.group={series.name}."
        )
    if distinct > max_categories:
        raise StudyError(
            f"{found}, and each would become an input. In a data file, {aside}, or merge its rare values; to "
            f"go on as it is, raise preprocessing.max_categories={max_categories}."
        )
