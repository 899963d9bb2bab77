"""What counts the runs of a program."""

from __future__ import annotations

from typing import Protocol


class Counts(Protocol):
    """Is told of every batch, by its number of samples."""

    def add_run(self, samples: int) -> None:
        """They were run."""

    def add_sweep(self, samples: int) -> None:
        """They were differentiated by the adjoint method."""
