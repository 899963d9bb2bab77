"""What stays behind of training steps, of layers that are dropped, and of reading a circuit again.

Resident memory is read after the garbage collector has run and the allocator has given free pages back: otherwise glibc
keeps up to some MiB of them for the next step, at first a KiB or two a layer and after some thousand layers no more.
The slope is that of a line through all readings.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import subprocess
import sys
import weakref
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pennylane as qp
import pytest
import torch

from qlayers import QuantumLayer

ROOT = Path(__file__).resolve().parents[2]
KIB_A_TURN = 1.0
A_READING = 10  # turns

pytestmark = pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="reads Linux's /proc")


class Changing(QuantumLayer):
    """A layer whose circuit reads an attribute, so that it is another circuit when that changes."""

    def __init__(self, backend: str) -> None:
        super().__init__(n_qubits=3, weight_shapes=(2, 3), backend=backend)
        self.scale = 1.0

    def circuit(
        self, inputs: torch.Tensor, weights: torch.Tensor
    ) -> list[qp.measurements.MeasurementProcess]:
        for wire in range(3):
            qp.RX(self.scale * inputs[..., wire], wires=wire)
            qp.RY(weights[0, wire], wires=wire)
        qp.CNOT([0, 1])
        qp.CNOT([1, 2])
        for wire in range(3):
            qp.RY(weights[1, wire], wires=wire)
        return [qp.expval(qp.Z(wire)) for wire in range(3)]


def steps(backend: str) -> Callable[[int], None]:
    """Train with batches of all sizes, a whole step a turn."""
    layer, sizes = QuantumLayer(n_qubits=3, depth=2, backend=backend), np.random.default_rng(0)
    optimizer = torch.optim.Adam(layer.parameters())

    def turn(number: int) -> None:
        optimizer.zero_grad()
        layer(torch.rand(int(sizes.integers(1, 33 if backend == "auto" else 5)), 3)).sum().backward()
        optimizer.step()

    return turn


def layers(backend: str) -> Callable[[int], None]:
    """Make a layer, train it for a step and drop it."""

    def turn(number: int) -> None:
        QuantumLayer(n_qubits=3, depth=2, backend=backend)(torch.rand(2, 3)).sum().backward()

    return turn


def unlike_layers(backend: str) -> Callable[[int], None]:
    """As `layers`, each with a circuit that there was not before."""

    def turn(number: int) -> None:
        layer = Changing(backend)
        layer.scale = 1 + number / 1000
        layer(torch.rand(2, 3)).sum().backward()

    return turn


def retraces(backend: str) -> Callable[[int], None]:
    """Read one layer's circuit again, as it was and as it was not before, in turn."""
    layer = Changing(backend)

    def turn(number: int) -> None:
        layer.scale = 1 + number // 2 / 1000
        layer.retrace()

    return turn


def slope(turn: Callable[[int], None], warm_up: int, turns: int) -> float:
    """Return how many KiB of resident memory a turn leaves behind."""
    for number in range(warm_up):
        turn(number)
    with _frozen():
        readings = []
        for number in range(warm_up, warm_up + turns):
            turn(number)
            if number % A_READING == 0:
                readings.append((number, _resident()))
    numbers, kib = np.array(readings).T
    return float(np.polyfit(numbers, kib, 1)[0])


@contextlib.contextmanager
def _frozen() -> Iterator[None]:
    """Keep what is there already out of each collection, which looks at all of the libraries' objects otherwise."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()


def _resident() -> float:
    """In KiB."""
    gc.collect()
    with contextlib.suppress(AttributeError):  # another C library than glibc
        ctypes.CDLL(None).malloc_trim(0)
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1024


def in_a_process_of_its_own(what: str, backend: str, warm_up: int, turns: int) -> float:
    """Return the slope as a fresh process finds it, where nothing else has left its memory."""
    program = (
        "import warnings; warnings.simplefilter('ignore')\nimport torch; torch.set_num_threads(1)\n"
        f"from tests.qlayers import test_memory as here\n"
        f"print(here.slope(here.{what}({backend!r}), {warm_up}, {turns}))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=3000
    )
    assert ended.returncode == 0, ended.stderr
    return float(ended.stdout.split()[-1])


@pytest.mark.long
@pytest.mark.parametrize("backend", ["auto", "shots", "lightning"])
@pytest.mark.parametrize(
    ("what", "warm_up", "turns"),
    [("steps", 1000, 10_000), ("layers", 50, 500), ("unlike_layers", 50, 500), ("retraces", 50, 500)],
)
def test_nothing_stays_behind(what: str, warm_up: int, turns: int, backend: str) -> None:
    found = in_a_process_of_its_own(what, backend, warm_up, turns)
    print(f"{what} on {backend}: {found:.3f} KiB a turn")
    assert found < KIB_A_TURN


def test_traces_of_circuits_that_are_no_more_are_forgotten() -> None:
    """The short form: the traces themselves, of which each takes some 40 to 140 KiB."""
    layer, traces = Changing("auto"), []
    for number in range(50):
        layer.scale = 2 + number / 1000
        layer.retrace()
        traces.append(weakref.ref(layer._known()))
    gc.collect()
    assert len({id(trace()) for trace in traces if trace() is not None}) <= 33  # recent ones


def test_a_trace_lives_as_long_as_its_layer() -> None:
    """However many other circuits there were since: a copy of the layer is not traced again."""
    first = Changing("auto")
    known = first._known()
    others = [Changing("auto") for _ in range(40)]
    for number, other in enumerate(others):
        other.scale = 3 + number / 1000
        other.retrace()
    again = Changing("auto")
    assert known is not None and again._known() is known
    assert len({id(other._known()) for other in others}) == len(others)


def test_a_leak_is_found() -> None:
    kept = []

    def turn(number: int) -> None:
        kept.append(np.ones(1024))

    assert slope(turn, 10, 200) > 4 * KIB_A_TURN
