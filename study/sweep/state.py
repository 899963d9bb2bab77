"""What a job's folder says of the job. Reading leaves every file as it is, its time of modification included."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from study.run.atomic import read_json
from study.run.folder import RunFolder

VALIDATION = "validation.json"
LOCK = ".lock"

Status = Literal["absent", "running", "failed", "finished"]


@dataclass(frozen=True)
class State:
    """How far a job came.

    Attributes:
        status: "running" may also be a job whose process was killed: only its lock can tell.
        failure: why it failed.
        begun: when the latest attempt began, in ISO format.
        ended: when it ended.
    """

    status: Status
    failure: str | None = None
    begun: str | None = None
    ended: str | None = None


def read_state(folder: Path) -> State:
    try:
        manifest: dict[str, Any] = read_json(RunFolder(folder).manifest)
        status = manifest["status"]
    except (OSError, ValueError, KeyError, TypeError):
        return State("absent")
    if status == "finished" and not (folder / VALIDATION).exists():
        status = "running"
    resumed = manifest.get("resumed") or [manifest.get("started")]
    return State(status, manifest.get("failure"), resumed[-1], manifest.get("ended"))
