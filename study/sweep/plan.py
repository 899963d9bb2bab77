"""What a sweep is going to do: its jobs, their folders, and what is done already."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from omegaconf import DictConfig

from study import build
from study.config.leaving import only_planned
from study.data.prepare import load_table
from study.errors import StudyError
from study.fitting.paid import NOTHING_TO_TRAIN_ON
from study.report.columns import PRIMARY
from study.run.atomic import write_json
from study.run.description import located
from study.run.entrants import main_name
from study.run.environment import REPORTING, code_digest
from study.run.identity import job_digest, run_name
from study.run.manifest import now
from study.run.stages import plain_config
from study.run.stored import read_json
from study.run.writable import make_folder
from study.sweep.expansion import Expansion
from study.sweep.job import SWEEP_FILE
from study.sweep.state import State, read_state

LOWER_IS_BETTER = {"rmse"}
FORMAT = 1


@dataclass(frozen=True)
class Planned:
    """One job: `folder` is named by the digest of its configuration, its data and the code."""

    number: int
    overrides: tuple[str, ...]
    values: Mapping[str, Any]
    config: DictConfig
    digest: str
    fingerprint: str
    folder: Path

    @property
    def state(self) -> State:
        """As of now."""
        return read_state(self.folder)

    @property
    def label(self) -> str:
        """The swept keys and their values as they were typed."""
        return " ".join(self.words())

    def words(self, without: Collection[str] = ()) -> list[str]:
        """The overrides of the swept keys as they were typed, but for some keys."""
        keys = [(word.partition("=")[0].lstrip("+").replace("/", "."), word) for word in self.overrides]
        return [word.lstrip("+") for key, word in keys if key in self.values and key not in without]


@dataclass(frozen=True)
class Plan:
    """A sweep: `folder` is its own, named by the digest of the list of jobs."""

    words: list[str]
    axes: dict[str, list[Any]]
    jobs: list[Planned]
    task: str
    folder: Path

    @property
    def metric(self) -> str:
        return PRIMARY[self.task]

    @property
    def greater_is_better(self) -> bool:
        return self.metric not in LOWER_IS_BETTER

    def write(self) -> None:
        """Write sweep.json, unless it is there and says the same: who reads it may be reading it now.

        Why jobs failed is kept in it too, because their folders may be deleted.
        """
        jobs = [
            {
                "number": job.number,
                "values": dict(job.values),
                "folder": Path(os.path.relpath(job.folder, self.folder)).as_posix(),
                "digest": job.digest,
                "overrides": list(job.overrides),
                "failure": state.failure if (state := job.state).status == "failed" else None,
            }
            for job in self.jobs
        ]
        content = {
            "format": FORMAT,
            "created": now(),
            "overrides": self.words,
            "axes": self.axes,
            "task": self.task,
            "metric": self.metric,
            "greater_is_better": self.greater_is_better,
            "jobs": jobs,
        }
        make_folder(self.folder, "output_dir")
        path = self.folder / SWEEP_FILE
        try:
            before = read_json(path, dict[str, Any])
        except StudyError:
            before = {}
        if {**before, "created": None} != {**content, "created": None}:
            write_json(path, content)


def make_plan(expansion: Expansion, base: Path) -> Plan:
    """Read the data, each once, and name every job's folder.

    Raises:
        StudyError: data cannot be read, two jobs are the same, or the jobs are of different tasks.
    """
    code = code_digest(without=REPORTING)
    tables: dict[str, tuple[str, str, str]] = {}
    jobs: list[Planned] = []
    tasks: dict[str, str] = {}
    by_digest: dict[str, Planned] = {}
    for number, request in enumerate(expansion.jobs):
        config = located(request.config, base)
        if only_planned(config):
            raise StudyError(NOTHING_TO_TRAIN_ON)
        values = plain_config(config)
        node = json.dumps(values["data"], sort_keys=True)
        if node not in tables:
            table = load_table(build.dataset(config))
            tables[node] = (table.name, table.task, table.fingerprint)
        name, task, fingerprint = tables[node]
        digest = job_digest(values, fingerprint, code)
        folder = Path(config.output_dir) / "jobs" / run_name(name, main_name(config), digest)
        job = Planned(number, request.overrides, request.values, config, digest, fingerprint, folder)
        if digest in by_digest:
            raise StudyError(
                f"{by_digest[digest].label} and {job.label} are the same job. Name each value once."
            )
        by_digest[digest] = job
        tasks[task] = name
        jobs.append(job)
    if len(tasks) > 1:
        which = ", ".join(f"{name} ({task})" for task, name in tasks.items())
        raise StudyError(
            f"A sweep is about one task, and its data have two: {which}. Sweep over each by itself."
        )
    [task] = tasks
    return Plan(
        expansion.words, expansion.axes, jobs, task, _folder(jobs, next(iter(tables.values()))[0], base)
    )


def _folder(jobs: list[Planned], data: str, base: Path) -> Path:
    config = jobs[0].config
    if config.sweep.folder is not None:
        return (base / Path(config.sweep.folder).expanduser()).resolve()
    digest = hashlib.sha256("\n".join(job.digest for job in jobs).encode()).hexdigest()
    return Path(config.output_dir) / "sweeps" / run_name(data, "x", digest).replace("-x-", "-")
