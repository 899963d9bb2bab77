"""How much memory a stretch of work took, as far as the system tells."""

from __future__ import annotations

import re
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


class PeakMemory:
    """From its construction on, the most memory of this process beyond what it had then.

    Linux alone keeps a mark that can be set back; elsewhere `bytes` is None.
    """

    def __init__(self) -> None:
        self._before = _resident("VmRSS") if _reset() else None

    @property
    def bytes(self) -> int | None:
        """So far; None where the system does not tell."""
        peak = _resident("VmHWM")
        if self._before is None or peak is None:
            return None
        return max(0, peak - self._before)


def _reset() -> bool:
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return True


def _resident(name: str) -> int | None:
    try:
        found = re.search(rf"^{name}:\s+(\d+) kB", _STATUS.read_text(), re.MULTILINE)
    except OSError:
        return None
    return None if found is None else 1024 * int(found[1])
