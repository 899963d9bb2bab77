"""A folder that one process works in at a time."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from study.errors import BusyError, StudyError

if TYPE_CHECKING:
    from filelock import BaseFileLock

LOCK = ".lock"


@contextlib.contextmanager
def alone_in(folder: Path, key: str | None, wait: bool = False) -> Iterator[None]:
    """Hold a folder for this process within the block, and make it if it is not there.

    The lock goes with the process, however it ends. Folders that were made for a block that wrote nothing are removed.

    Args:
        folder: to be held.
        key: what the command line calls it, for the message; None if the caller explains an OSError.
        wait: until the process that holds it has ended.

    Raises:
        BusyError: another process holds it, and `wait` is False.
        StudyError: it cannot be made or written to.
    """
    made = [path for path in (folder, *folder.parents) if not path.exists()]
    lock = _locked(folder, key, wait)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            if made and [path.name for path in folder.iterdir()] == [LOCK]:
                (folder / LOCK).unlink()
                for path in made:
                    path.rmdir()
        lock.release()


def _locked(folder: Path, key: str | None, wait: bool) -> BaseFileLock:
    from filelock import FileLock, Timeout

    for _ in range(100):
        lock = FileLock(folder / LOCK, timeout=-1 if wait else 0)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lock.acquire()
        except Timeout as error:
            raise BusyError(
                f"Another process is at work in {folder}. Wait until it has ended, and give the command again."
            ) from error
        except FileNotFoundError:
            continue  # a process that wrote nothing has just removed the folder again
        except OSError as error:
            if key is None:
                raise
            raise StudyError(
                f"{key}: {folder} cannot be made or written to ({error.strerror or error}). Name a folder you may "
                "write to."
            ) from error
        return lock
    raise BusyError(f"Other processes make and remove {folder}. Give the command again.")
