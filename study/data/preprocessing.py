"""From columns to inputs: gaps filled, numbers scaled, categories one-hot; fitted on training rows and nothing else."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Literal, Self, get_args

import numpy as np
import pandas as pd
from pydantic import with_config

from study.data.columns import Kind, kind_of, read_cells
from study.data.missing import REFUSING, Policy, check_policy
from study.data.names import listed
from study.errors import StudyError

Scale = Literal["standard", "minmax", "none"]
SMALLEST_SPREAD = 1e-150
"""Columns that spread less than this count as constant: dividing by less overflows on ordinary values."""


@with_config(extra="forbid")
@dataclass(frozen=True)
class Encoder:
    """How one column becomes inputs.

    A numeric column gives (value - offset) / scale, a boolean one 0 or 1, a categorical one an indicator a
    category. `fill` replaces a missing value (None: refused). A `scale` of 0 marks a column that was constant
    in training: it taught nothing, so it is 0 wherever it is used, also where it later varies. A category
    that training did not show has no indicator, and all of them are 0.
    """

    name: str
    kind: Kind
    fill: float | str | None = None
    offset: float = 0.0
    scale: float = 1.0
    categories: tuple[str, ...] = ()

    @property
    def feature_names(self) -> list[str]:
        if self.kind == "categorical":
            return [f"{self.name}={category}" for category in self.categories]
        return [self.name]

    def encode(self, series: pd.Series) -> np.ndarray:
        """float64 (n_rows, n_columns). Raises StudyError on a value of another kind, or missing without a fill."""
        cells = read_cells(series, self.kind)
        if cells.unreadable.any():
            example = series[cells.unreadable].iloc[0]
            raise StudyError(
                f"The {self.kind} column {self.name!r} holds {str(example)!r}, which cannot be read as such."
            )
        if cells.missing.any() and self.fill is None:
            raise StudyError(
                f"The column {self.name!r} has {int(cells.missing.sum())} missing or infinite values, and "
                "the policy it was fitted with fills none."
            )
        values = cells.values
        values[cells.missing] = self.fill
        if self.kind == "categorical":
            return (values[:, None] == np.array(self.categories, dtype=object)).astype(np.float64)
        if self.scale == 0:
            return np.zeros((len(values), 1))
        encoded: np.ndarray = (values[:, None] - self.offset) / self.scale
        return encoded


@with_config(extra="forbid")
@dataclass(frozen=True)
class Preprocessor:
    """`scale` is standard (zero mean, unit variance), minmax (0 to 1) or none.

    `max_categories` is the number of categories beyond which a text column is refused. `fit` returns a fitted
    copy; the one it was called on stays as it is, so that one configured preprocessor serves many folds.
    """

    scale: Scale = "standard"
    max_categories: int = 100
    encoders: tuple[Encoder, ...] = ()

    def __post_init__(self) -> None:
        if self.scale not in get_args(Scale):
            raise StudyError(
                f"preprocessing.scale={self.scale!r}: choose one of {', '.join(get_args(Scale))}."
            )
        if (
            isinstance(self.max_categories, bool)
            or not isinstance(self.max_categories, int)
            or self.max_categories < 2
        ):
            raise StudyError(
                f"preprocessing.max_categories={self.max_categories!r} must be a whole number of at least 2."
            )

    def fit(self, features: pd.DataFrame, missing: Policy = "error") -> Self:
        """A copy fitted on these rows, which must be the training part. Raises StudyError on columns it cannot use."""
        check_policy(missing)
        encoders = tuple(self._fit_column(features[name], missing) for name in features.columns)
        return dataclasses.replace(self, encoders=encoders)

    def transform(self, features: pd.DataFrame) -> np.ndarray:
        """The inputs, float64 (n_rows, n_inputs). Columns are found by name; others are not looked at."""
        if not self.encoders:
            raise StudyError("This preprocessor is not fitted: use the one that fit(...) returns.")
        absent = [encoder.name for encoder in self.encoders if encoder.name not in features.columns]
        if absent:
            raise StudyError(f"Columns that the preprocessing was fitted on are missing: {listed(absent)}.")
        return np.concatenate([encoder.encode(features[encoder.name]) for encoder in self.encoders], axis=1)

    @property
    def feature_names(self) -> list[str]:
        """One name an input: the column's, or `column=category`."""
        return [name for encoder in self.encoders for name in encoder.feature_names]

    def _fit_column(self, series: pd.Series, missing: Policy) -> Encoder:
        name, kind = str(series.name), kind_of(series)
        cells = read_cells(series, kind)
        present = cells.values[cells.present]
        if present.size == 0:
            raise StudyError(
                f"The column {name!r} has no value in the training part of this split: set it aside with "
                f"data.drop=[{name!r}]."
            )
        fill = None if missing in REFUSING else _fill(present, kind, missing)
        if kind != "numeric":
            categories = tuple(sorted(set(present))) if kind == "categorical" else ()
            return Encoder(name, kind, fill, categories=categories)
        filled = (
            present
            if fill is None
            else np.append(present, np.full(cells.missing.sum(), fill, dtype=np.float64))
        )
        offset, scale = _spread(filled.astype(np.float64), self.scale)
        if not (np.isfinite(offset) and np.isfinite(scale)):
            raise StudyError(
                f"The values of {name!r} are too large to be scaled; express them in another unit."
            )
        return Encoder(name, kind, fill, offset, scale)


def _fill(present: np.ndarray, kind: Kind, missing: Policy) -> float | str:
    """What stands in for a gap. Categories and truth values have no mean: theirs is always the most frequent value."""
    if kind == "numeric" and missing in ("mean", "median"):
        return float(np.mean(present) if missing == "mean" else np.median(present))
    values, counts = np.unique(
        present.astype(object if kind == "categorical" else np.float64), return_counts=True
    )
    most = values[counts.argmax()]  # of several, the first in order
    return str(most) if kind == "categorical" else float(most)


def _spread(values: np.ndarray, scale: Scale) -> tuple[float, float]:
    """Offset and scale of a numeric column. Values that differ by rounding noise only count as constant (scale 0)."""
    low, high = float(values.min()), float(values.max())
    if scale == "none":
        return 0.0, 1.0
    noise = max(8 * np.finfo(np.float64).eps * max(abs(low), abs(high)), SMALLEST_SPREAD)
    with np.errstate(over="ignore", invalid="ignore"):
        if high - low <= noise:
            return low, 0.0
        if scale == "minmax":
            return low, high - low
        return float(np.mean(values)), float(np.std(values))
