"""What happens as training goes on: the record, the choice of the best epoch, the checkpoints, the resume."""

from __future__ import annotations

import math
import time
from typing import Any

import torch
from lightning import Callback, LightningModule, Trainer
from torch.optim import Optimizer

from study.fitting.checkpoints import Checkpoints, State, plain_state
from study.fitting.executions import Executed, executed
from study.fitting.history import History
from study.fitting.objective import Objective, not_finite
from study.fitting.stopping import Stopping
from study.run.stored import using


class Recorder(Callback):
    """Keeps history, early stopping and checkpoints of one fit in step with each other.

    At the end of an epoch the order is: row of metrics.csv, best.ckpt if the epoch is the best, the epoch's
    checkpoint. A crash between two of them leaves a row or a best.ckpt that is ahead of the newest checkpoint; the
    resumed run executes that epoch again and writes the same.

    Lightning's own checkpoints are not used: its loops, restored from the end of an epoch, run that epoch's closing
    hooks a second time. Here its counters are set before the first step, and nothing else of it is restored.

    Args:
        history: where rows go.
        stopping: the state of early stopping, new or as in `state`.
        checkpoints: where states go.
        seed: the run's seed, stored so that a resume with another one can be refused.
        state: the checkpoint to go on from; the model's weights must be loaded already.

    Attributes:
        best_model: the best epoch's weights.
        seconds: wall time up to the last finished epoch, interrupted parts included.
        earlier: circuit executions of the epochs in `state`.
        initial_gradient_norm: norm of the loss's gradient over the first batch, before any step.
    """

    def __init__(
        self,
        history: History,
        stopping: Stopping,
        checkpoints: Checkpoints,
        seed: int,
        state: State | None = None,
    ) -> None:
        self._history = history
        self._stopping = stopping
        self._checkpoints = checkpoints
        self._seed = seed
        self._state = state
        self.best_model: dict[str, Any] = state["best_model"] if state else {}
        self.seconds: float = state["seconds"] if state else 0.0
        self.earlier: Executed = state["executed"] if state else []
        self.initial_gradient_norm: float | None = state["initial_gradient_norm"] if state else None
        self._clock = time.perf_counter()
        self._losses: list[tuple[float, int]] = []
        self._gradient_norms: list[float] = []

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        self._clock = time.perf_counter()
        if self._state is None:
            return
        finished = self._state["epoch"] + 1
        counts = dict.fromkeys(("ready", "started", "processed", "completed"), finished)
        trainer.fit_loop.epoch_progress.load_state_dict({"total": counts, "current": counts})
        with using(self._checkpoints.folder):
            trainer.optimizers[0].load_state_dict(self._state["optimizer"])
            for config, stored in zip(trainer.lr_scheduler_configs, self._state["schedulers"], strict=True):
                config.scheduler.load_state_dict(stored)

    def on_before_optimizer_step(
        self, trainer: Trainer, pl_module: LightningModule, optimizer: Optimizer
    ) -> None:
        # Lightning calls this before it clips.
        gradients = [p.grad for p in pl_module.parameters() if p.grad is not None]
        norm = torch.linalg.vector_norm(torch.stack([torch.linalg.vector_norm(g) for g in gradients])).item()
        if not math.isfinite(norm):
            raise not_finite("gradient's norm", norm, _objective(pl_module), trainer.fit_loop.batch_idx)
        self._gradient_norms.append(norm)
        if self._state is None and self.initial_gradient_norm is None:
            self.initial_gradient_norm = norm

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        loss = _objective(pl_module).step_loss
        self._losses.append((loss, len(batch[0])))
        self._history.step(trainer.current_epoch, batch_idx, loss)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        objective = _objective(pl_module)
        epoch = trainer.current_epoch
        if not math.isfinite(objective.validation_loss):
            raise not_finite("validation loss", objective.validation_loss, objective, len(self._losses) - 1)
        values = self._epoch_values(objective)
        self._history.epoch(epoch, values)
        for logger in trainer.loggers:
            logger.log_metrics(values, step=epoch)
        if self._stopping.update(epoch, objective.validation_loss):
            self.best_model = plain_state(objective.model.state_dict())
            self._checkpoints.save_best(epoch, self.best_model)
        self._checkpoints.save(self._state_of(trainer, objective))
        trainer.should_stop = self._stopping.exhausted(epoch)

    def _epoch_values(self, objective: Objective) -> dict[str, float]:
        """The row of metrics.csv; starts the next epoch's collections."""
        now = time.perf_counter()
        seconds, self._clock = now - self._clock, now
        self.seconds += seconds
        rows = sum(n for _, n in self._losses)
        values = {
            "train_loss": sum(loss * n for loss, n in self._losses) / rows,
            "val_loss": objective.validation_loss,
            f"val_{objective.outputs.monitored}": objective.validation_metric,
            "gradient_norm": sum(self._gradient_norms) / len(self._gradient_norms),
            "seconds": seconds,
        }
        self._losses.clear()
        self._gradient_norms.clear()
        return values

    def _state_of(self, trainer: Trainer, objective: Objective) -> State:
        return {
            "epoch": trainer.current_epoch,
            "seed": self._seed,
            "seconds": self.seconds,
            "executed": executed(objective.model, self.earlier),
            "initial_gradient_norm": self.initial_gradient_norm,
            "model": plain_state(objective.model.state_dict()),
            "best_model": self.best_model,
            "best_epoch": self._stopping.best_epoch,
            "best_loss": self._stopping.best_loss,
            "optimizer": trainer.optimizers[0].state_dict(),
            "schedulers": [config.scheduler.state_dict() for config in trainer.lr_scheduler_configs],
        }


def _objective(module: LightningModule) -> Objective:
    assert isinstance(module, Objective)
    return module
