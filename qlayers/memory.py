"""How much memory the machine has."""

from __future__ import annotations

import os


def physical_memory() -> int | None:
    """In bytes; None where the system does not say."""
    if not hasattr(os, "sysconf"):
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
