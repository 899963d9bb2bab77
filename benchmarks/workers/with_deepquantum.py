"""DeepQuantum's QubitCircuit, by torch's own differentiation."""

from __future__ import annotations

import deepquantum as dq
import torch
from problems import Data, Problem

from workers.side import versions_of
from workers.torch_step import TorchStep


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("deepquantum", "torch")


def prepare(problem: Problem, data: Data) -> TorchStep:
    """Build it: the gates of qp.AngleEmbedding and qp.StronglyEntanglingLayers one by one."""
    n_qubits = problem.n_qubits
    circuit = dq.QubitCircuit(n_qubits)
    circuit.rylayer(encode=True)
    for layer in range(problem.depth):
        for i in range(n_qubits):
            circuit.rz(i)
            circuit.ry(i)
            circuit.rz(i)
        reach = layer % max(n_qubits - 1, 1) + 1
        for i in range(n_qubits):
            if n_qubits > 1:
                circuit.cnot(i, (i + reach) % n_qubits)
    for i in range(n_qubits):
        circuit.observable(i)
    parameters = list(circuit.parameters())
    with torch.no_grad():
        for parameter, weight in zip(parameters, data.weights.reshape(-1), strict=True):
            parameter.fill_(float(weight))

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        circuit(inputs)
        return circuit.expectation()

    return TorchStep(forward, parameters, data)
