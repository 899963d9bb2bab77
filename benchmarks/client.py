"""The other end of ``workers/run.py``: start a side, ask it, give up on it."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import IO, Any

from problems import Problem
from sides import HERE, Side

STARTING = 180.0
"""Seconds within which a process must have imported its libraries."""


class SideError(RuntimeError):
    """A side did not do what it was asked; the message says why, in one line."""


class Client:
    """A side in its process, which lives until :meth:`close`."""

    def __init__(self, side: Side) -> None:
        self.side = side
        self._said: IO[str] = tempfile.TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed in close
        known = os.environ.get("PYTHONPATH")
        environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, [str(HERE), known]))}
        self._process = subprocess.Popen(
            [str(side.python), "-m", "workers.run", side.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._said,
            text=True,
            env=environment,
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def say_hello(self) -> None:
        """Ask for versions without waiting, so that all sides import at once."""
        self._send({"do": "hello"})

    def hear_hello(self) -> dict[str, Any]:
        """The versions."""
        return self._answer(STARTING)

    def ask(
        self, what: str, at_most: float, problem: Problem | None = None, **request: Any
    ) -> dict[str, Any]:
        """Ask and wait.

        Raises:
            SideError: If it fails, ends, or takes longer than ``at_most`` seconds; after the last two it is gone.
        """
        if problem is not None:
            request["problem"] = asdict(problem)
        self._send({"do": what, **request})
        return self._answer(at_most)

    @property
    def is_alive(self) -> bool:
        """Whether it can be asked."""
        return self._process.poll() is None

    def close(self) -> None:
        """End it."""
        if self.is_alive:
            self._process.kill()
        self._process.wait()
        for stream in (self._process.stdin, self._process.stdout, self._said):
            assert stream is not None
            with contextlib.suppress(BrokenPipeError):
                stream.close()

    def _send(self, request: dict[str, Any]) -> None:
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError as error:
            raise SideError(self._last_words()) from error

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def _answer(self, at_most: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=at_most)
        except queue.Empty:
            self._process.kill()
            self._process.wait()
            raise SideError(f"took longer than {at_most:.0f} s") from None
        if not line:
            self._process.wait()
            raise SideError(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise SideError(" ".join(answer["error"].split())[:300])
        return answer

    def _last_words(self) -> str:
        self._said.seek(0)
        lines = [line.strip() for line in self._said.read().splitlines() if line.strip()]
        return (
            f"its process ended with status {self._process.poll()}: {lines[-1] if lines else 'nothing said'}"
        )


@contextlib.contextmanager
def started(sides: Sequence[Side]) -> Iterator[list[Client]]:
    """All of them at once; they end with the block."""
    clients: list[Client] = []
    try:
        for side in sides:
            clients.append(Client(side))
        yield clients
    finally:
        for client in clients:
            client.close()
