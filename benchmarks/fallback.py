"""Where circuits should run that the batched simulator cannot take: default.qubit or lightning.qubit.

    python benchmarks/fallback.py             # 4 to 18 qubits, some minutes
    python benchmarks/fallback.py --quick     # up to 6 qubits

Forward plus backward of a ``QuantumLayer`` as it falls back: angle encoding → two strongly entangling layers, with an
``if`` on a value, which cannot be traced. An ``if`` on an input keeps PennyLane from running a batch together, so that
both devices run it sample by sample; with one on a weight, default.qubit runs the batch in one pass. ⟨Z⟩ is
differentiated by backpropagation on the one and by the adjoint method on the other; probabilities, for which lightning
has no adjoint method, there by the parameter-shift rule.

The rule of ``qlayers/backends/auto.py`` is set to what this prints.
"""

from __future__ import annotations

import argparse
import platform
import time
import warnings
from typing import Any

import pennylane as qp
import torch
from rich.console import Console
from rich.table import Table

from qlayers import ExecutionWarning, QuantumLayer

QUBITS, BATCHES, DEVICES = (4, 6, 8, 10, 12, 14, 16, 18), (1, 8, 64), ("default_qubit", "lightning")
DEPTH, SECONDS_A_STEP = 2, 4.0


class Choosing(QuantumLayer):
    """Has another gate or not by a value.

    Args:
        n_qubits: Qubits.
        chooses_by: "input" or "weight".
        measures: "z" or "probs".
        backend: A device.
    """

    def __init__(self, n_qubits: int, chooses_by: str, measures: str, backend: str) -> None:
        torch.nn.Module.__init__(self)
        self.chooses_by, self.measures = chooses_by, measures
        super().__init__(n_qubits, weight_shapes=(DEPTH, n_qubits, 3), backend=backend)

    def circuit(self, inputs: torch.Tensor, weights: torch.Tensor) -> Any:
        """One gate more for some values."""
        qp.AngleEmbedding(inputs, wires=range(self.n_qubits), rotation="Y")
        # A batch of inputs has no one truth value, at which PennyLane runs samples one by one.
        if (inputs[..., 0] if self.chooses_by == "input" else weights[0, 0, 0]) > 0.5:
            qp.X(0)
        qp.StronglyEntanglingLayers(weights, wires=range(self.n_qubits))
        if self.measures == "probs":
            return qp.probs(wires=[0, 1])
        return [qp.expval(qp.Z(i)) for i in range(self.n_qubits)]


def seconds(layer: QuantumLayer, inputs: torch.Tensor) -> float:
    """The shortest of up to three steps, after a first one that is not counted unless it is slow."""
    found = []
    for _ in range(4):
        started = time.perf_counter()
        layer(inputs).square().sum().backward()
        found.append(time.perf_counter() - started)
        if found[-1] > SECONDS_A_STEP / 3:
            return min(found)
    return min(found[1:])


def measure(chooses_by: str, measures: str, qubits: tuple[int, ...], table: Table) -> None:
    """Add the rows of one kind of circuit."""
    late: dict[tuple[str, int], float] = {}
    for n_qubits in qubits:
        cells = []
        for batch in BATCHES:
            times = {}
            for device in DEVICES:
                # Two qubits more take at least twice as long once the amplitudes count at all.
                if late.get((device, batch), 0.0) > SECONDS_A_STEP / 2:
                    continue
                torch.manual_seed(0)
                inputs = torch.rand(batch, n_qubits, requires_grad=True)
                layer = Choosing(n_qubits, chooses_by, measures, device)
                times[device] = late[device, batch] = seconds(layer, inputs)
            cells.append(_cell([times.get(device) for device in DEVICES]))
        table.add_row(chooses_by, measures, str(n_qubits), *cells)


def _cell(times: list[float | None]) -> str:
    ours, theirs = times
    shown = " / ".join("late" if t is None else f"{1000 * t:.3g}" for t in times)
    if ours is None or theirs is None:
        return shown
    return f"{shown} ({ours / theirs:.2g}×)"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="up to 6 qubits")
    quick = parser.parse_args().quick
    qubits = QUBITS[:2] if quick else QUBITS
    table = Table("chosen by", "measured", "qubits", *(f"batch {batch}" for batch in BATCHES))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExecutionWarning)
        for chooses_by in ("input", "weight"):
            for measures in ("z", "probs"):
                measure(chooses_by, measures, qubits, table)
    console = Console(width=120)
    console.print(table)
    console.print(
        "Milliseconds on default.qubit / lightning.qubit, and in brackets how many times as long default.qubit takes. "
        f"late: left out, since two qubits fewer took more than {SECONDS_A_STEP / 2:g} s."
    )
    console.print(
        f"{platform.processor() or platform.machine()}, {torch.get_num_threads()} threads, Python "
        f"{platform.python_version()}, torch {torch.__version__}, PennyLane {qp.__version__}"
    )


if __name__ == "__main__":
    main()
