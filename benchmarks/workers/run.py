"""The process of one side: ``python -m workers.run SIDE``, requests and answers as lines of JSON.

It stays alive between its turns, with its caches warm, and times its own steps. Whatever else a library prints goes to
standard error.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from typing import Any

from problems import Problem

from workers import memory
from workers.side import Prepared

SLOW = 0.5
"""Seconds a step from which on no step is run untimed before the others: caches do not matter then."""


class Worker:
    """What one side is asked to do."""

    def __init__(self, module: Any) -> None:
        self._module = module
        self._prepared: Prepared | None = None
        self._last = 0.0

    def hello(self) -> dict[str, Any]:
        """The versions of what it rests on."""
        return {"versions": self._module.versions(), "python": ".".join(map(str, sys.version_info[:3]))}

    def prepare(self, problem: dict[str, Any]) -> dict[str, Any]:
        """Build, take the first step and hand over what it computes.

        Returns:
            ``first_seconds`` of building and first step, compilation included; ``outputs`` and the gradients
            ``by_inputs`` and ``by_weights``, as nested lists.
        """
        self._prepared = None
        asked = Problem(**problem)
        data = asked.data()
        started = time.perf_counter()
        prepared = self._module.prepare(asked, data)
        results = prepared.results()
        first = time.perf_counter() - started
        self._prepared, self._last = prepared, first
        return {
            "first_seconds": first,
            "outputs": results.outputs.tolist(),
            "by_inputs": results.by_inputs.tolist(),
            "by_weights": results.by_weights.tolist(),
        }

    def time(self, steps: int, budget: float) -> dict[str, Any]:
        """Time so many steps, fewer if they take longer than ``budget`` seconds together, but at least one."""
        assert self._prepared is not None
        step = self._prepared.step
        if self._last < SLOW:
            step()
        taken: list[float] = []
        while len(taken) < steps and (not taken or sum(taken) < budget):
            started = time.perf_counter()
            step()
            taken.append(time.perf_counter() - started)
        self._last = taken[-1]
        return {"seconds": taken}

    def memory(self, problem: dict[str, Any]) -> dict[str, Any]:
        """Peak memory in bytes of building a layer and of its first step; ask in a fresh process."""
        small = Problem(problem["circuit"], 2, 1, 1)
        self._module.prepare(small, small.data()).step()  # loads what is compiled, starts threads
        asked = Problem(**problem)
        data = asked.data()
        with memory.peak() as building:
            prepared = self._module.prepare(asked, data)
        with memory.peak() as stepping:
            prepared.step()
        return {"building": building.bytes, "step": stepping.bytes}


def main() -> None:
    """Answer until the other end closes."""
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    worker: Worker | None = None
    for line in sys.stdin:
        request = json.loads(line)
        try:
            worker = worker or Worker(importlib.import_module(f"workers.{sys.argv[1]}"))
            answer = getattr(worker, request.pop("do"))(**request)
        except Exception as error:
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
