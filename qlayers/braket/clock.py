"""Time, as what waits for a service sees it; tests put another clock in its place."""

from __future__ import annotations

import time


class Clock:
    """The machine's own."""

    def time(self) -> float:
        """Seconds since 1970."""
        return time.time()

    def sleep(self, seconds: float) -> None:
        """Wait."""
        time.sleep(seconds)
