"""Any torch module as a learner, trained with Lightning."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from lightning import Callback, Trainer
from lightning.pytorch.loggers import Logger
from lightning.pytorch.utilities.exceptions import MisconfigurationException
from pydantic import with_config
from torch import Tensor, nn
from torch.optim import Optimizer
from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.errors import StudyError
from study.fitting.batches import ordered_batches, rows_at_once, training_batches
from study.fitting.checkpoints import Checkpoints, State, plain_state, read_state, write_state
from study.fitting.executions import Executed, executed, reset_execution
from study.fitting.history import History
from study.fitting.learner import CLASSIFICATION, REGRESSION, Learner
from study.fitting.objective import Objective, OptimizerFactory, SchedulerFactory
from study.fitting.outputs import Outputs, outputs_for, outputs_from
from study.fitting.paid import refuse_zeros
from study.fitting.progress import ProgressBar
from study.fitting.quiet import quiet_lightning
from study.fitting.readiness import check_inputs, check_shapes, fit_reductions
from study.fitting.recorder import Recorder
from study.fitting.scaling import require_class_weight
from study.fitting.settings import TrainerSettings
from study.fitting.stopping import Stopping
from study.fitting.streams import Streams
from study.run.stored import using

if TYPE_CHECKING:
    from study.data.prepare import Prepared

MODEL_FILE = "model.pt"
_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}
_log = logging.getLogger(__name__)


@with_config(arbitrary_types_allowed=True)
class Fitted(TypedDict):
    """What `model.pt` holds."""

    model: dict[str, Tensor]
    task: Literal["classification", "regression"]
    n_outputs: int
    constants: dict[str, float]
    stopping: Stopping
    fit_seconds: float


class TorchLearner(Learner):
    """Trains a module by gradient descent and keeps the epoch with the lowest validation loss.

    The training part is what gradients are taken on; the validation part chooses the epoch and stops the training.
    Regression targets are standardised with constants of the training part. Results are a function of the model's
    initial weights, the data, the settings and the seed; on a CPU, to the bit, interrupted or not.

    Args:
        model: (batch, n_inputs) → (batch, n_outputs), n_outputs logits or one number. It is trained in place. Draw
            its initial weights under `seeding.reseed(seed, "init")`. Modules in it with a method `fit(inputs)` are
            fitted on the training inputs before training.
        optimizer: called with the trainable parameters, such as `functools.partial(torch.optim.Adam, lr=1e-2)`.
        trainer: options as in `TrainerSettings`.
        precision: "float32" or "float64", of weights, inputs and targets.
        class_weight: None, or "balanced" to weigh classes in the loss by their inverse frequency in training.
        loggers: Lightning loggers that are given one record an epoch; None for none.
        scheduler: called with the optimizer, stepped once an epoch; None for a constant learning rate.

    Attributes:
        executed: after `fit`, the circuit executions of each quantum layer in the epochs that led to its result. Steps
            of an epoch that was interrupted and run again are not in it.

    Raises:
        StudyError: on an option that is unknown or wrong.
    """

    tasks = frozenset({CLASSIFICATION, REGRESSION})

    def __init__(
        self,
        model: nn.Module,
        optimizer: OptimizerFactory,
        trainer: Mapping[str, Any],
        precision: str = "float32",
        class_weight: str | None = None,
        loggers: Sequence[Logger] | None = None,
        scheduler: SchedulerFactory | None = None,
    ) -> None:
        super().__init__()
        if precision not in _PRECISIONS:
            raise StudyError(f"precision must be one of {', '.join(_PRECISIONS)}, but is {precision!r}.")
        self.dtype = _PRECISIONS[precision]
        self.model = model.to(self.dtype)
        self.settings = TrainerSettings.from_mapping(trainer)
        self.class_weight = require_class_weight(class_weight)
        self._optimizer = optimizer
        self._scheduler = scheduler
        self._loggers = list(loggers or ())
        self._outputs: Outputs | None = None
        self._stopping = Stopping(self.settings.patience)
        self.executed: Executed = []
        self.initial_gradient_norm: float | None = None

    @property
    def n_parameters(self) -> int:
        """Trainable parameters; the constants of a fitted reduction, such as PCA, are preprocessing and not counted."""
        return sum(p.numel() for p in self.model.parameters() if p.requires_grad)

    def check(self, data: Prepared) -> None:
        """As `Learner.check`; also fits the reductions, runs two rows through the model and checks all inputs.

        Raises:
            StudyError: if the validation part is empty, nothing is trainable, or the shapes do not meet.
            QlayersError: what the model says about sizes and inputs.
        """
        super().check(data)
        if len(data.validation.inputs) == 0:
            raise StudyError(
                "The validation part has no rows, and training needs them to choose the best epoch. Set "
                "split.validation_fraction, for example to 0.2."
            )
        if self.n_parameters == 0:
            raise StudyError(f"The model {type(self.model).__name__} has no trainable parameters.")
        self._try_settings()
        fit_reductions(self.model, self._tensor(data.train.inputs))
        check_shapes(self.model, data, self.dtype)
        check_inputs(self.model, data, self.dtype)
        reset_execution(self.model)

    def fit(
        self, data: Prepared, folder: Path, *, seed: int, progress: bool = True, resume: bool = False
    ) -> None:
        """As `Learner.fit`; writes `metrics.csv`, `steps.csv` and `checkpoints/` into `folder`.

        Raises:
            StudyError: also if its circuits are only planned, if the loss or the gradient is no longer finite (the
                last good checkpoint stays), if `folder` holds checkpoints and `resume` is False, or none of them can
                be read.
        """
        refuse_zeros(self.model)
        self.check(data)
        checkpoints = Checkpoints(folder, self.seal)
        if checkpoints.exist() and not resume:
            raise StudyError(
                f"{folder} already holds the checkpoints of a fit. Resume it, or use another folder."
            )
        state = checkpoints.newest() if resume else None
        if resume and state is None:
            _log.warning("No epoch had been finished in %s: training starts from the beginning.", folder)
        begun = time.perf_counter()
        self._stopping = self._taken_up(state, seed, checkpoints)
        self._outputs = outputs_for(data, self.class_weight)
        with closing(History(folder, resume_at=_next_epoch(state), keep_steps=resume)) as history:
            recorder = Recorder(history, self._stopping, checkpoints, seed, state)
            if not self._finished(state):
                self._train(data, recorder, seed, progress)
        self.model.load_state_dict(recorder.best_model)
        self.initial_gradient_norm = recorder.initial_gradient_norm
        self.task, self.n_outputs = data.task, data.n_outputs
        self.executed = executed(self.model, recorder.earlier)
        self.fit_seconds = (state["seconds"] if state else 0.0) + time.perf_counter() - begun

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        _, n_outputs = self._require_fitted()
        assert self._outputs is not None
        device = next(self.model.parameters()).device
        portions = self._tensor(inputs).split(rows_at_once(self.model, self.settings.batch_size))
        self.model.eval()
        with torch.no_grad():
            chunks = [self.model(rows.to(device)) for rows in portions if len(rows)]
        return self._outputs.decode(torch.cat(chunks) if chunks else torch.empty(0, n_outputs))

    def save(self, folder: Path) -> Path:
        """As `Learner.save`: `model.pt`, tensors and plain values."""
        task, n_outputs = self._require_fitted()
        assert self._outputs is not None
        path = folder / MODEL_FILE
        write_state(
            path,
            {
                "model": plain_state(self.model.state_dict()),
                "task": task,
                "n_outputs": n_outputs,
                "constants": self._outputs.constants(),
                "stopping": asdict(self._stopping),
                "fit_seconds": self.fit_seconds,
            },
        )
        return path

    def restore(self, folder: Path) -> None:
        path = folder / MODEL_FILE
        state: Fitted = read_state(path, Fitted)
        with using(path):
            self._load_weights(state["model"], path)
            self._outputs = outputs_from(state["task"], state["n_outputs"], state["constants"])
        self.task, self.n_outputs = state["task"], state["n_outputs"]
        self._stopping = state["stopping"]
        self.fit_seconds = state["fit_seconds"]

    def describe(self) -> dict[str, Any]:
        self._require_fitted()
        return {
            "learner": type(self.model).__name__,
            "selection": "gradients on the training part; epoch with the lowest validation loss",
            "best_epoch": self._stopping.best_epoch,
            "best_validation_loss": self._stopping.best_loss,
        }

    def _try_settings(self) -> None:
        """Find out whether optimizer and trainer accept their options, before anything is written."""
        try:
            optimizer = self._optimizer([p for p in self.model.parameters() if p.requires_grad])
            if not isinstance(optimizer, Optimizer):
                raise TypeError(f"they make a {type(optimizer).__name__}, which is no torch.optim.Optimizer.")
            if self._scheduler:
                self._scheduler(optimizer)
        except (TypeError, ValueError) as error:
            raise StudyError(f"The options under optimizer are refused: {error}") from error
        with quiet_lightning():
            self._trainer([], [])

    def _tensor(self, inputs: np.ndarray) -> Tensor:
        return torch.as_tensor(np.ascontiguousarray(inputs), dtype=self.dtype)

    def _taken_up(self, state: State | None, seed: int, checkpoints: Checkpoints) -> Stopping:
        """Early stopping as the checkpoint has it, after loading its weights; a new one without a checkpoint."""
        if state is None:
            return Stopping(self.settings.patience)
        if state["seed"] != seed:
            raise StudyError(f"The fit to resume had seed={state['seed']}, but seed={seed} was given.")
        self._load_weights(state["model"], checkpoints.folder)
        # In case that file is the damaged one.
        checkpoints.save_best(state["best_epoch"], state["best_model"])
        return Stopping(self.settings.patience, state["best_epoch"], state["best_loss"])

    def _load_weights(self, weights: dict[str, Tensor], source: Path) -> None:
        try:
            self.model.load_state_dict(weights)
        except RuntimeError as error:
            raise StudyError(f"The weights in {source} are those of another model: {error}") from error

    def _finished(self, state: State | None) -> bool:
        return state is not None and (
            _next_epoch(state) >= self.settings.max_epochs or self._stopping.exhausted(state["epoch"])
        )

    def _train(self, data: Prepared, recorder: Recorder, seed: int, progress: bool) -> None:
        assert self._outputs is not None
        tensors = [
            (self._tensor(part.inputs), self._outputs.encode(part.targets, self.dtype))
            for part in (data.train, data.validation)
        ]
        size = self.settings.batch_size
        callbacks: list[Callback] = [Streams(seed), recorder]
        if progress:
            callbacks.append(ProgressBar())
        self.model.train()
        with quiet_lightning():
            try:
                self._trainer(callbacks, self._loggers).fit(
                    Objective(self.model, self._outputs, self._optimizer, self._scheduler),
                    training_batches(*tensors[0], size, seed),
                    ordered_batches(*tensors[1], rows_at_once(self.model, size)),
                )
            except SystemExit as stop:
                # Lightning turns an interrupt from the keyboard into an exit without a word.
                raise KeyboardInterrupt from stop

    def _trainer(self, callbacks: list[Callback], loggers: list[Logger]) -> Trainer:
        try:
            trainer = Trainer(
                **{"devices": 1, **self.settings.lightning},
                max_epochs=self.settings.max_epochs,
                callbacks=callbacks,
                logger=loggers or False,
                log_every_n_steps=1,
                num_sanity_val_steps=0,
                enable_checkpointing=False,
                enable_progress_bar=False,
                enable_model_summary=False,
                # What a circuit caches while validating must still serve when gradients are taken.
                inference_mode=False,
            )
        except (MisconfigurationException, ValueError, TypeError, ImportError, RuntimeError) as error:
            raise StudyError(f"Lightning refuses the options under trainer: {error}") from error
        if trainer.world_size > 1:
            raise StudyError(
                f"trainer.devices={self.settings.lightning['devices']!r}: training uses one device."
            )
        return trainer


def _next_epoch(state: State | None) -> int:
    return 0 if state is None else state["epoch"] + 1
