"""How much memory a piece of work needs at its peak, beyond what the process held before."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from collections.abc import Iterator
from pathlib import Path

_STATUS, _CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")
_RESET_PEAK = "5"


class Peak:
    """``bytes`` is set when the work is done; None where the system does not tell."""

    bytes: int | None = None


@contextlib.contextmanager
def peak() -> Iterator[Peak]:
    """Measure the body: peak of resident memory less what was resident before. On Linux only."""
    found = Peak()
    gc.collect()
    if not _CLEAR.exists():
        yield found
        return
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)  # what was freed must not serve the work unseen
    _CLEAR.write_text(_RESET_PEAK)
    before = _resident("VmRSS")
    yield found
    found.bytes = _resident("VmHWM") - before


def _resident(key: str) -> int:
    line = next(line for line in _STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * int(line.split()[1])
