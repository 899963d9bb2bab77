"""The exceptions whose messages are written for the person at the keyboard."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from typing import ClassVar

from study.exit_codes import ExitCode

NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


class StudyError(ValueError):
    """A request that cannot be carried out, in one paragraph: the option, what came, what is allowed, what to do.

    The command line prints the message without a traceback and exits with `exit_code`.
    """

    exit_code: ClassVar[ExitCode] = ExitCode.REFUSED


class BusyError(StudyError):
    """Another process is at work where this one was to work."""

    exit_code = ExitCode.BUSY


def refuse_full_disk(error: BaseException) -> None:
    """Raise StudyError if an error comes from a full disk: where failures are results, that is none."""
    if (full := disk_full(error)) is not None:
        raise full from error


def disk_full(error: BaseException) -> StudyError | None:
    """Return the message for a disk that is full if that is what an error comes from, else None.

    Libraries wrap the operating system's error, or, as SQLite does, have an error of their own for it.
    """
    for cause in _causes(error):
        if isinstance(cause, OSError) and cause.errno in NO_SPACE:
            where = f" while {cause.filename} was written" if cause.filename else ""
        elif "database or disk is full" in str(cause):
            where = " while a database was written"
        else:
            continue
        return StudyError(
            f"There is no space left on the disk{where}. What was written before is kept. Make room, or name another "
            "folder, and give the same command again."
        )
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    """An exception, and those that it was raised from or during."""
    seen: set[int] = set()
    todo: list[BaseException | None] = [error]
    while todo:
        one = todo.pop()
        if one is not None and id(one) not in seen:
            seen.add(id(one))
            todo += [one.__cause__, one.__context__]
            yield one
