"""What a model is given and what it gives back: contract.json, all that a prediction needs besides the model."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import numpy as np
import pandas as pd

from study.data.contract import Contract
from study.data.preprocessing import Preprocessor
from study.errors import StudyError
from study.run.atomic import read_json, write_json

if TYPE_CHECKING:
    from study.data.prepare import Prepared


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
    task: str
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
        values = {
            "data": self.data,
            "task": self.task,
            "classes": list(self.classes),
            "contract": self.contract.to_dict(),
            "preprocessor": self.preprocessor.to_dict(),
        }
        write_json(path, values)

    @classmethod
    def read(cls, path: Path) -> Self:
        """Raises StudyError if the file is not one that `write` wrote."""
        try:
            values = read_json(path)
            return cls(
                data=values["data"],
                task=values["task"],
                classes=tuple(values["classes"]),
                contract=Contract.from_dict(values["contract"]),
                preprocessor=Preprocessor.from_dict(values["preprocessor"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise StudyError(
                f"{path} cannot be read as a data contract ({error}). Start a new run."
            ) from error
