"""QuantumLayer as it is by default, named by its parts or around a QNode."""

from __future__ import annotations

import pennylane as qp
import torch
from problems import AMPLITUDE, ARITHMETIC, IQP, STRONGLY_ENTANGLING, Data, Problem

from qlayers import QuantumLayer
from workers.circuits import quantum_function
from workers.side import versions_of
from workers.torch_step import TorchStep

_PARTS = {
    STRONGLY_ENTANGLING: {},
    IQP: {"encoding": "iqp", "ansatz": "hardware_efficient"},
    AMPLITUDE: {"encoding": "amplitude", "measurement": "probs"},
}


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("numba", "numpy", "pennylane", "torch")


def layer_of(problem: Problem, weights: torch.Tensor) -> QuantumLayer:
    """The layer, with these weights."""
    if problem.circuit == ARITHMETIC:
        qnode = qp.QNode(quantum_function(problem), qp.device("default.qubit", wires=problem.n_qubits))
        return QuantumLayer.from_qnode(
            qnode, {"weights": problem.weight_shape}, {"weights": weights}, n_features=problem.n_qubits
        )
    n_features = 2**problem.n_qubits if problem.circuit == AMPLITUDE else problem.n_qubits
    parts = _PARTS[problem.circuit]
    return QuantumLayer(problem.n_qubits, n_features, depth=problem.depth, init={"weights": weights}, **parts)


def prepare(problem: Problem, data: Data) -> TorchStep:
    """Build it.

    Raises:
        RuntimeError: If it does not run on the batched simulator, which is what is to be timed.
    """
    layer = layer_of(problem, torch.tensor(data.weights, dtype=torch.float32))
    if layer.execution.device != "qlayers.batched":
        raise RuntimeError(f"QuantumLayer runs on {layer.execution.device}, not on the batched simulator.")
    return TorchStep(layer, list(layer.parameters()), data)
