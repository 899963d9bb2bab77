"""What every split is: a pure function of a table's fingerprint and its own fields."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np

from study.data.table import Table
from study.errors import StudyError


@dataclass(frozen=True, eq=False)
class Parts:
    """Row positions in a table, int64, one array a part. No part is empty and no two share a row."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray

    def __post_init__(self) -> None:
        for field in dataclasses.fields(self):
            rows = np.asarray(getattr(self, field.name), dtype=np.int64)
            if rows.size == 0:
                raise StudyError(
                    f"The {field.name} part of this split would be empty: there are too few rows for it."
                )
            object.__setattr__(self, field.name, rows)
        everything = np.concatenate([self.train, self.validation, self.test])
        values, counts = np.unique(everything, return_counts=True)
        if (counts > 1).any():
            raise StudyError(
                f"The parts of a split must not share rows; row {values[counts > 1][0]} is in two places."
            )


@dataclass(frozen=True, kw_only=True)
class Split(ABC):
    """Fold `fold` of repeat `repeat`: one of `n_folds` test parts.

    Of the remaining rows `validation_fraction` are for validation. The test parts of one repeat do not depend
    on `fold` or `validation_fraction`, so every model and seed, and every choice of a validation part, is
    compared on the same rows. Subclasses implement `divide`.
    """

    n_folds: int = 5
    fold: int = 0
    repeat: int = 0
    validation_fraction: float = 0.2

    def __post_init__(self) -> None:
        for name, least in (("n_folds", 2), ("fold", 0), ("repeat", 0)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise StudyError(f"split.{name}={value!r} is not a whole number of at least {least}.")
        if self.fold >= self.n_folds:
            raise StudyError(
                f"split.fold={self.fold} does not exist with split.n_folds={self.n_folds}: choose 0 to "
                f"{self.n_folds - 1}."
            )
        fraction = self.validation_fraction
        if isinstance(fraction, bool) or not isinstance(fraction, (int, float)) or not 0 < fraction < 1:
            raise StudyError(f"split.validation_fraction={fraction!r} must lie strictly between 0 and 1.")

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of the table that the split reads, and that are therefore no features."""
        return ()

    @abstractmethod
    def divide(self, table: Table) -> Parts:
        """The parts, before the check that every class can be learned. Raises StudyError where there are none."""

    def parts(self, table: Table) -> Parts:
        """The three parts of `table`. Raises StudyError when the protocol cannot serve the table."""
        parts = self.divide(table)
        check_training_classes(table, parts)
        return parts

    def random_state(self, table: Table, *purpose: object) -> int:
        """A seed for `purpose` (32 bits), derived from the data, the protocol and its repeat, and nothing else."""
        protocol = {
            field.name: getattr(self, field.name)
            for field in dataclasses.fields(self)
            if field.name not in {"fold", "validation_fraction"}
        }
        text = json.dumps([table.fingerprint, type(self).__name__, protocol, *purpose], sort_keys=True)
        return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "little")


def check_training_classes(table: Table, parts: Parts) -> None:
    """Raises StudyError when a class of the table has no row in the training part: nothing could learn it."""
    if table.task != "classification":
        return
    counts = np.bincount(table.codes[parts.train], minlength=len(table.classes))
    absent = [label for label, count in zip(table.classes, counts, strict=True) if count == 0]
    if absent:
        raise StudyError(
            f"The class {absent[0]!r} of {table.name!r} has no row in the training part of this split. "
            "Choose another split.fold or split.n_folds, a smaller split.validation_fraction, or merge the "
            "class with another."
        )
