"""Compiling kernels: when they are first called, kept on disk, and not without a word, since it takes half a minute.

numba compiles for the arguments that come, so that float64 is compiled where float64 is used. What it has compiled it
keeps beside the source, in the user's cache folder, or where ``NUMBA_CACHE_DIR`` says.
"""

from __future__ import annotations

import itertools
import os
import pickle
import sys
import threading
import time
import warnings
from collections.abc import Callable
from typing import Any

from numba.core import event
from numba.core.caching import FunctionCache

from qlayers.errors import ExecutionWarning

MESSAGE = "Compiling qlayers' kernels, once on this machine: about half a minute"
TOLD = "QLAYERS_COMPILING_TOLD_BY"
"""The environment variable by which processes that are started meanwhile know that it has been said; a process's id."""

_FRAME_S = 0.2


def keep(compiled: Any) -> Any:
    """Have what numba compiles of a function kept on disk, where that is possible, and the wait announced.

    Args:
        compiled: What ``numba.njit`` made of it.

    Returns:
        The same.
    """
    try:
        compiled._cache = _Kept(compiled.py_func)  # as njit(cache=True) does
    except RuntimeError:
        _progress.not_kept = "no folder for them can be written"
    _progress.kernels.add(compiled.py_func)
    return compiled


class _Kept(FunctionCache):
    """What is compiled, on disk; a disk that is full or damaged costs time and nothing else."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        try:
            return super().load_overload(sig, target_context)
        except (OSError, EOFError, pickle.UnpicklingError):
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        try:
            super().save_overload(sig, data)
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            _progress.warn(f"{self.cache_path}: {error}")


class _Progress(event.Listener):
    """Says on stderr that kernels are being compiled: at a terminal for as long as it takes, elsewhere in one line.

    The line is there once for a process and those that it starts.
    """

    def __init__(self) -> None:
        self.kernels: set[Callable[..., Any]] = set()
        self.not_kept: str | None = None
        self._depth = 0  # kernels call one another; numba compiles in one thread at a time
        self._has_warned = self._has_told = self._has_written = False
        self._seconds = 0.0  # the way there and the way back are compiled one after the other
        self._started = 0.0
        self._finished = threading.Event()
        self._drawing: threading.Thread | None = None

    def on_start(self, event: Any) -> None:
        if event.data["dispatcher"].py_func not in self.kernels:
            return
        self._depth += 1
        if self._depth == 1:
            self._begin()

    def on_end(self, event: Any) -> None:
        if event.data["dispatcher"].py_func not in self.kernels:
            return
        self._depth -= 1
        if self._depth == 0:
            self._end()

    def warn(self, reason: str) -> None:
        """Say once that what is compiled is lost when the process ends."""
        if not self._has_warned:
            self._has_warned = True
            warnings.warn(
                f"qlayers' kernels cannot be kept on disk ({reason}), so that every process compiles them anew, which "
                "takes about half a minute. Set the environment variable NUMBA_CACHE_DIR to a folder that can be "
                "written.",
                ExecutionWarning,
                stacklevel=2,
            )

    def _begin(self) -> None:
        if self.not_kept is not None:
            self.warn(self.not_kept)
            return
        stream: Any = sys.stderr
        # What stands in for stderr, as under a progress bar or in a notebook, may not be a place to draw on.
        if stream is None or self._has_written or os.environ.get(TOLD, own := str(os.getpid())) != own:
            return
        if stream.isatty() and stream is sys.__stderr__:
            self._started = time.monotonic()
            self._finished.clear()
            self._drawing = threading.Thread(target=self._draw, args=(stream,), daemon=True)
            self._drawing.start()
        elif not self._has_told:
            print(f"{MESSAGE} …", file=stream, flush=True)
            self._has_written = True
        self._has_told = True
        os.environ[TOLD] = own

    def _end(self) -> None:
        if self._drawing is not None:
            self._finished.set()
            self._drawing.join()
            self._drawing = None
            self._seconds += time.monotonic() - self._started

    def _draw(self, stream: Any) -> None:
        for sign in itertools.cycle("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"):
            seconds = self._seconds + time.monotonic() - self._started
            stream.write(f"\r{sign} {MESSAGE}, {seconds:.0f} s so far")
            stream.flush()
            if self._finished.wait(_FRAME_S):
                break
        stream.write("\r\x1b[K")
        stream.flush()


_progress = _Progress()
event.register("numba:compile", _progress)

__all__ = ["MESSAGE", "keep"]
