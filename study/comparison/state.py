"""What the folder of a study's job says of the job."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from study.errors import StudyError
from study.run.atomic import write_json
from study.run.stored import read_json
from study.sweep.state import State

OUTCOME, RECORD = "outcome.json", "job.json"


def read_state(folder: Path) -> State:
    """How far the job came: it is finished exactly if its outcome is there, which is written last and at once.

    An outcome that cannot be read counts too: whoever loads the evidence says what is wrong with it.
    """
    finished = (folder / OUTCOME).exists()
    unscored = _failure_of(folder / OUTCOME) if finished else None
    try:
        record = read_json(folder / RECORD, State)
    except StudyError:
        return State("finished", unscored=unscored) if finished else State("absent")
    status = record.status
    if finished:
        status = "finished"  # also where the process was killed before it could put that on record
    elif status == "finished":
        status = "running"
    return replace(record, status=status, unscored=unscored)


def write_state(folder: Path, **entries: Any) -> None:
    """Set entries of the job's record; the others stay."""
    try:
        record = read_json(folder / RECORD, dict[str, Any])
    except StudyError:
        record = {}
    write_json(folder / RECORD, {**record, **entries})


def _failure_of(outcome: Path) -> str | None:
    try:
        failure = read_json(outcome, dict[str, Any]).get("failure")
    except StudyError:
        return None
    return None if failure is None else str(failure)
