"""pyqtorch's circuit in double precision, its default, by torch's own differentiation."""

from __future__ import annotations

import pyqtorch as pyq
import torch
from problems import Data, Problem

from workers.side import versions_of
from workers.torch_step import TorchStep


def versions() -> dict[str, str]:
    """Of what it rests on."""
    return versions_of("pyqtorch", "torch")


def prepare(problem: Problem, data: Data) -> TorchStep:
    """Build it: the gates of qp.AngleEmbedding and qp.StronglyEntanglingLayers one by one."""
    n_qubits = problem.n_qubits
    names = [f"w{number}" for number in range(data.weights.size)]
    name = iter(names)
    gates: list[torch.nn.Module] = [pyq.RY(i, f"x{i}") for i in range(n_qubits)]
    for layer in range(problem.depth):
        for i in range(n_qubits):
            gates += [pyq.RZ(i, next(name)), pyq.RY(i, next(name)), pyq.RZ(i, next(name))]
        reach = layer % max(n_qubits - 1, 1) + 1
        gates += [pyq.CNOT(i, (i + reach) % n_qubits) for i in range(n_qubits) if n_qubits > 1]
    circuit = pyq.QuantumCircuit(n_qubits, gates)
    observables = [pyq.Observable(pyq.Z(i)) for i in range(n_qubits)]
    weights = torch.tensor(data.weights.reshape(-1), dtype=torch.float64, requires_grad=True)

    def forward(inputs: torch.Tensor) -> torch.Tensor:
        values = dict(zip(names, weights, strict=True))
        values.update({f"x{i}": column for i, column in enumerate(inputs.T)})
        state = circuit.run(circuit.init_state(batch_size=len(inputs)), values)
        return torch.stack([observable.expectation(state, values) for observable in observables], dim=-1)

    return TorchStep(forward, [weights], data, torch.float64)
