"""Forward plus backward of one quantum layer, side by side with what PennyLane users run today.

    python benchmarks/layers.py                 # the five sizes
    python benchmarks/layers.py --quick         # the smallest

Angle (RY) encoding → strongly entangling layers → ⟨Z⟩ on every qubit, float32. Contenders are timed in turns, so that a
machine that slows down slows them all; ratios are of medians.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable

import pennylane as qp
import torch
from rich.console import Console
from rich.table import Table

from qlayers import QuantumLayer

SIZES = [(4, 2, 32), (4, 6, 128), (8, 4, 64), (10, 4, 128), (12, 4, 32)]
TURNS, STEPS_A_TURN, SECONDS = 12, 5, 20.0

Step = Callable[[], object]


def torch_layer(n_qubits: int, depth: int, device: str, diff_method: str) -> torch.nn.Module:
    """PennyLane's own layer, as its documentation writes it."""

    @qp.qnode(qp.device(device, wires=n_qubits), diff_method=diff_method, interface="torch")
    def circuit(inputs, weights):  # type: ignore[no-untyped-def]
        qp.AngleEmbedding(inputs, wires=range(n_qubits), rotation="Y")
        qp.StronglyEntanglingLayers(weights, wires=range(n_qubits))
        return [qp.expval(qp.Z(i)) for i in range(n_qubits)]

    return qp.qnn.TorchLayer(circuit, {"weights": (depth, n_qubits, 3)})


def step_of(layer: torch.nn.Module, inputs: torch.Tensor) -> Step:
    """One forward and backward pass."""

    def step() -> None:
        layer(inputs).sum().backward()

    return step


def contenders(n_qubits: int, depth: int, batch: int) -> dict[str, Step]:
    """By name; the first is ours, and ratios are to it."""
    inputs = torch.rand(batch, n_qubits, requires_grad=True)
    return {
        "QuantumLayer": step_of(QuantumLayer(n_qubits, depth=depth), inputs),
        "TorchLayer, default.qubit": step_of(
            torch_layer(n_qubits, depth, "default.qubit", "backprop"), inputs
        ),
        "TorchLayer, qlayers.batched": step_of(
            torch_layer(n_qubits, depth, "qlayers.batched", "best"), inputs
        ),
        "TorchLayer, lightning.qubit": step_of(
            torch_layer(n_qubits, depth, "lightning.qubit", "adjoint"), inputs
        ),
        "nn.Linear": step_of(torch.nn.Linear(n_qubits, n_qubits), inputs),
    }


def medians(steps: dict[str, Step]) -> dict[str, float]:
    """Median seconds a step, taken in turns; a slow contender has fewer.

    The first step of a turn is not timed: it finds caches and torch's threads as another contender left them, which no
    training loop does.
    """
    times: dict[str, list[float]] = {name: [] for name in steps}
    for _ in range(TURNS):
        for name, step in steps.items():
            if sum(times[name]) > SECONDS / len(steps) and len(times[name]) >= STEPS_A_TURN:
                continue
            step()
            for _ in range(STEPS_A_TURN):
                started = time.perf_counter()
                step()
                times[name].append(time.perf_counter() - started)
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest size alone")
    sizes = SIZES[:1] if parser.parse_args().quick else SIZES
    table = Table(title="forward + backward, median ms (times as long as QuantumLayer)")
    table.add_column("qubits, depth, batch")
    for row, (n_qubits, depth, batch) in enumerate(sizes):
        found = medians(contenders(n_qubits, depth, batch))
        ours = next(iter(found.values()))
        if row == 0:
            for name in found:
                table.add_column(name, justify="right")
        cells = [f"{1e3 * taken:.3g} ({taken / ours:.3g}×)" for taken in found.values()]
        table.add_row(f"{n_qubits}, {depth}, {batch}", *cells)
    console = Console(width=150)
    console.print(table)
    console.print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, Python "
        f"{platform.python_version()}, torch {torch.__version__}, PennyLane {qp.__version__}"
    )


if __name__ == "__main__":
    main()
