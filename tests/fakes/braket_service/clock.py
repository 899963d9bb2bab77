"""Time in the fake: it moves when somebody sleeps, polls or moves it by hand, never by itself."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from unittest import mock

_yield_to_the_loop = asyncio.sleep


class Clock:
    """Seconds since the epoch. `sleep`, `time` and `monotonic` can be handed to a client in place of Python's."""

    def __init__(self, start: float = 1_800_000_000.0) -> None:
        self.now = start
        self.slept = 0.0  # by clients, as far as they sleep on this clock

    def advance(self, seconds: float) -> None:
        """Move by hand."""
        if seconds < 0:
            raise ValueError(f"time does not run backwards: {seconds} s")
        self.now += seconds

    def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.advance(seconds)

    def time(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def datetime(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    @contextlib.contextmanager
    def replaces_time(self) -> Iterator[None]:
        """Python's `time` and `asyncio.sleep` run on this clock: nobody waits, and time-outs really time out.

        Requests are still signed with the machine's date (botocore asks `datetime`), which the fake does not look at.
        """

        async def sleep(seconds: float, result: Any = None) -> Any:
            self.sleep(seconds)
            await _yield_to_the_loop(0)
            return result

        with (
            mock.patch.object(time, "sleep", self.sleep),
            mock.patch.object(time, "time", self.time),
            mock.patch.object(time, "monotonic", self.monotonic),
            mock.patch.object(asyncio, "sleep", sleep),
        ):
            yield
