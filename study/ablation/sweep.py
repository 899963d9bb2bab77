"""What a sweep was: its axes, its jobs and where their folders are, from sweep.json and final.json."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from study.errors import StudyError
from study.run.stored import read_json

SWEEP_FILE, FINAL_FILE = "sweep.json", "final.json"
# What is varied to see how much the outcome varies by itself; every other swept key is a question.
REPEATS = ("seed", "split.fold", "split.repeat")
SPLIT_KEYS = ("split.fold", "split.repeat")
# What the names of validation metrics begin with in the table of the jobs.
PREFIX = "val_"
AGAIN = "Start the sweep again with the same overrides: it writes the file anew and keeps what is finished."
GIVE_A_SWEEP = (
    "Give the sweep folder that train.py -m named when it ended, or the folders of two or more studies that compare.py "
    "named, as in report.py runs/studies/*"
)


class _Part(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class Job(_Part):
    """One job: `values` has every swept key, `folder` is relative to the sweep folder.

    `failure` is why it had failed when sweep.json was last written.
    """

    number: int
    values: dict[str, Any]
    folder: str
    digest: str = ""
    failure: str | None = None


class Sweep(_Part):
    """A sweep as it was asked for, whatever became of its jobs."""

    format: Literal[1]
    created: str = ""
    overrides: list[str] = []
    axes: dict[str, list[Any]]
    task: Literal["classification", "regression"]
    metric: str
    greater_is_better: bool
    jobs: list[Job] = Field(min_length=1)

    @property
    def questions(self) -> list[str]:
        """The swept keys that are not repeats, in the order of the command line."""
        return [key for key in self.axes if key not in REPEATS]

    @property
    def repeats(self) -> list[str]:
        return [key for key in self.axes if key in REPEATS]


class FinalModel(_Part):
    """One model on the test part of one split."""

    name: str
    role: Literal["main", "control"]
    seed: int | None = None
    metrics: dict[str, float | None] = {}
    n_parameters: int | None = None
    fit_seconds: float | None = None
    latency_seconds: float | None = None
    failure: str | None = None


class FinalSplit(_Part):
    split: dict[str, Any] = {}
    rows: int | None = None
    models: list[FinalModel]


class Final(_Part):
    """The configuration chosen on validation, and its test results beside the controls'."""

    chosen: dict[str, Any]
    reason: str = ""
    over: list[str] = []
    splits: list[FinalSplit] = []


def read_sweep(folder: Path, option: str = "sweep") -> Sweep:
    """The sweep in `folder`, which the user named by `option`.

    Raises:
        StudyError: there is no such folder, it is not that of a sweep, or its sweep.json is damaged.
    """
    if not folder.is_dir():
        raise StudyError(f"{option}={folder} is not a folder. {GIVE_A_SWEEP}")
    path = folder / SWEEP_FILE
    if not path.exists():
        raise StudyError(f"{option}={folder} is not a sweep folder: {_instead(folder)}. {GIVE_A_SWEEP}")
    sweep: Sweep = read_json(path, Sweep, AGAIN)
    for job in sweep.jobs:
        lacking = [key for key in sweep.axes if key not in job.values]
        if lacking:
            raise StudyError(
                f"{option}={folder}: job {job.number} in {SWEEP_FILE} has no value of {', '.join(lacking)}."
            )
    return sweep


def read_final(folder: Path) -> tuple[Final | None, str | None]:
    """What final.json says, or None and the reason if it is damaged; None and None if there is no such file."""
    path = folder / FINAL_FILE
    if not path.exists():
        return None, None
    try:
        return read_json(path, Final, AGAIN), None
    except StudyError as error:
        return None, str(error)


def label(value: Any) -> str:
    """A swept value as it is written on the command line."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _instead(folder: Path) -> str:
    if not any(folder.iterdir()):
        return "it is empty"
    if (folder / "manifest.json").exists():
        return f"it is the folder of one run, with no {SWEEP_FILE} in it"
    if (folder / "study.json").exists():
        return "it is the folder of one study, whose report is in report/; name two or more to compare over datasets"
    return f"{SWEEP_FILE} not found in it"
