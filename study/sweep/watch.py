"""How far the whole sweep is, from the job folders and so the same for every launcher: one line on a terminal."""

from __future__ import annotations

import datetime
import threading
import time
from collections import Counter
from collections.abc import Sequence
from statistics import fmean
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from study.sweep.running import Runnable
from study.sweep.state import State, moment

PERIOD_SECONDS = 1.0
PLAIN_SECONDS = 60.0
PLAIN_SHARE = 0.1
"""Where there is no terminal to redraw, a line is written after so many seconds or jobs, whichever comes first."""


class Watch:
    """Within the block, a thread shows jobs done, without a score, failed and running and the time left.

    On a terminal that is one line; in a file, a line now and then.

    Args:
        jobs: of the sweep, finished ones included.
        console: where to draw. It must not follow a redirected stdout, as jobs in this process redirect theirs.
        began: when the sweep began, as in manifests; older failures are about to be tried again.
        seconds: the estimate that counts until a job has been done.
        parallel: how many jobs run at once.
    """

    def __init__(
        self, jobs: Sequence[Runnable], console: Console, began: str, seconds: float, parallel: int = 1
    ) -> None:
        self._jobs = jobs
        self._began = began
        self._seconds = seconds
        self._parallel = parallel
        # Of the jobs that ended in this sitting, by number; earlier ones may have run elsewhere.
        self._took: dict[int, float] = {}
        self._running: list[datetime.datetime] = []
        # A job that is finished stays so: with hundreds of jobs, reading all records again takes a share of a core.
        states = {number: job.state for number, job in enumerate(jobs)}
        self._finished = {number for number, state in states.items() if state.status == "finished"}
        self._unscored = {number for number in self._finished if states[number].unscored is not None}
        self._finished_before = len(self._finished)
        self._start = time.monotonic()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="sweep-watch")
        self._bar = Progress(
            TextColumn("jobs"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            redirect_stdout=False,
            redirect_stderr=False,
        )
        self._console = console
        self._told_at, self._told_done = self._start, -1
        self._line = self._bar.add_task("", total=len(jobs), completed=self._finished_before, figures="")

    def __enter__(self) -> Self:
        self._show()
        self._bar.start()
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._over.set()
        self._thread.join()
        self._show()
        self._bar.stop()

    def _run(self) -> None:
        while not self._over.wait(PERIOD_SECONDS):
            self._show()

    def _show(self) -> None:
        count = self.count()
        done = count["finished"] + count["failed"]
        if self._console.is_terminal:
            self._bar.update(self._line, completed=done, figures=self.figures(count))
        elif self._is_worth_a_line(done):
            self._told_at, self._told_done = time.monotonic(), done
            self._console.print(f"jobs {done}/{len(self._jobs)} {self.figures(count)}", soft_wrap=True)

    def _is_worth_a_line(self, done: int) -> bool:
        if done == len(self._jobs) or self._told_done < 0:
            return done != self._told_done
        many = done - self._told_done >= max(1.0, PLAIN_SHARE * len(self._jobs))
        return many or time.monotonic() - self._told_at >= PLAIN_SECONDS

    def count(self) -> Counter[str]:
        """How many jobs are finished, unscored (of the finished ones), failed or running, by what their folders say."""
        count: Counter[str] = Counter(finished=len(self._finished))
        self._running = []
        for number, job in enumerate(self._jobs):
            if number in self._finished:
                continue
            state = job.state
            if state.status == "finished":
                self._finished.add(number)
                if state.unscored is not None:
                    self._unscored.add(number)
                count["finished"] += 1
                self._note(number, state)
            elif state.status == "failed" and (state.ended or "") >= self._began:
                count["failed"] += 1
                self._note(number, state)
            elif state.status == "running" and (state.begun or "") >= self._began:
                count["running"] += 1
                if (begun := moment(state.begun)) is not None:
                    self._running.append(begun)
        count["unscored"] = len(self._unscored)
        return count

    def _note(self, number: int, state: State) -> None:
        if state.seconds is not None:
            self._took[number] = state.seconds

    def figures(self, count: Counter[str]) -> str:
        left = len(self._jobs) - count["finished"] - count["failed"]
        seconds = self.seconds_left(left)
        told = "longer than estimated" if seconds is None else f"{duration(seconds)} left"
        parts = ["done"]
        if count["unscored"]:
            parts.append(f"{count['unscored']} of them without a score")
        if count["failed"] or not count["unscored"]:
            parts.append(f"{count['failed']} failed")
        return ", ".join([*parts, f"{count['running']} running", told] if left else parts)

    def seconds_left(self, left: int) -> float | None:
        """From what the jobs of this sitting took on average; before the first has ended, what is left of the estimate.

        Args:
            left: jobs that have not ended, running ones among them: of these counts what the mean leaves of it.

        Returns:
            None where the estimate is used up and no job has ended: nothing is known then.
        """
        if not self._took:
            rest = self._seconds - (time.monotonic() - self._start)
            return rest if rest > 0 else None
        mean = fmean(self._took.values())
        now = datetime.datetime.now(datetime.UTC)
        begun = sum(min(mean, max(0.0, (now - one).total_seconds())) for one in self._running)
        return max(0.0, mean * left - begun) / max(1, min(self._parallel, left))


def duration(seconds: float) -> str:
    """A length of time for people.

    >>> duration(42), duration(200), duration(9000)
    ('42 s', '3 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
