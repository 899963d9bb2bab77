"""The ledger for people: what was bought, what it cost, and whether that was predicted."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from qlayers.spending.ledger import GIVEN_UP, OPEN, Entry

_COLUMNS = (
    "written",
    "project",
    "device",
    "status",
    "circuits",
    "shots",
    "predicted",
    "at most",
    "tracked",
    "task",
)
_RIGHT = {"circuits", "shots", "predicted", "at most", "tracked", "tasks", "open", "failed", "difference"}
_SUMS = (
    "project",
    "device",
    "tasks",
    "open",
    "failed",
    "circuits",
    "shots",
    "predicted",
    "tracked",
    "difference",
)


@dataclass(frozen=True)
class Sum:
    """What a project has bought on a device.

    Attributes:
        project: Its name.
        device: The device's name.
        tasks: Tasks that were sent, or are to be.
        open: Those whose end is not in the ledger.
        failed: Those that failed or were cancelled.
        circuits: Circuits of them all.
        shots: Shots of them all.
        usd_predicted: What those that were collected were expected to cost.
        usd_tracked: What they cost, by what the service says of them.
        usd_open: What is reserved for the open ones.
    """

    project: str
    device: str
    tasks: int
    open: int
    failed: int
    circuits: int
    shots: int
    usd_predicted: float
    usd_tracked: float
    usd_open: float


def sums(entries: Iterable[Entry]) -> list[Sum]:
    """What was bought by project and device, in alphabetical order."""
    groups: dict[tuple[str, str], list[Entry]] = {}
    for entry in entries:
        if entry.status not in GIVEN_UP:
            groups.setdefault((entry.project, entry.device), []).append(entry)
    found = []
    for (project, device), group in sorted(groups.items()):
        collected = [entry for entry in group if entry.status == "COLLECTED"]
        waiting = [entry for entry in group if entry.status in OPEN]
        found.append(
            Sum(
                project=project,
                device=device,
                tasks=len(group),
                open=len(waiting),
                failed=len(group) - len(collected) - len(waiting),
                circuits=sum(entry.circuits for entry in group),
                shots=sum(entry.shots for entry in group),
                usd_predicted=sum(entry.usd_predicted for entry in collected),
                usd_tracked=sum(entry.usd_tracked or 0.0 for entry in collected),
                usd_open=sum(entry.usd_at_most for entry in waiting),
            )
        )
    return found


def lines(entries: Sequence[Entry], *, tasks: bool = True) -> list[str]:
    """The ledger as text: its tasks, then their sums.

    Args:
        entries: The tasks, in order.
        tasks: Whether they are listed, or only summed.
    """
    if not entries:
        return ["The ledger has no tasks."]
    found: list[str] = []
    if tasks:
        found += [*_table(_COLUMNS, [_row(entry) for entry in entries]), ""]
    by_device = sums(entries)
    found += _table(_SUMS, [_sum_row(one) for one in by_device])
    total = sum(one.usd_tracked for one in by_device)
    reserved = sum(one.usd_open for one in by_device)
    found += [
        "",
        f"Tracked: ${total:.4f}" + (f", and up to ${reserved:.4f} for open tasks" if reserved else ""),
    ]
    dearer = [entry for entry in entries if (entry.usd_tracked or 0.0) > entry.usd_at_most + 1e-9]
    if dearer:
        found.append(f"{len(dearer)} cost more than was reserved: raise backend.seconds_at_most.")
    return found


def _row(entry: Entry) -> list[str]:
    written = datetime.datetime.fromtimestamp(entry.written_at).isoformat(sep=" ", timespec="seconds")
    return [
        written,
        entry.project,
        entry.device,
        entry.status + (f" ({entry.attempt + 1}. try)" if entry.attempt else ""),
        str(entry.circuits),
        str(entry.shots),
        _usd(entry.usd_predicted),
        _usd(entry.usd_at_most),
        _usd(entry.usd_tracked),
        entry.arn or f"token {entry.token}",
    ]


def _sum_row(one: Sum) -> list[str]:
    counts = [one.tasks, one.open, one.failed, one.circuits, one.shots]
    usd = [one.usd_predicted, one.usd_tracked, one.usd_tracked - one.usd_predicted]
    return [one.project, one.device, *map(str, counts), *map(_usd, usd)]


def _usd(amount: float | None) -> str:
    return "" if amount is None else f"{amount:.5f}"


def _table(names: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as their longest entry, numbers to the right."""
    whole = [list(names), *rows]
    widths = [max(len(row[place]) for row in whole) for place in range(len(names))]
    return [
        "  ".join(
            cell.rjust(width) if name in _RIGHT else cell.ljust(width)
            for cell, width, name in zip(row, widths, names, strict=True)
        ).rstrip()
        for row in whole
    ]
