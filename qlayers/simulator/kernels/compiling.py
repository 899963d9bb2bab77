"""How the loops are compiled.

numba compiles a function for each combination of argument types, literal numbers included, and each costs time however
small it is. Therefore Python can call, and the disk keeps, only what is made by :func:`entry`.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numba
from numba.extending import register_jitable

from qlayers.simulator import tables
from qlayers.simulator.compile_once import keep

_OPTIONS: dict[str, Any] = {
    "nogil": True,
    "boundscheck": False,
    "error_model": "numpy",
    "fastmath": {"contract", "nsz"},
    "no_cfunc_wrapper": True,
}

SOURCES = (*Path(__file__).parent.glob("*.py"), Path(tables.__file__))
"""All files that what is compiled comes from."""


def entry(work: float):
    """Return a decorator for what Python calls; for ``work`` see :func:`qlayers.simulator.compile_once.keep`."""
    return lambda function: keep(numba.njit(**_OPTIONS)(function), SOURCES, work)


def jit(function):
    """Compile a function for other compiled ones; Python cannot call it."""
    return numba.njit(**_OPTIONS | {"no_cpython_wrapper": True})(function)


def plain(function):
    """Have a function compiled for other compiled ones, for all integers alike, and leave it to Python as it is."""
    return register_jitable(**_OPTIONS)(function)
