"""The data contract: what a trained model expects of new rows, written at training and held to at prediction."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from pydantic import with_config

from study.data.columns import Cells, Kind, described, kind_of, kind_or_none, read_cells
from study.data.drift import Reference, verdict
from study.data.missing import REFUSING, Policy
from study.data.names import listed, nearest
from study.data.reading import check_names
from study.errors import StudyError


@with_config(extra="forbid")
@dataclass(frozen=True)
class ColumnContract:
    """One column in the training part.

    `minimum` and `maximum` are the range of a numeric column (None for other kinds), `categories` the values
    of a categorical one, `missing_seen` the number of its gaps.
    """

    name: str
    kind: Kind
    minimum: float | None
    maximum: float | None
    categories: tuple[str, ...]
    missing_seen: int
    missing_allowed: bool
    reference: Reference

    @classmethod
    def of(cls, series: pd.Series, missing_allowed: bool) -> Self:
        kind = kind_of(series)
        cells = read_cells(series, kind)
        present = cells.values[cells.present]
        numeric, categorical = kind == "numeric", kind == "categorical"
        return cls(
            name=str(series.name),
            kind=kind,
            minimum=float(present.min()) if numeric else None,
            maximum=float(present.max()) if numeric else None,
            categories=tuple(sorted(set(present))) if categorical else (),
            missing_seen=int(cells.missing.sum()),
            missing_allowed=missing_allowed,
            reference=Reference.of(cells, kind),
        )

    def reasons(self, series: pd.Series) -> list[str | None]:
        """Why each row's value is refused, or None."""
        cells = read_cells(series, self.kind)
        known = set(self.categories)
        reasons: list[str | None] = [None] * len(series)
        if not self.missing_allowed:
            for row in np.flatnonzero(cells.missing):
                reasons[row] = (
                    f"{self.name}: missing, and the model was trained with a policy that fills no gap"
                )
        for row in np.flatnonzero(cells.infinite):
            reasons[row] = f"{self.name}: infinite, and a prediction needs a finite number"
        for row in np.flatnonzero(cells.unreadable):
            wanted = "a number" if self.kind == "numeric" else "true or false"
            reasons[row] = f"{self.name}: {str(series.iloc[row])!r} is not {wanted}"
        if self.kind == "categorical":
            for row in np.flatnonzero(cells.present):
                if cells.values[row] not in known:
                    seen = listed(self.categories, 10)
                    reasons[row] = (
                        f"{self.name}: {cells.values[row]!r} was not seen in training (seen: {seen})"
                    )
        return reasons

    def gaps(self, series: pd.Series) -> np.ndarray:
        """Which values are missing, bool (n_rows,)."""
        return read_cells(series, self.kind).missing

    def outside(self, cells: Cells) -> float:
        """The share of rows with a value outside the training range, or a category training did not show."""
        present = cells.values[cells.present]
        if self.kind == "numeric":
            return float(np.sum((present < self.minimum) | (present > self.maximum))) / len(cells.values)
        return int(self.reference.count(cells)[-2]) / len(cells.values)


@with_config(extra="forbid")
@dataclass(frozen=True)
class Contract:
    """The columns of the training part, in order, and how it treated gaps.

    `ignored` names columns that may come along and are not looked at: the target, the columns of the split,
    and those that `data.drop` set aside. `rows` is the number of training rows.
    """

    columns: tuple[ColumnContract, ...]
    missing: Policy
    ignored: tuple[str, ...]
    rows: int

    @classmethod
    def of(cls, training: pd.DataFrame, missing: Policy = "error", ignored: tuple[str, ...] = ()) -> Self:
        """The contract of these feature rows, which must be the training part."""
        columns = (ColumnContract.of(training[name], missing not in REFUSING) for name in training.columns)
        return cls(tuple(columns), missing, ignored, len(training))

    @property
    def names(self) -> list[str]:
        """The feature columns, in the order of training."""
        return [column.name for column in self.columns]

    @property
    def text_columns(self) -> list[str]:
        """The columns to be read as text (`read_frame(path, text=...)`), so that a category `007` stays one."""
        return [column.name for column in self.columns if column.kind == "categorical"]

    def check_columns(self, frame: pd.DataFrame) -> None:
        """Raises StudyError unless the frame has the columns of training, in any order, and each of its type.

        A column is of the wrong type when it is true/false or dates where training had something else, or
        when none of its values can be read; single bad values are the business of `row_reasons`.
        """
        present = [str(name) for name in frame.columns]
        check_names(present, "The input")
        absent = [name for name in self.names if name not in present]
        extra = [name for name in present if name not in {*self.names, *self.ignored}]
        if absent:
            others = f" Unknown columns of the input: {listed(extra)}." if extra else ""
            raise StudyError(
                f"The input lacks {len(absent)} of the {len(self.names)} columns that the model was trained "
                f"on: {listed(absent)}{nearest(absent[0], extra)}.{others}"
            )
        if extra:
            raise StudyError(
                f"The input has columns that the model was not trained on: {listed(extra)}; remove them. "
                f"Expected: {listed(self.names)}."
            )
        for column in self.columns:
            _check_type(column, frame[column.name])

    def row_reasons(self, frame: pd.DataFrame) -> list[str | None]:
        """Why each row is refused, or None for a row that can be served; reasons are joined by `; `.

        Refused are unseen categories, values that are not of the column's kind, infinite numbers, and gaps unless
        training had a policy to fill them. A number outside the training range is served;
        `drift` reports it.
        """
        by_column = [column.reasons(frame[column.name]) for column in self.columns]
        by_row = zip(*by_column, strict=True)
        return ["; ".join(reason for reason in row if reason) or None for row in by_row]

    def gaps(self, frame: pd.DataFrame) -> np.ndarray:
        """How many values of each row are missing, (n_rows,): in a row that is served, so many were filled."""
        by_column = np.stack([column.gaps(frame[column.name]) for column in self.columns])
        return np.asarray(by_column.sum(axis=0))

    def drift(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Drift of each feature against the training part, one row a column of the contract.

        Columns: feature, psi, chance (what psi reaches by chance in one of twenty samples of this size),
        outside (the share of rows outside the training range or categories), verdict (stable, moderate,
        strong; see `drift.py`).
        """
        if frame.empty:
            raise StudyError("Drift needs at least one row.")
        rows = []
        for column in self.columns:
            cells = read_cells(frame[column.name], column.kind)
            index, by_chance = column.reference.compare(cells)
            rows.append((column.name, index, by_chance, column.outside(cells), verdict(index, by_chance)))
        return pd.DataFrame(rows, columns=["feature", "psi", "chance", "outside", "verdict"])


def _check_type(column: ColumnContract, series: pd.Series) -> None:
    kind = kind_or_none(series)
    usable = read_cells(series, column.kind) if kind is not None else None
    if usable is None or (usable.unreadable.any() and not usable.present.any()) or _is_flag(column, kind):
        raise StudyError(
            f"The column {column.name!r} of the input holds {described(series)} (such as "
            f"{str(series.dropna().iloc[0])!r}); the model was trained on a {column.kind} column."
        )


def _is_flag(column: ColumnContract, kind: Kind | None) -> bool:
    """Truth values where numbers were: they can be read as 0 and 1, but that is hardly what they mean."""
    return column.kind == "numeric" and kind == "boolean"
