"""A table: features, a target and a fingerprint, whatever the data came from."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from study.data.missing import Policy
from study.errors import StudyError

if TYPE_CHECKING:
    from study.data.splits.base import Parts

Task = Literal["classification", "regression"]
PUBLIC, INTERNAL, SENSITIVE = CONFIDENTIALITY = ("public", "internal", "sensitive")
"""Who may be given values that come from the data. What a circuit on somebody else's machine is given are such."""


@dataclass(frozen=True, eq=False)
class Table:
    """Rows to learn from.

    `features` holds every column but the target, including those that only a split uses (a group, a time).
    `missing` is the policy the data was declared with; `dropped_rows` counts what it removed. The index of
    `features` numbers the rows as they were read, so that it skips the dropped ones. `ignored` names columns
    of the source that were set aside on purpose. `fixed_parts` is set by a source that brings its own split.
    `task_reason` says in one sentence why this is a classification or a regression.
    """

    name: str
    features: pd.DataFrame
    target: pd.Series
    task: Task
    confidentiality: str = SENSITIVE
    fixed_parts: Parts | None = None
    missing: Policy = "error"
    task_reason: str = ""
    dropped_rows: int = 0
    ignored: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.features) != len(self.target):
            raise StudyError(
                f"The dataset {self.name!r} has {len(self.features)} rows of features and {len(self.target)} "
                "targets; the two must be the same."
            )

    @cached_property
    def fingerprint(self) -> str:
        """sha256 (hex) over the task, names, dtypes and values of all columns and the target, and any fixed parts."""
        digest = hashlib.sha256(f"{self.task}\n{self.features.shape}".encode())
        for column in range(self.features.shape[1]):
            _update(digest, self.features.iloc[:, column])
        _update(digest, self.target)
        if self.fixed_parts is not None:
            for rows in (self.fixed_parts.train, self.fixed_parts.validation, self.fixed_parts.test):
                digest.update(b"part" + rows.astype("<i8").tobytes())
        return digest.hexdigest()

    @cached_property
    def classes(self) -> list[str]:
        """The labels as text, numbers in numeric order, anything else alphabetically; [] for a regression."""
        if self.task == "regression":
            return []
        labels = self.target.dropna().unique()
        try:
            ordered = sorted(labels, key=str if pd.api.types.is_string_dtype(self.target) else float)
        except (TypeError, ValueError):
            ordered = sorted(labels, key=str)
        return list(dict.fromkeys(label_text(label) for label in ordered))

    @cached_property
    def codes(self) -> np.ndarray:
        """The position of each row's label in `classes`, int64, (n_rows,). Classification only."""
        positions = {label: position for position, label in enumerate(self.classes)}
        return np.array([positions[label_text(label)] for label in self.target], dtype=np.int64)


@dataclass(frozen=True)
class Dataset(ABC):
    """Where a table comes from. A new dataset is one frozen subclass in a module named after it, in snake_case.

    `confidentiality` is public, internal or sensitive, and sensitive until a class or a configuration says otherwise;
    see `study.data.leaving`.
    """

    _: KW_ONLY
    confidentiality: str = SENSITIVE

    def __post_init__(self) -> None:
        confidentiality_of(self)

    @abstractmethod
    def load(self) -> Table:
        """Read or generate the table. Raises StudyError when that cannot be done."""


def confidentiality_of(source: object) -> str:
    """The class that a dataset or a data module declares; sensitive where it declares none.

    Raises:
        StudyError: it declares another one than there are.
    """
    found = getattr(source, "confidentiality", SENSITIVE)
    if found not in CONFIDENTIALITY:
        raise StudyError(
            f"data.confidentiality={found!r} is not known: choose one of {', '.join(CONFIDENTIALITY)}."
        )
    return str(found)


def label_text(label: object) -> str:
    """A label as text: `1`, `1.0` and `"1"` are all the class `1`, because a gap turns a column of ints into floats."""
    if isinstance(label, (float, np.floating)) and float(label).is_integer():
        return str(int(label))
    return str(label)


def _update(digest: hashlib._Hash, series: pd.Series) -> None:
    """Feed a column to the digest; each value is delimited, so that no two columns share a byte stream."""
    digest.update(f"\ncolumn {series.name!r} {series.dtype}\n".encode())
    if isinstance(series.dtype, np.dtype) and series.dtype.kind in "iufb":
        values = np.ascontiguousarray(series.to_numpy())
        if values.dtype.kind == "f":
            values = np.where(np.isnan(values), np.nan, values)  # one bit pattern for every NaN
        digest.update(values.astype(values.dtype.newbyteorder("<")).tobytes())
        return
    absent = series.isna().to_numpy()
    for value, is_absent in zip(series, absent, strict=True):
        text = b"" if is_absent else str(value).encode("utf-8", "surrogatepass")
        digest.update(b"-" if is_absent else b"%d:" % len(text))
        digest.update(text)
