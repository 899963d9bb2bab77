"""How far the climb is: a bar on a terminal, a line a rung elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from study.sweep.watch import duration

LEAST = 0.05  # seconds that a step counts for at least: a rung that takes no time is still one


class Ascent:
    """Within the block, show which rung is being climbed and the time left.

    Args:
        console: where to draw.
        weights: of each step that is still to be made, such as rungs, in seconds.
    """

    def __init__(self, console: Console, weights: Sequence[float]) -> None:
        self._console = console
        self._weights = [max(LEAST, weight) for weight in weights]
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(bar_width=24),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeRemainingColumn(compact=True, elapsed_when_finished=True),
            TextColumn("left"),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._line = self._bar.add_task("", total=sum(self._weights))
        self._done = 0.0

    def __enter__(self) -> Self:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def step(self, number: int, label: str, parts: int) -> Callable[[int], None]:
        """Begin step `number`, of so many parts; returns what is to be called with the number of parts done."""
        weight = self._weights[number]
        self._done = sum(self._weights[:number])
        self._bar.update(
            self._line, description=f"{number + 1}/{len(self._weights)} {label}", completed=self._done
        )

        def advance(done: int) -> None:
            self._done += weight * done / parts
            self._bar.update(self._line, completed=self._done)

        return advance

    def said(self, number: int, label: str, begun: float, outcome: str) -> None:
        """Say how a step ended: the line stays above the bar."""
        self._console.print(
            f"({number + 1}/{len(self._weights)}) {label}: {outcome}, {duration(time.perf_counter() - begun)}",
            soft_wrap=True,
        )
