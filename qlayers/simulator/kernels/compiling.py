"""How the loops are compiled.

A function is compiled for each combination of argument types, literal numbers included. Most of the time numba spends
on each of these, however small. Therefore only :func:`entry` makes what Python can call and what is kept on disk, and
what is called in one place is best put there by :func:`inline`.
"""

from __future__ import annotations

from pathlib import Path

import numba
from numba.extending import register_jitable

from qlayers.simulator import tables
from qlayers.simulator.compile_once import keep

_OPTIONS = {"nogil": True, "boundscheck": False, "error_model": "numpy", "fastmath": {"contract", "nsz"}}

SOURCES = (*Path(__file__).parent.glob("*.py"), Path(tables.__file__))
"""All files that what is compiled comes from."""


def entry(work: float):
    """Return a decorator for what Python calls; for ``work`` see :func:`qlayers.simulator.compile_once.keep`."""
    return lambda function: keep(numba.njit(**_OPTIONS, no_cfunc_wrapper=True)(function), SOURCES, work)


def jit(function):
    """Compile a function for other compiled ones; Python cannot call it."""
    return numba.njit(**_OPTIONS, no_cpython_wrapper=True, no_cfunc_wrapper=True)(function)


def plain(function):
    """Have a function compiled for other compiled ones, for all integers alike, and leave it to Python as it is."""
    return register_jitable(**_OPTIONS)(function)


def inline(function):
    """Compile a function as a part of those that call it."""
    return numba.njit(**_OPTIONS, inline="always")(function)
