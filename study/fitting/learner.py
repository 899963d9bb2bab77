"""What every model of a study can do: be fitted on prepared data, predict, be saved and restored."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from study.errors import StudyError

if TYPE_CHECKING:
    from study.data.prepare import Prepared
    from study.run.seal import Seal

CLASSIFICATION = "classification"
REGRESSION = "regression"


class Learner(ABC):
    """A model together with the procedure that fits it.

    A learner is rebuilt by constructing it from the same configuration and calling `restore`; nothing that is
    executed when loaded is ever written. After `fit` or `restore` it knows its `task` and `n_outputs`.

    Attributes:
        tasks: the tasks that the class can serve, "classification" and "regression".
        fit_seconds: wall time of the fit, tuning included, summed over resumed parts.
        task: the task it was fitted for.
        n_outputs: number of classes, or 1 for regression.
        seal: of the run that the fit is part of, which checkpoints are recorded in; None outside of a run.
    """

    seal: Seal | None = None
    tasks: ClassVar[frozenset[str]]

    def __init__(self) -> None:
        self.task: str | None = None
        self.n_outputs: int | None = None
        self.fit_seconds: float = 0.0

    @property
    @abstractmethod
    def n_parameters(self) -> int:
        """How many numbers the fitted model holds; each class documents what it counts."""

    @abstractmethod
    def fit(
        self, data: Prepared, folder: Path, *, seed: int, progress: bool = True, resume: bool = False
    ) -> None:
        """Fit on `data.train`, writing the record that the class documents into `folder`.

        Args:
            data: the prepared parts; the test part is never read.
            folder: an existing folder that this fit may write into.
            seed: the only source of randomness.
            progress: show a progress bar where there is a terminal.
            resume: go on from what an interrupted fit left in `folder`.

        Raises:
            StudyError: if the data cannot be served (see `check`), or the fit fails for a reason the user can act on.
        """

    @abstractmethod
    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Predict rows of shape (n, n_inputs).

        Returns:
            Classification: probabilities (n, n_classes), float64. Regression: (n,), float64, in the target's units.
        """

    @abstractmethod
    def save(self, folder: Path) -> Path:
        """Write the fitted state into `folder`, atomically, and return the file's path."""

    @abstractmethod
    def restore(self, folder: Path) -> None:
        """Load what `save` wrote into `folder`.

        Raises:
            StudyError: if the file is missing, damaged, of another model, or holds anything but plain values.
        """

    @abstractmethod
    def describe(self) -> dict[str, Any]:
        """How the fitted model was selected, as plain JSON values."""

    def check(self, data: Prepared) -> None:
        """Refuse data that this model cannot serve, before anything is written.

        Raises:
            StudyError: naming what the model serves and what the data asks for.
        """
        if data.task not in self.tasks:
            raise StudyError(
                f"{type(self).__name__} serves {' and '.join(sorted(self.tasks))}, and the data "
                f"{data.name!r} asks for {data.task}. Choose another model."
            )

    def _require_fitted(self) -> tuple[str, int]:
        """The task and the number of outputs of a fitted learner."""
        if self.task is None or self.n_outputs is None:
            raise RuntimeError(f"{type(self).__name__} is not fitted: call fit or restore first.")
        return self.task, self.n_outputs
