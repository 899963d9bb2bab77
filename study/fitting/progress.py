"""A progress bar for people at a terminal."""

from __future__ import annotations

from typing import Any

from lightning import Callback, LightningModule, Trainer
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from study.fitting.objective import Objective
from study.terminal import Terminal

_WIDE = 100  # from so many columns on there is room for a longer bar


class ProgressBar(Callback):
    """One bar over all epochs: loss of the latest step, validation loss and metric of the latest epoch, and the time.

    The time is what remains and, at the end, what it took. Everything fits into 80 columns. Where the output is not a
    terminal, nothing is printed.

    Args:
        console: where to draw.
    """

    def __init__(self, console: Console | None = None) -> None:
        console = console or Terminal()
        self._bar = Progress(
            TextColumn("epoch {task.fields[epoch]}/{task.fields[epochs]}"),
            BarColumn(bar_width=24 if console.width >= _WIDE else 10),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            console=console,
            disable=not console.is_terminal,
        )
        self._task: TaskID | None = None
        self._validation = ""

    def on_train_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        per_epoch = int(trainer.num_training_batches)
        epochs = trainer.max_epochs or 0
        self._task = self._bar.add_task(
            "",
            total=per_epoch * epochs,
            completed=per_epoch * trainer.current_epoch,
            epoch=trainer.current_epoch + 1,
            epochs=epochs,
            figures="",
        )
        self._bar.start()

    def on_train_batch_end(
        self, trainer: Trainer, pl_module: LightningModule, outputs: Any, batch: Any, batch_idx: int
    ) -> None:
        assert isinstance(pl_module, Objective)
        self._update(trainer, pl_module, advance=1)

    def on_train_epoch_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        assert isinstance(pl_module, Objective)
        self._validation = (
            f"  val loss {pl_module.validation_loss:.4f}"
            f"  {pl_module.outputs.monitored} {pl_module.validation_metric:.4g}"
        )
        self._update(trainer, pl_module, advance=0)

    def on_train_end(self, trainer: Trainer, pl_module: LightningModule) -> None:
        if self._task is not None:
            # Stopped early, nothing remains either.
            self._bar.update(self._task, total=self._bar.tasks[self._task].completed)
        self._bar.stop()

    def on_exception(self, trainer: Trainer, pl_module: LightningModule, exception: BaseException) -> None:
        self._bar.stop()

    def _update(self, trainer: Trainer, objective: Objective, advance: int) -> None:
        if self._task is not None:
            self._bar.update(
                self._task,
                advance=advance,
                epoch=trainer.current_epoch + 1,
                figures=f"loss {objective.step_loss:.4f}{self._validation}",
            )
