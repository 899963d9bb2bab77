"""What a study has taken so far, and whether that ends it."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.comparison.state import OUTCOME, RECORD
from study.errors import StudyError
from study.run.atomic import write_json
from study.run.manifest import now
from study.run.stored import read_json
from study.sweep.state import State

SITTINGS, STOPPED = "sittings.json", "stopped.json"
NO_SITTINGS = (
    "Put the original file back, or remove it: then the time that the study took is counted from now on."
)


class _Executed(TypedDict):
    executions: int


def begin_sitting(folder: Path) -> str:
    """Put on record that somebody starts or goes on with the study; returns the moment."""
    moment = now()
    write_json(folder / SITTINGS, [*sittings(folder), moment])
    return moment


def sittings(folder: Path) -> list[str]:
    """When the study was started and gone on with."""
    path = folder / SITTINGS
    return read_json(path, list[str], NO_SITTINGS) if path.exists() else []


def wall_seconds(folder: Path, until: str | None = None) -> float:
    """Over all sittings: each from its beginning to the last job that ended in it; the present one to `until`."""
    begun = [_moment(text) for text in sittings(folder)]
    ends = sorted(_moment(text) for path in folder.glob(f"jobs/*/{RECORD}") if (text := _ended(path)))
    total = 0.0
    for number, start in enumerate(begun):
        after = begun[number + 1] if number + 1 < len(begun) else None
        within = [end for end in ends if end >= start and (after is None or end < after)]
        last = max(within, default=start)
        if after is None and until is not None:
            last = max(last, _moment(until))
        total += (last - start).total_seconds()
    return total


def executions(folder: Path) -> int:
    """Circuit executions of the jobs that ended."""
    return sum(read_json(path, _Executed)["executions"] for path in folder.glob(f"jobs/*/{OUTCOME}"))


def stop_reason(folder: Path, whole: Mapping[str, Any]) -> str | None:
    """Why the study ends early, or None if it goes on. Once it struck, the reason is on record and stays."""
    from study.gates.stop_loss import stop_loss

    record = folder / STOPPED
    if record.exists():
        return str(read_json(record, dict[str, str])["reason"])
    limits = whole["declared"]["stop_loss"]
    # Nothing that runs here costs money.
    reason = stop_loss(
        limits,
        seconds=wall_seconds(folder, now()),
        executions=executions(folder) if limits["executions"] is not None else 0,
        usd=0.0,
    )
    if reason is not None:
        write_json(record, {"reason": reason})
    return reason


def _ended(path: Path) -> str | None:
    try:
        return read_json(path, State).ended
    except StudyError:
        return None


def _moment(text: str) -> datetime.datetime:
    return datetime.datetime.fromisoformat(text)
