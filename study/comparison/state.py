"""What the folder of a study's job says of the job."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from study.run.atomic import read_json, write_json
from study.sweep.state import State

OUTCOME, RECORD = "outcome.json", "job.json"


def read_state(folder: Path) -> State:
    """How far the job came: it is finished exactly if its outcome is there, which is written last and at once."""
    finished = (folder / OUTCOME).exists()
    try:
        record: dict[str, Any] = read_json(folder / RECORD)
        status = record["status"]
    except (OSError, ValueError, KeyError, TypeError):
        return State("finished") if finished else State("absent")
    if finished:
        status = "finished"  # also where the process was killed before it could put that on record
    elif status == "finished":
        status = "running"
    return State(status, record.get("failure"), record.get("begun"), record.get("ended"))


def write_state(folder: Path, **entries: Any) -> None:
    """Set entries of the job's record; the others stay."""
    try:
        record = dict(read_json(folder / RECORD))
    except (OSError, ValueError, TypeError):
        record = {}
    write_json(folder / RECORD, {**record, **entries})
