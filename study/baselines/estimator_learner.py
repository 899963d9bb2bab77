"""What all scikit-learn baselines share: tuning, fitting, predicting, saving."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from study.baselines.losses import LOSSES, probabilities
from study.baselines.storage import load_state, save_state
from study.baselines.tuning import Trial, Values, best, edges, inner_folds, points, search, write_trials
from study.errors import StudyError
from study.fitting.learner import CLASSIFICATION, REGRESSION, Learner
from study.fitting.scaling import TargetScale, balanced_weights, require_class_weight
from study.fitting.seeding import derive
from study.run.stored import using

if TYPE_CHECKING:
    from study.data.prepare import Prepared

MODEL_FILE = "model.skops"


class EstimatorLearner(Learner):
    """A scikit-learn estimator whose settings are chosen by cross-validation inside the training part.

    The protocol, the same for every baseline: all settings of the grid are judged on the same inner folds of the
    training part; the one with the lowest mean loss is fitted again on the whole training part. The validation part,
    on which networks choose their epoch, is used neither for tuning nor for fitting, so that nobody's parameters have
    seen more rows than a network's. Regression targets are standardised as they are for networks.

    A grid of one point leaves nothing to choose: it is fitted once, without inner folds. So a search from outside, such
    as a study's, pays for what it tries and no more.

    Subclasses give the grid and the estimator, and say in `estimators` and `parts` what they write into its file: it is
    read again with these types and no others.

    Args:
        grid: settings to try, by name; simpler ones first, because the first of equals is taken.
        inner_folds: folds of the inner cross-validation, at least 2; fewer where the smallest class is smaller.
        class_weight: None, or "balanced" to weigh rows by their class's inverse frequency, in the fit and in the
            tuning loss.

    Attributes:
        estimator: the fitted scikit-learn estimator.
        chosen: the settings it was fitted with.

    Raises:
        StudyError: on an empty grid or an option that is wrong.
    """

    estimators: ClassVar[tuple[str, ...]] = ()
    """Full names of the classes that `finish` returns."""
    parts: ClassVar[tuple[str, ...]] = ()
    """Full names of the further classes of objects in them."""

    selection: ClassVar[str] = (
        "settings with the lowest mean {loss} in {folds}-fold cross-validation inside the training part, fitted again "
        "on the whole training part; the validation part is not used"
    )
    untuned: ClassVar[str] = (
        "settings as given, nothing to choose; fitted once on the whole training part; the validation part is not used"
    )

    def __init__(
        self, grid: Mapping[str, Sequence[Any]], inner_folds: int, class_weight: str | None = None
    ) -> None:
        super().__init__()
        self.grid = {name: _values(type(self).__name__, name, values) for name, values in grid.items()}
        if inner_folds < 2:
            raise StudyError(f"{type(self).__name__}: inner_folds must be at least 2, but is {inner_folds}.")
        self.inner_folds = inner_folds
        self.class_weight = require_class_weight(class_weight)
        self.estimator: Any = None
        self.chosen: dict[str, Any] = {}
        self._at_edge: list[str] = []
        self._folds_used = 0
        self._tuning_loss: float | None = None
        self._scale = TargetScale(0.0, 1.0)

    @abstractmethod
    def make(self, values: Values, data: Prepared, seed: int) -> Any:
        """An unfitted scikit-learn estimator with these settings."""

    @property
    def tunes(self) -> bool:
        """Whether there is more than one setting to choose from."""
        return any(len(values) > 1 for values in self.grid.values())

    def holds_rows_out(self, task: str) -> bool:
        """Whether a fit needs inner folds: for tuning, or in a subclass for something of its own."""
        return self.tunes

    def tuned_on(self, task: str) -> str:
        """Name of the loss that tuning minimises: one of `losses.LOSSES`."""
        return "log-loss" if task == CLASSIFICATION else "squared error"

    def fit_rows(self, estimator: Any, inputs: np.ndarray, targets: np.ndarray, weights: np.ndarray) -> Any:
        """Fit an estimator of `make` on rows with weights (n,)."""
        return estimator.fit(inputs, targets, sample_weight=weights)

    def finish(
        self, values: Values, data: Prepared, targets: np.ndarray, weights: np.ndarray, seed: int
    ) -> Any:
        """Fit the chosen settings on the whole training part."""
        return self.fit_rows(self.make(values, data, seed), data.train.inputs, targets, weights)

    def check(self, data: Prepared) -> None:
        """As `Learner.check`.

        Raises:
            StudyError: also if rows are held out and a class has a single one, which cannot be fitted on as well.
        """
        super().check(data)
        if data.task == CLASSIFICATION and self.holds_rows_out(data.task):
            counts = np.bincount(data.train.targets, minlength=data.n_outputs)
            single = [label for label, count in zip(data.classes, counts, strict=True) if count == 1]
            if single:
                raise StudyError(
                    f"{type(self).__name__} is fitted with cross-validation inside the training part, but the class "
                    f"{single[0]!r} has one row there. Merge or drop the class, or leave the model out."
                )

    def fit(
        self, data: Prepared, folder: Path, *, seed: int, progress: bool = True, resume: bool = False
    ) -> None:
        """As `Learner.fit`; writes `tuning.csv` into `folder`, one row a setting, if there is more than one.

        A fit takes seconds, so `resume` starts it again, with the same result.
        """
        self.check(data)
        begun = time.perf_counter()
        self._scale = TargetScale.of(data.train.targets) if data.task == REGRESSION else TargetScale(0.0, 1.0)
        self.task, self.n_outputs = data.task, data.n_outputs
        targets = (
            self._scale.standardise(data.train.targets) if data.task == REGRESSION else data.train.targets
        )
        weights = self._weights(data)
        self.chosen, self._tuning_loss, self._folds_used = points(self.grid)[0], None, 0
        if self.tunes:
            trials = self._tune(data, targets, weights, seed, progress)
            chosen = best(trials)
            self.chosen, self._tuning_loss = dict(chosen.values), chosen.loss
            write_trials(folder, trials)
        self._at_edge = edges(self.grid, self.chosen)
        self.estimator = self.finish(self.chosen, data, targets, weights, derive(seed, "fit"))
        self.fit_seconds = time.perf_counter() - begun

    def estimated_seconds(self, data: Prepared, seed: int) -> float:
        """How long `fit` may take: one fit on an inner fold, with the settings in the middle of the grid, times all.

        A single setting is fitted in full.
        """
        self.check(data)
        self.task, self.n_outputs = data.task, data.n_outputs
        targets, weights = data.train.targets, self._weights(data)
        if data.task == REGRESSION:
            targets = TargetScale.of(targets).standardise(targets)
        values = points(self.grid)
        if not self.tunes:
            begun = time.perf_counter()
            self.finish(values[0], data, targets, weights, derive(seed, "fit"))
            return time.perf_counter() - begun
        rows, _ = inner_folds(targets, self.inner_folds, seed, data.task == CLASSIFICATION)[0]
        begun = time.perf_counter()
        self.fit_rows(
            self.make(values[len(values) // 2], data, seed),
            data.train.inputs[rows],
            targets[rows],
            weights[rows],
        )
        # The last fit is on all rows, and some finish with a cross-validation of their own.
        return (time.perf_counter() - begun) * (len(values) + 1) * self.inner_folds

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        task, n_outputs = self._require_fitted()
        if task == REGRESSION:
            return self._scale.restore(self.estimator.predict(inputs))
        return probabilities(self.estimator, inputs, n_outputs)

    def save(self, folder: Path) -> Path:
        """As `Learner.save`: `model.skops`."""
        task, n_outputs = self._require_fitted()
        path = folder / MODEL_FILE
        save_state(
            path,
            {
                "learner": type(self).__name__,
                "estimator": self.estimator,
                "task": task,
                "n_outputs": n_outputs,
                "target_mean": self._scale.mean,
                "target_deviation": self._scale.deviation,
                "chosen": self.chosen,
                "at_edge": self._at_edge,
                "folds_used": self._folds_used,
                "tuning_loss": self._tuning_loss,
                "fit_seconds": self.fit_seconds,
            },
            (*self.estimators, *self.parts),
        )
        return path

    def restore(self, folder: Path) -> None:
        path = folder / MODEL_FILE
        state = load_state(path, (*self.estimators, *self.parts))
        if state.get("learner") != type(self).__name__:
            raise StudyError(f"{path} does not hold a {type(self).__name__}.")
        with using(path):
            self.estimator = state["estimator"]
            kind = f"{type(self.estimator).__module__}.{type(self.estimator).__qualname__}"
            if kind not in self.estimators:
                raise StudyError(
                    f"{path} holds a {kind} in the place of the estimator of {type(self).__name__}, which is "
                    f"{' or '.join(self.estimators)}. It is not one of ours or has been changed."
                )
            self.task, self.n_outputs = state["task"], state["n_outputs"]
            self._scale = TargetScale(state["target_mean"], state["target_deviation"])
            self.chosen, self._folds_used = state["chosen"], state["folds_used"]
            self._at_edge = state.get("at_edge", [])  # models saved before there was such a record
            self._tuning_loss, self.fit_seconds = state["tuning_loss"], state["fit_seconds"]

    def describe(self) -> dict[str, Any]:
        task, _ = self._require_fitted()
        selection = self.untuned
        if self._folds_used:
            selection = self.selection.format(loss=self.tuned_on(task), folds=self._folds_used)
        return {
            "learner": type(self).__name__,
            "selection": selection,
            "grid": {name: list(values) for name, values in self.grid.items()},
            "chosen": dict(self.chosen),
            "at_edge": list(self._at_edge),
            "tuning_loss": self._tuning_loss,
        }

    def refuse_class_weight(self) -> None:
        """For subclasses that cannot weigh rows: refuse what would otherwise be ignored.

        Raises:
            StudyError: if there is a class weight.
        """
        if self.class_weight is not None:
            raise StudyError(
                f"{type(self).__name__} cannot weigh classes, but class_weight is {self.class_weight}. Set "
                "class_weight=null, or leave the model out."
            )

    def _weights(self, data: Prepared) -> np.ndarray:
        if data.task == CLASSIFICATION and self.class_weight == "balanced":
            return balanced_weights(data.train.targets, data.n_outputs)[data.train.targets]
        return np.ones(len(data.train.targets))

    def _tune(
        self, data: Prepared, targets: np.ndarray, weights: np.ndarray, seed: int, progress: bool
    ) -> list[Trial]:
        from rich.progress import track

        from study.terminal import Terminal

        folds = inner_folds(
            targets, self.inner_folds, derive(seed, "inner folds"), data.task == CLASSIFICATION
        )
        self._folds_used = len(folds)
        inputs, row_losses = data.train.inputs, LOSSES[self.tuned_on(data.task)]

        def held_out_loss(values: Values, rows: np.ndarray, held_out: np.ndarray) -> float:
            estimator = self.make(values, data, derive(seed, "tuning"))
            self.fit_rows(estimator, inputs[rows], targets[rows], weights[rows])
            losses = row_losses(estimator, inputs[held_out], targets[held_out], data.n_outputs)
            return float(np.average(losses, weights=weights[held_out]))

        console = Terminal()
        return list(
            track(
                search(self.grid, folds, held_out_loss),
                description="tuning",  # the run has said whom
                total=len(points(self.grid)),
                console=console,
                transient=True,
                disable=not (progress and console.is_terminal),
            )
        )


def _values(owner: str, name: str, values: Sequence[Any]) -> list[Any]:
    """The values to try of one setting, as a plain list of positive numbers."""
    listed = [] if isinstance(values, str) or not isinstance(values, Sequence) else list(values)
    if not listed or not all(isinstance(value, int | float) and value > 0 for value in listed):
        raise StudyError(
            f"{owner}: {name} is a list of positive numbers to try, such as [0.1, 1], but is {values!r}."
        )
    return listed
