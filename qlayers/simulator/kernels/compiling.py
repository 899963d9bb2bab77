"""How the loops are compiled."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numba

from qlayers.simulator.compile_once import keep

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract", "nsz"}}

# numba keeps what it compiled by the function's name and compiles anew when the function's own file changes; with this
# in the name, also when another file changes from which it calls.
_SOURCES = hashlib.sha256(
    b"".join(path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py")))
).hexdigest()[:8]


def jit(function):
    """A function compiled for the numbers it is called with, kept on disk where that is possible."""
    function.__qualname__ = f"{function.__name__}_{_SOURCES}"
    return keep(numba.njit(**_OPTIONS)(function))
