"""Random streams that are a function of (seed, epoch, step)."""

from __future__ import annotations

from typing import Any

from lightning import Callback, LightningModule, Trainer

from study.fitting.seeding import reseed


class Streams(Callback):
    """Reseeds every global stream before each training step and each validation.

    Whatever a step draws (dropout, shots, noise) then depends on no earlier step, so a resumed run draws the same.
    """

    def __init__(self, seed: int) -> None:
        self._seed = seed

    def on_train_batch_start(
        self, trainer: Trainer, pl_module: LightningModule, batch: Any, batch_idx: int
    ) -> None:
        reseed(self._seed, "step", trainer.current_epoch, batch_idx)

    def on_validation_epoch_start(self, trainer: Trainer, pl_module: LightningModule) -> None:
        reseed(self._seed, "validation", trainer.current_epoch)
