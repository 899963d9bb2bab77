"""The three kinds of feature column, and the one way in which cells are read as values of a kind."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from study.data.table import label_text
from study.errors import StudyError

Kind = Literal["numeric", "categorical", "boolean"]

_INFERRED: dict[str, Kind] = {
    "string": "categorical",
    "categorical": "categorical",
    "mixed": "categorical",
    "mixed-integer": "categorical",
    "boolean": "boolean",
    "integer": "numeric",
    "floating": "numeric",
    "mixed-integer-float": "numeric",
    "decimal": "numeric",
    "empty": "numeric",
}
_TRUTHS = {"true": 1.0, "false": 0.0, "1": 1.0, "0": 0.0}


@dataclass(frozen=True, eq=False)
class Cells:
    """A column read as one kind; all arrays are (n_rows,).

    `values` is float64 for a numeric or boolean column (NaN where there is none) and text for a categorical
    one (None where there is none). `missing` marks cells that are empty or infinite, `infinite` the latter alone,
    `unreadable` those that hold something else than the kind asks for.
    """

    values: np.ndarray
    missing: np.ndarray
    infinite: np.ndarray
    unreadable: np.ndarray

    @property
    def present(self) -> np.ndarray:
        """Which cells hold a usable value, bool (n_rows,)."""
        return ~(self.missing | self.unreadable)


def kind_or_none(series: pd.Series) -> Kind | None:
    """The kind of a column by its values; None for dates, bytes, lists and complex numbers, which have none."""
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    nested = inferred == "mixed" and not all(pd.api.types.is_scalar(value) for value in series.dropna())
    return None if nested else _INFERRED.get(inferred)


def described(series: pd.Series) -> str:
    """What the column holds, in words, for a message."""
    kind = kind_or_none(series)
    if kind is not None:
        return {"numeric": "numbers", "categorical": "text", "boolean": "truth values"}[kind]
    inferred = pd.api.types.infer_dtype(series, skipna=True)
    if inferred.startswith(("date", "time", "period", "interval")):
        return "dates or times"
    return {"mixed": "lists or other nested values", "bytes": "raw bytes"}.get(inferred, f"{inferred} values")


def kind_of(series: pd.Series) -> Kind:
    """The kind of a feature column. Raises StudyError on a column that has none."""
    kind = kind_or_none(series)
    if kind is None:
        raise StudyError(
            f"The column {series.name!r} holds {described(series)}, which is no feature as it stands: turn "
            "it into numbers or categories, set it aside with data.drop=[...], or, if it tells the order of "
            f"the rows, use split=time split.time={series.name}."
        )
    return kind


def read_cells(series: pd.Series, kind: Kind) -> Cells:
    """Read a column as `kind`, whatever dtype it arrived in: a file of new rows need not infer what training did."""
    absent = series.isna().to_numpy(dtype=bool, copy=True)
    if kind == "categorical":
        values = np.array([None if pd.isna(v) else label_text(v) for v in series], dtype=object)
        none = np.zeros(len(series), dtype=bool)
        return Cells(values, absent, none, none)
    if kind == "boolean":
        keys = [None if pd.isna(v) else label_text(v).strip().lower() for v in series]
        numbers = np.array([_TRUTHS.get(key, np.nan) if key else np.nan for key in keys], dtype=np.float64)
    else:
        coerced = pd.to_numeric(series.astype(object) if _is_opaque(series) else series, errors="coerce")
        numbers = coerced.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)
    unreadable = np.isnan(numbers) & ~absent
    infinite = np.isinf(numbers)
    missing = absent | infinite
    numbers[missing] = np.nan
    return Cells(numbers, missing, infinite, unreadable)


def _is_opaque(series: pd.Series) -> bool:
    """Category and object columns hide numbers (Decimal, categories of ints) that are read one by one."""
    return isinstance(series.dtype, pd.CategoricalDtype) or series.dtype == object
