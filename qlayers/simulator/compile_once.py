"""Compiling kernels: when they are first called, kept on disk, and announced with an estimate of the time it takes.

numba compiles for the types of the arguments, so that each precision, and in it the forward and the backward pass, is
compiled when it is first used, and announced by itself. To estimate the time, a small function is compiled first and
timed. How many times as long a kernel takes is a constant that was measured once.
"""

from __future__ import annotations

import functools
import itertools
import math
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numba
from numba.core import event

from qlayers.simulator.kernel_cache import KernelCache

TOLD = "QLAYERS_COMPILING_TOLD_BY"
"""The environment variable that keeps processes silent which are started by one that announces; its process id."""

_FRAME_S = 0.2


def keep(compiled: Any, sources: Iterable[Path], work: float) -> Any:
    """Have what numba compiles of a function kept on disk, where that is possible, and the wait announced.

    Args:
        compiled: What ``numba.njit`` made of it.
        sources: All files that it is compiled from: its own, and those of all that it calls.
        work: How many times as long as :func:`_sample` it takes to compile, with all that it calls.

    Returns:
        The same.
    """
    compiled._cache = KernelCache(compiled.py_func, sources)  # as njit(cache=True) does with numba's own
    _progress.work[compiled.py_func] = work
    return compiled


class _Progress(event.Listener):
    """Says on stderr what is being compiled: at a terminal for as long as it takes, elsewhere in one line."""

    def __init__(self) -> None:
        self.work: dict[Callable[..., Any], float] = {}
        self._depth = 0  # kernels may call one another; numba compiles in one thread at a time
        self._finished = threading.Event()
        self._drawing: threading.Thread | None = None
        self._about: float | None = None

    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"].py_func in self.work:
            self._depth += 1
            if self._depth == 1:
                self._begin(event.data["dispatcher"], event.data["args"])

    def on_end(self, event: Any) -> None:
        if event.data["dispatcher"].py_func in self.work:
            self._depth -= 1
            if self._depth == 0 and self._drawing is not None:
                self._finished.set()
                self._drawing.join()
                self._drawing = None

    def _begin(self, kernel: Any, arguments: tuple[Any, ...]) -> None:
        is_kept = kernel._cache.prepare(kernel.targetctx.codegen())
        stream: Any = sys.stderr
        if stream is None or os.environ.get(TOLD, own := str(os.getpid())) != own:
            return
        os.environ[TOLD] = own
        message = f"Compiling qlayers' kernels ({_variant(kernel, arguments)})"
        message += ", once on this machine" if is_kept else ""
        work = self.work[kernel.py_func]
        # What stands in for stderr, as under a progress bar or in a notebook, may not be a place to draw on.
        if stream.isatty() and stream is sys.__stderr__:
            self._about = None
            self._finished.clear()
            self._drawing = threading.Thread(target=self._draw, args=(stream, message), daemon=True)
            self._drawing.start()
            self._about = work * _seconds_for_sample()
        else:
            text = f"{message}: about {_rounded(work * _seconds_for_sample())} s …"
            with suppress(OSError, ValueError):  # a stream that is closed, or that nobody reads
                print(text, file=stream, flush=True)

    def _draw(self, stream: Any, message: str) -> None:
        started = time.monotonic()
        for sign in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            about = "" if self._about is None else f", of about {_rounded(self._about)} s"
            stream.write(f"\r{sign} {message}: {time.monotonic() - started:.0f} s{about}")
            stream.flush()
            if self._finished.wait(_FRAME_S):
                break
        stream.write("\r\x1b[K")
        stream.flush()


def _variant(kernel: Any, arguments: tuple[Any, ...]) -> str:
    """Return a kernel's name, and its precision: that of its last argument, into which it writes."""
    last = arguments[-1]
    return f"{kernel.py_func.__name__}, {getattr(last, 'dtype', last)}"


def _rounded(seconds: float) -> int:
    return max(1, round(seconds))


def _seconds_for_sample() -> float:
    """Return the seconds that a small function takes to compile on this machine, as busy as it is now.

    It is the geometric mean of the time that passes and of the processor's time: on a busy machine the first varies
    much over so short a while, and the second says nothing of the others' work.
    """
    _warm_up()
    started, started_working = time.perf_counter(), time.thread_time()
    for number in (numba.float64, numba.int64):
        _compile_sample(number)
    return math.sqrt((time.perf_counter() - started) * (time.thread_time() - started_working))


@functools.cache
def _warm_up() -> None:
    """Have numba prepare what it prepares once in a process."""
    _compile_sample(numba.float32)


def _compile_sample(number: Any) -> None:
    numba.njit(nogil=True, fastmath=True)(_sample).compile((number[:, ::1], number[::1]))


def _sample(values: Any, out: Any) -> None:
    """Do a little of all that kernels do."""
    half = 1
    while half < values.shape[0]:
        for first in range(0, values.shape[0], 2 * half):
            low, high = values[first : first + half], values[first + half : first + 2 * half]
            for row in range(half):
                for column in range(values.shape[1]):
                    x, y = low[row, column], high[row, column]
                    low[row, column], high[row, column] = x + y, x - y
        half *= 2
    for row in range(values.shape[0]):
        out[row] = 0
        for column in range(values.shape[1]):
            out[row] += values[row, column] * values[row, column]


_progress = _Progress()
event.register("numba:compile", _progress)

__all__ = ["keep"]
