"""What was bought: every task is written here before it is sent, so that a crash loses and repeats nothing.

A task's states, in order::

    RESERVED   written and paid for out of the budget; nothing was sent
    SENDING    being sent; whether it arrived is not known until its ARN is
    CREATED, QUEUED, RUNNING, CANCELLING      as the service calls them
    COMPLETED  results can be fetched
    COLLECTED  results are in the ledger
    FAILED, CANCELLED                         as the service calls them
    RELEASED   was reserved, and given up without being sent
    REFUSED    was sent, and not accepted

The file is SQLite. It holds no credentials. It holds a task's circuits, and with them the data encoded in their angles,
from the moment when the task is reserved until the service has accepted it.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from uuid import uuid4

import numpy as np

from qlayers.errors import ConfigurationError
from qlayers.spending.budget import Amount, Budget
from qlayers.spending.cache import CREATE_RESULTS, write_results

DEFAULT_PATH = "~/.qlayers/ledger.sqlite"

UNSENT = ("RESERVED",)
UNKNOWN = ("SENDING",)
UNDER_WAY = ("CREATED", "QUEUED", "RUNNING", "CANCELLING")
OPEN = (*UNSENT, *UNKNOWN, *UNDER_WAY, "COMPLETED")
"""States of tasks whose results may still come."""
WITHOUT_RESULT = ("FAILED", "CANCELLED")
GIVEN_UP = ("RELEASED", "REFUSED")
"""States of tasks that cost nothing for certain: the service never accepted them."""

_VERSION = 1
_TABLES = frozenset({"tasks", "circuits", "results"})
_WAIT_SECONDS = 60.0  # for another process that is writing
_CREATE = f"""
CREATE TABLE IF NOT EXISTS tasks (
    token TEXT PRIMARY KEY,
    project TEXT NOT NULL,
    device TEXT NOT NULL,
    device_arn TEXT NOT NULL,
    attempt INTEGER NOT NULL,
    status TEXT NOT NULL,
    arn TEXT UNIQUE,
    request TEXT,
    circuits INTEGER NOT NULL,
    shots INTEGER NOT NULL,
    program_set INTEGER NOT NULL,
    usd_predicted REAL NOT NULL,
    usd_at_most REAL NOT NULL,
    usd_tracked REAL,
    written_at REAL NOT NULL,
    sent_at REAL,
    times_sent INTEGER NOT NULL DEFAULT 0,
    started_at REAL,
    ended_at REAL,
    collected_at REAL,
    queue_seconds REAL,
    run_seconds REAL,
    failure TEXT
);
CREATE TABLE IF NOT EXISTS circuits (
    token TEXT NOT NULL REFERENCES tasks (token),
    position INTEGER NOT NULL,
    key TEXT NOT NULL,
    PRIMARY KEY (token, position)
);
CREATE INDEX IF NOT EXISTS circuits_by_key ON circuits (key);
CREATE INDEX IF NOT EXISTS tasks_by_project ON tasks (project);
{CREATE_RESULTS}
PRAGMA user_version = {_VERSION};
"""


class Overtaken(Exception):  # noqa: N818 - no error: the caller looks again
    """Another process has just reserved some of the same circuits."""


@dataclass(frozen=True)
class Purchase:
    """A task that is to be bought.

    Attributes:
        keys: For each of its circuits, the digest by which its results are found again.
        shots: Of all its circuits together.
        program_set: Whether it is a program set.
        usd: What it is expected to cost.
        usd_at_most: What it costs at the worst.
        request: What is sent, as JSON, without the token; sent again word for word if it must be.
        attempt: 0, or how many tasks with the same circuits have failed before.
        token: By which the service knows that it is the same purchase.
    """

    keys: tuple[str, ...]
    shots: int
    program_set: bool
    usd: float
    usd_at_most: float
    request: str
    attempt: int = 0
    token: str = ""

    @property
    def amount(self) -> Amount:
        """What the budget must have room for."""
        return Amount(self.usd_at_most, 1, self.shots)


@dataclass(frozen=True)
class Entry:
    """A task as the ledger has it. Times are seconds since 1970, amounts US dollars."""

    token: str
    project: str
    device: str
    device_arn: str
    attempt: int
    status: str
    arn: str | None
    request: str | None
    circuits: int
    shots: int
    program_set: bool
    usd_predicted: float
    usd_at_most: float
    usd_tracked: float | None
    written_at: float
    sent_at: float | None
    times_sent: int
    started_at: float | None
    ended_at: float | None
    collected_at: float | None
    queue_seconds: float | None
    run_seconds: float | None
    failure: str | None


_COLUMNS = tuple(item.name for item in fields(Entry))
_UPDATABLE = frozenset(_COLUMNS) - {
    "token",
    "project",
    "device",
    "device_arn",
    "circuits",
    "shots",
    "written_at",
}


class Ledger:
    """The ledger in one SQLite file, which several processes may use at once.

    Every change is on the disk before the method returns. The file is made at the first change.

    Args:
        path: The file; ``~`` is the home folder.
        now: The time in seconds since 1970.
    """

    def __init__(self, path: str | Path = DEFAULT_PATH, now: Callable[[], float] = time.time) -> None:
        self.path = Path(path).expanduser()
        self._now = now

    # ---------------------------------------------------------------- buying

    def reserve(
        self,
        project: str,
        device: str,
        device_arn: str,
        wanted: Sequence[Purchase],
        budget: Budget,
        plan: str = "",
    ) -> list[Purchase]:
        """Write tasks that are to be sent, if all of them fit into what the budget leaves; else none.

        What is spent is added up and the tasks are written in one transaction, so that processes that share the ledger
        cannot spend the same money.

        Returns:
            The purchases, with their tokens.

        Raises:
            BudgetExceeded: They do not fit.
            Overtaken: One of the circuits has an open task, or results, by now.
        """
        tokens = [replace(purchase, token=str(uuid4())) for purchase in wanted]
        now = self._now()
        with self._writing() as connection:
            keys = [key for purchase in wanted for key in purchase.keys]
            if any(entry.status in OPEN for entry in _latest(connection, keys).values()) or _collected(
                connection, keys
            ):
                raise Overtaken
            total = sum((purchase.amount for purchase in wanted), Amount())
            budget.check(_spent(connection, project), total, plan)
            for purchase in tokens:
                connection.execute(
                    "INSERT INTO tasks (token, project, device, device_arn, attempt, status, request, circuits, shots, "
                    "program_set, usd_predicted, usd_at_most, written_at) "
                    "VALUES (?, ?, ?, ?, ?, 'RESERVED', ?, ?, ?, ?, ?, ?, ?)",
                    (
                        purchase.token,
                        project,
                        device,
                        device_arn,
                        purchase.attempt,
                        purchase.request,
                        len(purchase.keys),
                        purchase.shots,
                        purchase.program_set,
                        purchase.usd,
                        purchase.usd_at_most,
                        now,
                    ),
                )
                connection.executemany(
                    "INSERT INTO circuits (token, position, key) VALUES (?, ?, ?)",
                    [(purchase.token, position, key) for position, key in enumerate(purchase.keys)],
                )
        return tokens

    def sending(self, token: str) -> bool:
        """Note that a task is being sent. False if somebody has given it up meanwhile: then it must not be sent."""
        with self._writing() as connection:
            changed = connection.execute(
                "UPDATE tasks SET status = 'SENDING', sent_at = COALESCE(sent_at, ?), times_sent = times_sent + 1 "
                "WHERE token = ? AND status IN ('RESERVED', 'SENDING')",
                (self._now(), token),
            )
            return changed.rowcount == 1

    def accepted(self, token: str, arn: str) -> None:
        """Note that the service has accepted a task; what was kept to send it again is removed."""
        with self._writing() as connection:
            connection.execute(
                "UPDATE tasks SET arn = ?, request = NULL, status = 'CREATED' "
                "WHERE token = ? AND status IN ('RESERVED', 'SENDING')",
                (arn, token),
            )

    def release(self, tokens: Sequence[str]) -> None:
        """Give up tasks that nothing was sent of. Those of which something may have been sent stay as they are."""
        with self._writing() as connection:
            connection.executemany(
                "UPDATE tasks SET status = 'RELEASED', request = NULL, usd_tracked = 0 "
                "WHERE token = ? AND status = 'RESERVED'",
                [(token,) for token in tokens],
            )

    def refused(self, token: str, failure: str, *, again: bool) -> bool:
        """Note that the service has not accepted a task, for certain.

        Unless somebody else has sent it too, now or before a crash: then it may have been accepted all the same, and
        the task stays as it is.

        Args:
            token: The task's.
            failure: Why, without secrets.
            again: Whether it is to be sent later; then it stays reserved.

        Returns:
            Whether it was noted.
        """
        given_up = "status = 'REFUSED', request = NULL, usd_tracked = 0"
        changes = "status = 'RESERVED', times_sent = 0" if again else given_up
        with self._writing() as connection:
            changed = connection.execute(
                f"UPDATE tasks SET {changes}, failure = ? WHERE token = ? AND status = 'SENDING' AND times_sent = 1",
                (failure, token),
            )
            return changed.rowcount == 1

    def update(self, token: str, **values: object) -> None:
        """Change columns of a task that the service has accepted."""
        unknown = set(values) - _UPDATABLE
        if unknown:
            raise KeyError(f"no such columns: {sorted(unknown)}")
        if values:
            with self._writing() as connection:
                _update(connection, token, values)

    def collected(self, token: str, results: Mapping[str, np.ndarray], **values: object) -> None:
        """Write the results of a task and its last state together: both or none."""
        with self._writing() as connection:
            write_results(connection, token, results, self._now())
            _update(connection, token, {"status": "COLLECTED", "collected_at": self._now(), **values})

    # ---------------------------------------------------------------- looking

    def spent(self, project: str) -> Amount:
        """What a project has spent and reserved.

        Tasks that have not ended count at the worst. So do those that failed or were cancelled: what is billed for
        them cannot be seen from here.
        """
        with self._reading() as connection:
            return Amount() if connection is None else _spent(connection, project)

    def latest(self, keys: Sequence[str]) -> dict[str, Entry]:
        """For each circuit, the last task that it was part of; those that never were in one are left out."""
        with self._reading() as connection:
            return {} if connection is None else _latest(connection, keys)

    def keys(self, token: str) -> tuple[str, ...]:
        """The keys of a task's circuits, in the order in which they were sent."""
        with self._reading() as connection:
            if connection is None:
                return ()
            rows = connection.execute("SELECT key FROM circuits WHERE token = ? ORDER BY position", (token,))
            return tuple(row[0] for row in rows)

    def entry(self, token: str) -> Entry:
        """One task.

        Raises:
            KeyError: There is none with this token.
        """
        for entry in self.entries(token=token):
            return entry
        raise KeyError(token)

    def entries(self, **wanted: object) -> list[Entry]:
        """All tasks whose columns have these values, in the order in which they were written."""
        condition = " AND ".join(f"{_column(name)} = ?" for name in wanted) or "1"
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM tasks WHERE {condition} ORDER BY written_at, rowid",
                tuple(wanted.values()),
            )
            return [_entry(row) for row in rows]

    def collected_last(self, device: str, number: int) -> list[Entry]:
        """The last tasks on a device whose results were collected, the newest first."""
        with self._reading() as connection:
            if connection is None:
                return []
            rows = connection.execute(
                f"SELECT {', '.join(_COLUMNS)} FROM tasks WHERE device = ? AND status = 'COLLECTED' "
                "ORDER BY rowid DESC LIMIT ?",
                (device, number),
            )
            return [_entry(row) for row in rows]

    # ---------------------------------------------------------------- the file

    @contextlib.contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection; None if there is no ledger yet."""
        if not self.path.exists():
            yield None
            return
        with self._connected() as connection:
            yield connection

    @contextlib.contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction that no other process can come between; what fails inside leaves no trace."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self._connected() as connection:
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """A connection of its own: it may be wanted in any thread, and after any fork."""
        try:
            with contextlib.closing(
                sqlite3.connect(self.path, timeout=_WAIT_SECONDS, isolation_level=None)
            ) as connection:
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version > _VERSION:
                    raise ConfigurationError(
                        f"The ledger {self.path} was written by a newer qlayers (its version is {version}, this one "
                        f"reads {_VERSION}). Update qlayers."
                    )
                connection.execute("PRAGMA synchronous = FULL")
                if version == 0:  # new, or half made by a process that was killed, or somebody else's
                    tables = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
                    if not {row[0] for row in tables} <= _TABLES:
                        raise ConfigurationError(
                            f"{self.path} is a database, and no ledger of qlayers. Give the path that backend.ledger "
                            "has."
                        )
                    connection.executescript(_CREATE)
                yield connection
        except sqlite3.DatabaseError as error:
            reason = str(error)
        else:
            return
        raise ConfigurationError(
            f"The ledger {self.path} cannot be used: {reason}. Nothing is bought without one. Say where it is, or is "
            "to be, with ledger."
        )


def _spent(connection: sqlite3.Connection, project: str) -> Amount:
    row = connection.execute(
        "SELECT COALESCE(SUM(CASE WHEN status = 'COLLECTED' AND usd_tracked IS NOT NULL THEN usd_tracked "
        "ELSE usd_at_most END), 0), COUNT(*), COALESCE(SUM(shots), 0) FROM tasks "
        "WHERE project = ? AND status NOT IN ('RELEASED', 'REFUSED')",
        (project,),
    ).fetchone()
    return Amount(float(row[0]), int(row[1]), int(row[2]))


def _latest(connection: sqlite3.Connection, keys: Sequence[str]) -> dict[str, Entry]:
    columns = ", ".join(f"tasks.{name}" for name in _COLUMNS)
    found: dict[str, Entry] = {}
    for key in dict.fromkeys(keys):
        row = connection.execute(
            f"SELECT {columns} FROM circuits JOIN tasks USING (token) WHERE circuits.key = ? "
            "AND status NOT IN ('RELEASED', 'REFUSED') ORDER BY attempt DESC, tasks.rowid DESC LIMIT 1",
            (key,),
        ).fetchone()
        if row is not None:
            found[key] = _entry(row)
    return found


def _collected(connection: sqlite3.Connection, keys: Sequence[str]) -> bool:
    return any(
        connection.execute("SELECT 1 FROM results WHERE key = ?", (key,)).fetchone() is not None
        for key in keys
    )


def _update(connection: sqlite3.Connection, token: str, values: Mapping[str, object]) -> None:
    assigned = ", ".join(f"{_column(name)} = ?" for name in values)
    # What was collected stays so, whatever a process says that was slower.
    connection.execute(
        f"UPDATE tasks SET {assigned} WHERE token = ? AND status != 'COLLECTED'", (*values.values(), token)
    )


def _column(name: str) -> str:
    if name not in _COLUMNS:
        raise KeyError(f"no such column: {name}")
    return name


def _entry(row: Sequence[object]) -> Entry:
    values = dict(zip(_COLUMNS, row, strict=True))
    return Entry(**{**values, "program_set": bool(values["program_set"])})  # type: ignore[arg-type]
