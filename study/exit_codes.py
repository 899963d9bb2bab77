"""The exit codes of every command, in one place; docs/exit_codes.md is their table."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """What a command ends with."""

    DONE = 0
    """Everything that was asked for is done."""

    BUG = 1
    """An error of the program's own, with a traceback: please report it."""

    REFUSED = 2
    """The request cannot be carried out: an option, a file or the disk stands in the way. One message says which."""

    INCOMPLETE = 3
    """It ended, and a part has no result: a job or a rung failed, or a leak was found. The report names it."""

    BUSY = 4
    """Another process is at work on the same folder. Wait until it has ended, and give the command again."""

    INTERRUPTED = 130
    """Ctrl-C, SIGINT or SIGTERM. What was done is kept; the last message says how to go on."""
