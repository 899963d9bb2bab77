"""What the folder of a study's job says of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from study.run.atomic import read_json, write_json
from study.sweep.state import State

OUTCOME, RECORD = "outcome.json", "job.json"


def read_state(folder: Path) -> State:
    """How far the job came: it is finished exactly if its outcome is there, which is written last and at once.

    An outcome that cannot be read counts too: whoever loads the evidence says what is wrong with it.
    """
    finished = (folder / OUTCOME).exists()
    unscored = _failure_of(folder / OUTCOME) if finished else None
    try:
        record: dict[str, Any] = read_json(folder / RECORD)
        status = record["status"]
    except (OSError, ValueError, KeyError, TypeError):
        return State("finished", unscored=unscored) if finished else State("absent")
    if finished:
        status = "finished"  # also where the process was killed before it could put that on record
    elif status == "finished":
        status = "running"
    return State(status, record.get("failure"), record.get("begun"), record.get("ended"), unscored)


def write_state(folder: Path, **entries: Any) -> None:
    """Set entries of the job's record; the others stay."""
    try:
        record = dict(read_json(folder / RECORD))
    except (OSError, ValueError, TypeError):
        record = {}
    write_json(folder / RECORD, {**record, **entries})


def _failure_of(outcome: Path) -> str | None:
    try:
        failure = read_json(outcome)["failure"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return None if failure is None else str(failure)
