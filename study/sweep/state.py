"""What a job's folder says of the job. Reading leaves every file as it is, its time of modification included."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.errors import StudyError
from study.run.folder import RunFolder
from study.run.manifest import read_manifest

VALIDATION = "validation.json"
LOCK = ".lock"


class Validation(TypedDict):
    """What validation.json holds."""

    rows: int
    metrics: dict[str, float | None]


Status = Literal["absent", "running", "failed", "finished"]


@dataclass(frozen=True)
class State:
    """How far a job came.

    Attributes:
        status: "running" may also be a job whose process was killed: only its lock can tell.
        failure: why it failed.
        begun: when the latest attempt began, in ISO format.
        ended: when it ended.
        unscored: why a finished job has no score, where what was fitted failed: that is a result too.
    """

    status: Status
    failure: str | None = None
    begun: str | None = None
    ended: str | None = None
    unscored: str | None = None

    @property
    def seconds(self) -> float | None:
        """How long the latest attempt took; None if it has not ended, or its times are not on record."""
        begun, ended = moment(self.begun), moment(self.ended)
        if self.status not in ("finished", "failed") or begun is None or ended is None or ended < begun:
            return None
        return (ended - begun).total_seconds()


def moment(text: str | None) -> datetime.datetime | None:
    """A time of a record; None where it is none, or does not say in which zone."""
    try:
        found = datetime.datetime.fromisoformat(text or "")
    except ValueError:
        return None
    return None if found.tzinfo is None else found


def read_state(folder: Path) -> State:
    try:
        manifest = read_manifest(RunFolder(folder))
    except StudyError:
        return State("absent")
    status = manifest["status"]
    if status == "finished" and not (folder / VALIDATION).exists():
        status = "running"
    begun = (manifest["resumed"] or [manifest["started"]])[-1]
    return State(status, manifest["failure"], begun, manifest["ended"])
