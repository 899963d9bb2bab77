"""Compiled kernels on disk, in the user's cache folder, shared by all processes and all copies of the package.

The folder of one key holds what the same sources became under the same versions of qlayers, numba, llvmlite, NumPy and
Python on the same processor. It has one file for each function and each tuple of argument types.

A file begins with a checksum of its key, its function, its types and its content. Nothing is unpickled or loaded unless
the checksum is right: a file that is damaged, cut short, or from another place is compiled again and replaced. The
checksum is no protection from somebody who can write to the folder, since they can compute it as well. For that reason
the folders have mode 0700, and nothing is loaded from a folder or a file that belongs to another user or that other
users can write to. Where the operating system has no such modes, as on Windows, the user's profile is trusted.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import json
import os
import pickle
import stat
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

import llvmlite
import numba
import numpy as np
from numba.core import config
from numba.core.caching import _Cache
from numba.core.compiler import CompileResult
from numba.core.serialize import dumps

from qlayers.errors import ExecutionWarning

VARIABLE = "QLAYERS_CACHE_DIR"
"""The environment variable that names another folder."""

_MAGIC = b"qlayers kernel 1\n"
_WRITABLE_BY_OTHERS = stat.S_IWGRP | stat.S_IWOTH


class _UnsafeError(Exception):
    """Other users could have put something into the folder."""


def cache_folder() -> Path:
    """Return the folder under which kernels are kept.

    It is ``QLAYERS_CACHE_DIR``, else ``qlayers`` in ``NUMBA_CACHE_DIR``, else ``qlayers`` in the platform's folder for
    what a user's programs cache.

    Raises:
        RuntimeError: If no variable is set and the user has no home folder.
    """
    if folder := os.environ.get(VARIABLE):
        return Path(folder).expanduser().absolute()
    if folder := os.environ.get("NUMBA_CACHE_DIR"):
        return Path(folder).absolute() / "qlayers"
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else Path.home() / "AppData" / "Local") / "qlayers" / "Cache"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "qlayers"
    xdg = Path(os.environ.get("XDG_CACHE_HOME") or "")
    # The XDG specification has relative paths ignored.
    return (xdg if xdg.is_absolute() else Path.home() / ".cache") / "qlayers"


class KernelCache(_Cache):
    """The compiled versions of one function, as numba's dispatchers ask for them and hand them over."""

    def __init__(self, function: Callable[..., Any], sources: Iterable[Path]) -> None:
        """Do nothing yet.

        Args:
            function: What is compiled.
            sources: All files that what is compiled comes from.
        """
        self._name = function.__name__
        self._sources = tuple(sources)

    @property
    def cache_path(self) -> str:
        """The folder under which all kernels are kept."""
        return str(cache_folder())

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return what was compiled for these types, or None."""
        target_context.refresh()  # registers what compiled code refers to
        codegen = target_context.codegen()
        try:
            content = _read(self._path(sig, codegen))
        except FileNotFoundError:
            return None
        except (OSError, RuntimeError, _UnsafeError) as error:
            _warn(error)
            return None
        payload = content[len(_MAGIC) + hashlib.sha256().digest_size :]
        if content != self._sealed(sig, codegen, payload):
            return None
        try:
            return CompileResult._rebuild(target_context, *pickle.loads(payload))
        except Exception:  # as by a numba that was changed by hand; to compile helps in any case
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep what was compiled for these types."""
        try:
            if self.prepare(data.codegen):
                payload = dumps(data._reduce())
                _replace(self._path(sig, data.codegen), self._sealed(sig, data.codegen, payload))
        except (OSError, pickle.PicklingError) as error:
            _warn(error)

    def prepare(self, codegen: Any) -> bool:
        """Make the folder, and return whether something can be kept in it; if not, warn once in a process."""
        try:
            folder = self._folder(codegen)
            folder.parent.parent.mkdir(parents=True, exist_ok=True)
            for private in (folder.parent, folder):
                private.mkdir(mode=0o700, exist_ok=True)
                _check(private, private.stat())
            tempfile.TemporaryFile(dir=folder).close()
        except (OSError, RuntimeError, _UnsafeError) as error:
            _warn(error)
            return False
        return True

    def enable(self) -> None:
        """Do nothing: it always is."""

    def disable(self) -> None:
        """Do nothing: what is compiled is always kept."""

    def flush(self) -> None:
        """Do nothing: what is out of date has another key."""

    def _folder(self, codegen: Any) -> Path:
        return cache_folder() / "kernels" / _key(self._sources, codegen.magic_tuple())[:32]

    def _path(self, sig: Any, codegen: Any) -> Path:
        return self._folder(codegen) / f"{self._name}-{hashlib.sha256(str(sig).encode()).hexdigest()[:16]}"

    def _sealed(self, sig: Any, codegen: Any, payload: bytes) -> bytes:
        """Return a file's content: the checksum covers what it is for, so that a file in another's place is found."""
        identity = json.dumps([_key(self._sources, codegen.magic_tuple()), self._name, str(sig)])
        return _MAGIC + hashlib.sha256(identity.encode() + b"\n" + payload).digest() + payload


@functools.cache
def _key(sources: tuple[Path, ...], processor: tuple[str, ...]) -> str:
    """Return what all depends on that is compiled from these sources.

    Args:
        sources: Files, whose content counts, and not where they are.
        processor: The target, the processor's name and its features, as numba reports them.
    """
    try:
        version = importlib.metadata.version("qlayers")
    except importlib.metadata.PackageNotFoundError:  # a copy that is on the path and was not installed
        version = ""
    parts = (
        *(f"{path.name} {hashlib.sha256(path.read_bytes()).hexdigest()}" for path in sorted(sources)),
        *(version, numba.__version__, llvmlite.__version__, np.__version__, sys.version),
        *processor,
        str(getattr(config, "USING_SVML", False)),  # whether compiled code calls Intel's vector library
    )
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _read(path: Path) -> bytes:
    for folder in (path.parent.parent, path.parent):
        _check(folder, folder.stat())
    with path.open("rb") as file:
        _check(path, os.fstat(file.fileno()))
        return file.read()


def _replace(path: Path, content: bytes) -> None:
    """Write a file as a whole or not at all; of several processes that do so at once, the last one's remains."""
    number, name = tempfile.mkstemp(dir=path.parent)  # for the user's eyes only
    try:
        with open(number, "wb") as file:
            file.write(content)
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(name)
        raise


def _check(path: Path, status: os.stat_result) -> None:
    """Raise if another user could have written what is there."""
    if os.name == "nt":
        return
    if status.st_uid != os.geteuid():
        raise _UnsafeError(f"{path} belongs to another user")
    if status.st_mode & _WRITABLE_BY_OTHERS:
        raise _UnsafeError(f"{path} can be written by other users")


_lock = threading.Lock()
_has_warned = False


def _warn(error: Exception) -> None:
    """Say once in a process that what is compiled is lost when it ends."""
    global _has_warned
    with _lock:
        if _has_warned:
            return
        _has_warned = True
    if isinstance(error, _UnsafeError):
        remedy = f"Delete it (or run chmod 700 on it, if you trust what is there), or set {VARIABLE} to another folder."
    else:
        remedy = f"Set the environment variable {VARIABLE} to a folder that can be written."
    warnings.warn(
        f"qlayers' kernels cannot be kept on disk, so that every process compiles them: {error}. {remedy}",
        ExecutionWarning,
        stacklevel=2,
    )
