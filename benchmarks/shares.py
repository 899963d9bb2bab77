"""Where the time of a layer's step goes, and how near its kernels come to the machine's matrix product.

    python benchmarks/shares.py --quick
    python benchmarks/shares.py

A step is a forward and backward pass of the table's circuit, at its small size (4, 2, 32) and its large one
(10, 4, 128). Kernels: the time in which at least one thread is inside a compiled function, by a clock around each; to
hand over arrays belongs to it. Torch: what torch.profiler counts to torch's own operations and its engine, in a run of
its own, since the profiler costs time itself. Python: the rest. The kernels' rate is that of the floating-point
operations in flops.py.
"""

from __future__ import annotations

import argparse
import contextlib
import statistics
import threading
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from types import ModuleType
from typing import Any

import torch
from flops import flops_of
from numba.core.dispatcher import Dispatcher
from output import Table, add_write_option, console_and_tell, publish
from problems import STRONGLY_ENTANGLING, Problem
from torch.profiler import ProfilerActivity, profile
from workers.quantum_layer import layer_of

from qlayers.simulator import on_cpu

SIZES = {"small": (4, 2, 32), "large": (10, 4, 128)}
MATRIX = 2048
Step = Callable[[], None]


class Clock:
    """The time in which at least one thread is inside what it wraps."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._inside, self._since, self._lock = 0, 0.0, threading.Lock()

    def wrap(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The same function, timed."""

        def timed(*args: Any) -> Any:
            with self._lock:
                if self._inside == 0:
                    self._since = time.perf_counter()
                self._inside += 1
            try:
                return function(*args)
            finally:
                with self._lock:
                    self._inside -= 1
                    if self._inside == 0:
                        self.seconds += time.perf_counter() - self._since

        return timed


@contextlib.contextmanager
def timed_kernels() -> Iterator[Clock]:
    """Every compiled function that on_cpu calls, under a clock; all must have been compiled before.

    Raises:
        RuntimeError: If none is found: then on_cpu calls them by another way, and this script must follow.
    """
    clock = Clock()
    modules = [value for value in vars(on_cpu).values() if isinstance(value, ModuleType)]
    found = [
        (module, name, value)
        for module in [*modules, on_cpu]
        for name, value in vars(module).items()
        if isinstance(value, Dispatcher)
    ]
    if not found:
        raise RuntimeError(
            "qlayers.simulator.on_cpu has no compiled functions where shares.py looks for them."
        )
    try:
        for module, name, value in found:
            setattr(module, name, clock.wrap(value))
        yield clock
    finally:
        for module, name, value in found:
            setattr(module, name, value)


def step_and_program(problem: Problem) -> tuple[Step, Any]:
    """A step of a training loop, and the program that it runs."""
    data = problem.data()
    layer = layer_of(problem, torch.tensor(data.weights, dtype=torch.float32))
    inputs = torch.tensor(data.inputs, dtype=torch.float32, requires_grad=True)
    weights = list(layer.parameters())

    def step() -> None:
        for tensor in (inputs, *weights):
            tensor.grad = None
        layer(inputs).sum().backward()

    return step, layer._traced.program


def kernel_time(step: Step, budget: float) -> tuple[float, float]:
    """Median seconds of a step, and of a step's time inside compiled functions."""
    for _ in range(5):
        step()
    taken: list[tuple[float, float]] = []
    with timed_kernels() as clock:
        while sum(whole for whole, _ in taken) < budget or len(taken) < 5:
            before, started = clock.seconds, time.perf_counter()
            step()
            taken.append((time.perf_counter() - started, clock.seconds - before))
    return statistics.median(whole for whole, _ in taken), statistics.median(inside for _, inside in taken)


def torch_share(step: Step, steps: int) -> float:
    """The share that torch.profiler counts to torch's operations and engine, qlayers' autograd functions apart.

    Those have names with an underscore in front.
    """
    with profile(activities=[ProfilerActivity.CPU]) as profiler:
        started = time.perf_counter()
        for _ in range(steps):
            step()
        whole = time.perf_counter() - started
    events = profiler.key_averages()
    inside = sum(event.self_cpu_time_total for event in events if not event.key.startswith("_"))
    return 1e-6 * inside / whole


def matrix_product_rate(budget: float) -> float:
    """Floating-point operations a second of torch.mm in float32: the best of what was measured."""
    left, right = torch.rand(MATRIX, MATRIX), torch.rand(MATRIX, MATRIX)
    out = torch.empty(MATRIX, MATRIX)
    taken: list[float] = []
    while sum(taken) < budget or len(taken) < 5:
        started = time.perf_counter()
        torch.mm(left, right, out=out)
        taken.append(time.perf_counter() - started)
    return 2 * MATRIX**3 / min(taken)


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="half a second a number instead of five")
    parser.add_argument("--seconds", type=float, help="a number (default 5)")
    add_write_option(parser)
    options = parser.parse_args()
    budget = options.seconds if options.seconds is not None else 0.5 if options.quick else 5.0
    console, progress = console_and_tell()
    product = matrix_product_rate(budget)
    shares, rates = [], []
    for name, size in SIZES.items():
        problem = Problem(STRONGLY_ENTANGLING, *size)
        progress.print(f"{name}: {problem.size}")
        step, program = step_and_program(problem)
        whole, inside = kernel_time(step, budget)
        kernel = inside / whole
        in_torch = torch_share(step, 100 if whole < 0.01 else 20)
        rest = max(0.0, 1 - kernel - in_torch)
        parts = [f"{100 * share:.0f} % ({1e3 * share * whole:.3g} ms)" for share in (kernel, in_torch, rest)]
        shares.append([f"{name}: {problem.size}", f"{1e3 * whole:.3g}", *parts])
        flops = sum(flops_of(program)) * problem.batch
        rate = flops / inside
        rates.append(
            [
                f"{name}: {problem.size}",
                f"{1e-6 * flops:.3g}",
                f"{1e3 * inside:.3g}",
                f"{1e-9 * rate:.3g}",
                f"{100 * rate / product:.0f} %",
            ]
        )
    threads = torch.get_num_threads()
    tables = [
        Table(
            "Where a step's time goes, medians",
            ["qubits, depth, batch", "ms", "kernels", "torch", "Python"],
            shares,
        ),
        Table(
            f"The kernels' rate, where torch.mm of {MATRIX}×{MATRIX} in float32 reaches {1e-9 * product:.0f} GFLOP/s "
            f"({threads} {'thread' if threads == 1 else 'threads'})",
            ["qubits, depth, batch", "MFLOP a step", "ms in kernels", "GFLOP/s", "of torch.mm"],
            rates,
        ),
    ]
    versions = {name: version(name) for name in ("numba", "pennylane", "torch")}
    publish("shares", tables, versions, console, options.write, options.quick)


if __name__ == "__main__":
    main()
