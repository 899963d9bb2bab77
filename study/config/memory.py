"""Whether a circuit's state fits into this machine."""

from __future__ import annotations

import os
from pathlib import Path

BYTES_AN_AMPLITUDE = 16  # two doubles: what the simulators compute in


def state_bytes(n_qubits: int, n_states: int = 1) -> int:
    """The memory of so many states at once: the least that simulating them takes."""
    return BYTES_AN_AMPLITUDE * 2**n_qubits * n_states


def available_bytes() -> int | None:
    """What this process may still use: the machine's free memory or its container's, whichever is less.

    None where the system tells neither.
    """
    limits = [limit for limit in (_machine(), _container()) if limit is not None]
    return min(limits, default=None)


def readable(n_bytes: int) -> str:
    """A size as people write it.

    >>> readable(3 * 2**30)
    '3.0 GiB'
    """
    if n_bytes >= 2**80:
        return f"2^{n_bytes.bit_length() - 1} bytes"
    size, unit = float(n_bytes), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:.1f} {unit}"


def _machine() -> int | None:
    try:
        for line in Path("/proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):
        return None


def _container(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """What the control group leaves (version 2, then version 1)."""
    for limit, used in (
        ("memory.max", "memory.current"),
        ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes"),
    ):
        try:
            return max(0, int((root / limit).read_text()) - int((root / used).read_text()))
        except (OSError, ValueError):  # no such file, or the limit is "max"
            continue
    return None
