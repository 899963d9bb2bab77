"""PennyLane's own layer on a device, as its documentation writes it."""

from __future__ import annotations

import pennylane as qp
import torch
from problems import Data, Problem

from workers.circuits import quantum_function
from workers.torch_step import TorchStep


def torch_layer(problem: Problem, data: Data, device: str, diff_method: str) -> TorchStep:
    """A TorchLayer with the data's weights."""
    qnode = qp.QNode(
        quantum_function(problem),
        qp.device(device, wires=problem.n_qubits),
        diff_method=diff_method,
        interface="torch",
    )
    weights = torch.tensor(data.weights, dtype=torch.float32)
    layer = qp.qnn.TorchLayer(qnode, {"weights": problem.weight_shape}, {"weights": weights})
    return TorchStep(layer, list(layer.parameters()), data)
