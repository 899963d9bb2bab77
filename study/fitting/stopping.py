"""The best epoch so far, and whether waiting for a better one still makes sense."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass
class Stopping:
    """Early stopping on the validation loss.

    Attributes:
        patience: epochs to wait after the best one; None to train to the end.
        best_epoch: epoch of the lowest validation loss, -1 before the first.
        best_loss: that loss.
    """

    patience: int | None
    best_epoch: int = -1
    best_loss: float = math.inf

    def update(self, epoch: int, loss: float) -> bool:
        """Take the epoch's validation loss into account; return whether it is the lowest so far."""
        improved = loss < self.best_loss
        if improved:
            self.best_epoch, self.best_loss = epoch, loss
        return improved

    def exhausted(self, epoch: int) -> bool:
        """Whether, after this epoch, patience has run out."""
        return self.patience is not None and epoch - self.best_epoch >= self.patience
