"""What a model is given and what it gives back: contract.json, all that a prediction needs besides the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Self

import numpy as np
import pandas as pd
from pydantic import with_config

from study.data.contract import Contract
from study.data.preprocessing import Preprocessor
from study.run.atomic import write_json
from study.run.stored import read_json, using

if TYPE_CHECKING:
    from study.data.prepare import Prepared


@with_config(extra="forbid")
@dataclass(frozen=True)
class Interface:
    """From new rows to a model's inputs, and from its outputs to answers.

    Attributes:
        data: the name of the training data.
        task: "classification" or "regression".
        classes: labels in the order of the probabilities; empty for a regression.
        contract: what the columns must be.
        preprocessor: fitted on the training part.
    """

    data: str
    task: Literal["classification", "regression"]
    classes: tuple[str, ...]
    contract: Contract
    preprocessor: Preprocessor

    @classmethod
    def of(cls, prepared: Prepared) -> Self:
        return cls(
            prepared.name, prepared.task, tuple(prepared.classes), prepared.contract, prepared.preprocessor
        )

    def inputs(self, rows: pd.DataFrame) -> np.ndarray:
        """The model's inputs, float64 (n_rows, n_inputs), for rows that the contract accepts."""
        return self.preprocessor.transform(rows)

    def write(self, path: Path) -> None:
        write_json(path, self)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Return what `write` wrote, equal bit for bit. Raises StudyError if the file is damaged."""
        interface: Self = read_json(path, cls)
        with using(path):
            interface.check()
        return interface

    def check(self) -> None:
        """Raise ValueError if the parts do not fit each other."""
        columns = {column.name: column.kind for column in self.contract.columns}
        if columns != {encoder.name: encoder.kind for encoder in self.preprocessor.encoders}:
            raise ValueError("the columns of its contract are not those of its preprocessing")
        if (self.task == "classification") != bool(self.classes):
            raise ValueError(f"a {self.task} has {len(self.classes)} classes")
        for column in self.contract.columns:
            bins = column.reference
            n_bins = len(bins.edges) + 1 if bins.edges else len(bins.categories)
            if len(bins.counts) != n_bins + 2 or min(bins.counts) < 0 or not sum(bins.counts):
                raise ValueError(f"the histogram of {column.name} has no count for each bin")
            if column.kind == "numeric" and (column.minimum is None or column.maximum is None):
                raise ValueError(f"the range of {column.name} is not there")
        for encoder in self.preprocessor.encoders:
            if encoder.kind == "numeric" and isinstance(encoder.fill, str):
                raise ValueError(f"the gaps of {encoder.name} would be filled with a text")
