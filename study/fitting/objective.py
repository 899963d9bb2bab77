"""The training problem as Lightning sees it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable

import torch
from lightning import LightningModule
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from study.errors import StudyError
from study.fitting.outputs import Outputs

OptimizerFactory = Callable[[Iterable[nn.Parameter]], Optimizer]
SchedulerFactory = Callable[[Optimizer], LRScheduler]


class Objective(LightningModule):
    """Minimise the outputs' loss over the model's trainable parameters.

    Attributes:
        step_loss: loss of the latest training step.
        validation_loss: loss over the whole validation part, after each validation.
        validation_metric: the outputs' monitored metric, likewise.
    """

    def __init__(
        self,
        model: nn.Module,
        outputs: Outputs,
        optimizer: OptimizerFactory,
        scheduler: SchedulerFactory | None,
    ) -> None:
        super().__init__()
        self.model = model
        self.outputs = outputs
        self._make_optimizer = optimizer
        self._make_scheduler = scheduler
        self._validated: list[tuple[Tensor, Tensor]] = []
        self.step_loss = math.nan
        self.validation_loss = math.nan
        self.validation_metric = math.nan

    def configure_optimizers(self):  # type: ignore[no-untyped-def]
        optimizer = self._make_optimizer([p for p in self.model.parameters() if p.requires_grad])
        return [optimizer], [self._make_scheduler(optimizer)] if self._make_scheduler else []

    def training_step(self, batch: tuple[Tensor, Tensor], step: int) -> Tensor:
        inputs, targets = batch
        loss = self.outputs.loss(self.model(inputs), targets)
        self.step_loss = loss.item()
        if not math.isfinite(self.step_loss):
            raise not_finite("training loss", self.step_loss, self, step)
        return loss

    def validation_step(self, batch: tuple[Tensor, Tensor], step: int) -> None:
        inputs, targets = batch
        self._validated.append((self.model(inputs), targets))

    def on_validation_epoch_end(self) -> None:
        outputs, targets = (torch.cat(parts) for parts in zip(*self._validated, strict=True))
        self._validated.clear()
        # Over all rows at once: a mean of batch means would weigh the rows of the last batch differently.
        self.validation_loss = self.outputs.loss(outputs, targets).item()
        self.validation_metric = self.outputs.monitor(outputs, targets)


def not_finite(what: str, value: float, objective: Objective, step: int) -> StudyError:
    """The error that ends a diverged training, with what to try."""
    trainer = objective.trainer
    rates = sorted({group["lr"] for optimizer in trainer.optimizers for group in optimizer.param_groups})
    kept = f" The state after epoch {trainer.current_epoch - 1} is kept." if trainer.current_epoch else ""
    return StudyError(
        f"The {what} became {value} in epoch {trainer.current_epoch}, step {step}, at a learning rate of "
        f"{', '.join(f'{rate:g}' for rate in rates)}. Try a lower learning rate (optimizer.lr) or clip the gradient "
        f"(trainer.gradient_clip_val=1.0), and look for extreme values in the data.{kept}"
    )
