"""Jobs handed to a launcher until nothing is left that was not tried."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout
from omegaconf import DictConfig
from rich.console import Console

from study.config.program import Program
from study.errors import StudyError
from study.sweep.launching import Task, launch, launcher_of
from study.sweep.state import LOCK, State


class Runnable(Protocol):
    """A job as a launcher and the terminal see it."""

    @property
    def overrides(self) -> tuple[str, ...]:
        """By which the launcher names it."""

    @property
    def folder(self) -> Path:
        """Where its record and its lock are."""

    @property
    def state(self) -> State:
        """As of now."""


def run_all(
    jobs: Sequence[Runnable],
    task: Callable[[bool], Task],
    *,
    program: Program,
    lines: Sequence[str],
    config_dir: str | None,
    launcher: str,
    hydra: DictConfig,
    parallel: int,
    began: str,
    folder: Path,
    console: Console,
    record_death: Callable[[Path, str], None],
) -> None:
    """Launch what is not finished until nothing is left that was not tried.

    Jobs that another process holds are left to it at first and waited for at the end. A worker that dies takes the
    rest of its launch with it, so the rest is launched again.

    Args:
        jobs: all of them.
        task: whether to wait for a job that another process holds → what the launcher calls in every job.
        program: of the command line.
        lines: the command line.
        config_dir: a folder with further options.
        launcher: the option of hydra/launcher.
        hydra: Hydra's own node.
        parallel: how many run at once.
        began: when this sitting began, as in the jobs' records; older failures are tried again.
        folder: where the launcher keeps its own files.
        console: where a death is told.
        record_death: called with a job's folder and the reason when its process died.

    Raises:
        StudyError: the launcher cannot run anything.
    """
    at_once = parallel if launcher == "submitit_local" else hydra.sweeper.get("max_batch_size")
    wait = False
    while True:
        todo = [job for job in jobs if not _over(job, began)]
        if not todo:
            return
        try:
            with launcher_of(program.name, lines, config_dir, folder, task(wait)) as started:
                launch(started, [job.overrides for job in todo], at_once)
        except Exception as error:
            reason = f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
            died = [job for job in todo if job.state.status == "running" and _abandoned(job.folder / LOCK)]
            for job in died:
                record_death(job.folder, f"its process ended without a word ({reason})")
            if not died and all(not _over(job, began) for job in todo):
                raise StudyError(f"hydra/launcher={launcher} could not run the jobs: {reason}") from error
            console.print(f"A worker ended: {reason}. The rest is launched again.", style="yellow")
            continue
        if wait:
            return
        wait = True


def cores() -> int:
    """Of this process."""
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on Linux
        return os.cpu_count() or 1


def _over(job: Runnable, began: str) -> bool:
    """Whether the job was finished at any time, or failed since the sweep began."""
    state = job.state
    return state.status == "finished" or (state.status == "failed" and (state.ended or "") >= began)


def _abandoned(lock: Path) -> bool:
    """Whether nobody holds the lock: the process that did is gone."""
    try:
        with FileLock(lock, timeout=0):
            return True
    except Timeout:
        return False
