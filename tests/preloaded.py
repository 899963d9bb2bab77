"""Python processes that need not import torch, PennyLane and Lightning anew, which takes longer than most tests.

A server imports what the project depends on, nothing of the project itself, and forks: each process has an id, memory
and modules of its own, runs a script or `-c` code as the interpreter would, and can be killed. Run as a script this
file is the server, or stands for `python` in a shell. Every script of the project is also tested in a fresh process.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

MODULES = (
    "torch", "torch._dynamo", "numba", "pennylane", "lightning.pytorch", "torchmetrics", "hydra", "joblib", "pandas",
    "pyarrow.parquet", "mlflow.store.tracking.sqlalchemy_store", "rich.progress", "scipy.stats", "matplotlib.pyplot",
    "optuna", "sqlalchemy", "sklearn.ensemble", "sklearn.linear_model", "sklearn.svm", "skops.io",
)  # fmt: skip
PROJECT = {"qlayers", "models", "study"}
SIZE = struct.Struct("!I")
CODE = struct.Struct("!i")


class Process:
    """A process of the server: what tests use of `subprocess.Popen`."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self.pid: int = CODE.unpack(_exactly(connection, CODE.size))[0]
        self.returncode: int | None = None

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the negative number of the signal that ended it."""
        if self.returncode is None:
            if not select.select([self._connection], [], [], timeout)[0]:
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
            [self.returncode] = CODE.unpack(_exactly(self._connection, CODE.size))
        return self.returncode

    def poll(self) -> int | None:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.wait(0)
        return self.returncode

    def kill(self) -> None:
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)


class Preloaded:
    """The server, started at its first use."""

    def __init__(self, folder: Path) -> None:
        self._address = folder / "preloaded"
        self._server: subprocess.Popen[bytes] | None = None

    def start(
        self,
        words: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        output: Path,
        errors: Path | None = None,
    ) -> Process:
        """Run `python *words`; without `errors`, standard error goes to `output` as well."""
        self._serve()
        with contextlib.ExitStack() as files:
            nothing = files.enter_context(open(os.devnull, "rb"))
            out = files.enter_context(output.open("wb"))
            err = files.enter_context(errors.open("wb")) if errors else out
            streams = [file.fileno() for file in (nothing, out, err)]
            return Process(ask(str(self._address), list(words), str(cwd), dict(env), streams))

    def stand_in(self, path: Path) -> None:
        """Write an executable that a shell can use as `python`."""
        self._serve()
        path.write_text(f'#!/bin/bash\nexec {sys.executable} -S -E {__file__} ask {self._address} "$@"\n')
        path.chmod(0o755)

    def stop(self) -> None:
        if self._server is not None:
            self._server.communicate()  # which closes its input

    def _serve(self) -> None:
        if self._server is None:
            command = [sys.executable, __file__, "serve", str(self._address)]
            self._server = subprocess.Popen(command, stdin=subprocess.PIPE)
        while not self._address.exists():
            assert self._server.poll() is None, "the server of preloaded processes ended"
            time.sleep(0.05)


def ask(
    address: str, words: list[str], cwd: str, env: dict[str, str], streams: Sequence[int]
) -> socket.socket:
    """Have a process started; the connection then tells its id and, at its end, its exit code."""
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(address)
    request = json.dumps([words, cwd, env]).encode()
    socket.send_fds(connection, [SIZE.pack(len(request))], streams)
    connection.sendall(request)
    return connection


def _exactly(connection: socket.socket, n_bytes: int) -> bytes:
    found = b""
    while len(found) < n_bytes:
        more = connection.recv(n_bytes - len(found))
        if not more:
            raise ConnectionError("the server of preloaded processes has gone")
        found += more
    return found


# ---------------------------------------------------------------- the server


def serve(address: str) -> None:
    """Until the standard input is closed; processes whose client has gone are killed."""
    for name in MODULES:
        importlib.import_module(name)
    assert not PROJECT & set(sys.modules), "the project is to be imported from where a process runs"
    gc.collect()
    gc.freeze()  # a collection in a process would copy every page of the modules
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(address + ".new")
    listener.listen()
    os.rename(address + ".new", address)  # there from when it answers
    running: dict[int, socket.socket] = {}
    while True:
        ready, _, _ = select.select(
            [sys.stdin, listener, *running.values()], [], [], 0.02 if running else None
        )
        for pid, connection in list(running.items()):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                with contextlib.suppress(OSError):
                    connection.sendall(CODE.pack(os.waitstatus_to_exitcode(status)))
                running.pop(pid).close()
            elif connection in ready:
                os.kill(pid, signal.SIGKILL)
        if sys.stdin in ready:
            for pid in running:
                os.kill(pid, signal.SIGKILL)
            os._exit(0)  # taking all those modules down in order takes seconds
        if listener in ready:
            connection, _ = listener.accept()
            size, streams, _, _ = socket.recv_fds(connection, SIZE.size, 3)
            words, cwd, env = json.loads(_exactly(connection, SIZE.unpack(size)[0]))
            pid = os.fork()
            if pid == 0:
                for other in (listener, connection, *running.values()):
                    other.close()
                become(words, cwd, env, streams)
            for stream in streams:
                os.close(stream)
            running[pid] = connection
            connection.sendall(CODE.pack(pid))


def become(words: list[str], cwd: str, env: dict[str, str], streams: Sequence[int]) -> NoReturn:
    """What `python *words` would be."""
    import atexit
    import threading
    import traceback

    code = 1
    try:
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
            os.close(stream)
        os.chdir(cwd)
        os.environ.clear()
        os.environ.update(env)
        prepare(words)()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
        if isinstance(end.code, str):
            print(end.code, file=sys.stderr)
    except BaseException:
        traceback.print_exc()
    with contextlib.suppress(Exception):
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def prepare(words: list[str]) -> Callable[[], Any]:
    """Set sys.argv and sys.path as the interpreter does; what is left to be called is the program."""
    import runpy
    from types import ModuleType

    if words[0] == "-c":
        sys.argv, sys.path[0] = ["-c", *words[2:]], ""
        main = sys.modules["__main__"] = ModuleType("__main__")
        return lambda: exec(compile(words[1], "<string>", "exec"), main.__dict__)
    if words[0] == "-m":
        sys.argv, sys.path[0] = words[1:], os.getcwd()
        return lambda: runpy.run_module(words[1], run_name="__main__", alter_sys=True)
    if words[0].startswith("-"):
        raise SystemExit(f"{words[0]} is not known to {__file__}: a script, -c or -m")
    sys.argv, sys.path[0] = words, str(Path(words[0]).resolve().parent)
    return lambda: runpy.run_path(words[0], run_name="__main__")


if __name__ == "__main__":
    role, address, *rest = sys.argv[1:]
    if role == "serve":
        serve(address)
    else:
        process = Process(ask(address, rest, os.getcwd(), dict(os.environ), [0, 1, 2]))
        code = process.wait()
        if code < 0:
            os.kill(os.getpid(), -code)
        sys.exit(code)
