"""Programs that differ in how their circuit is written or run."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pennylane as qp
import torch
from torch import nn

from programs.program import Draws, MakeLayer, Program, Results, classification, regression


def measured() -> Results:
    """Return Z on each of four qubits."""
    return [qp.expval(qp.PauliZ(wire)) for wire in range(4)]


def four_qubits(
    make: MakeLayer,
    circuit: Callable[[torch.Tensor, torch.Tensor], Results],
    rows: int,
    n_features: int = 4,
    device: str = "default.qubit",
    **settings: Any,
) -> Program:
    """Return a program that fits the circuit itself to targets, with weights of depth 2."""
    draws = Draws()
    qnode = qp.QNode(circuit, qp.device(device, wires=4), interface="torch", **settings)
    layer = make(qnode, {"weights": (2, 4, 3)})
    return regression(layer, draws.features(rows, n_features), draws.features(rows, 4))


def embedded(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
    """Queue the circuit of most tutorials."""
    qp.AngleEmbedding(inputs, wires=range(4))
    qp.StronglyEntanglingLayers(weights, wires=range(4))
    return measured()


def reuploading(make: MakeLayer) -> Program:
    """Data re-uploading with trained scales, two features on 4 qubits, depth 3, batch 32.

    The circuit follows Pérez-Salinas et al. (2020), arXiv:1907.02085.
    """

    @qp.qnode(qp.device("default.qubit", wires=4), interface="torch")
    def circuit(inputs: torch.Tensor, scales: torch.Tensor, weights: torch.Tensor) -> Results:
        for layer in range(3):
            for wire in range(4):
                qp.RZ(scales[layer, wire, 0] * inputs[..., 0] + weights[layer, wire, 0], wires=wire)
                qp.RY(scales[layer, wire, 1] * inputs[..., 1] + weights[layer, wire, 1], wires=wire)
            for wire in range(4):
                qp.CZ(wires=[wire, (wire + 1) % 4])
        return [qp.expval(qp.PauliZ(wire)) for wire in range(2)]

    draws = Draws()
    layer = make(circuit, {"scales": (3, 4, 2), "weights": (3, 4, 2)})
    return classification(layer, draws.features(32, 2), draws.classes(32))


def batch_columns(make: MakeLayer) -> Program:
    """A QNode for a batch, which takes its features as `inputs[:, i]`, 4 qubits, depth 2, batch 32."""

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        for wire in range(4):
            qp.RY(inputs[:, wire], wires=wire)
        qp.StronglyEntanglingLayers(weights, wires=range(4))
        return measured()

    return four_qubits(make, circuit, rows=32)


def batch_of_one(make: MakeLayer) -> Program:
    """A QNode that makes one sample a batch by `inputs.unsqueeze(0)`, 4 qubits, depth 2, batch 32."""

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        if inputs.ndim == 1:
            inputs = inputs.unsqueeze(0)
        for wire in range(4):
            qp.RX(inputs[:, wire], wires=wire)
        qp.StronglyEntanglingLayers(weights, wires=range(4))
        return measured()

    return four_qubits(make, circuit, rows=32)


def amplitude_and_angle(make: MakeLayer) -> Program:
    """Amplitudes and angles of the same 16 features, 4 qubits, depth 2, batch 32."""

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AmplitudeEmbedding(inputs, wires=range(4), normalize=True, pad_with=0.0)
        qp.AngleEmbedding(inputs[..., :4], wires=range(4), rotation="Y")
        qp.StronglyEntanglingLayers(weights, wires=range(4))
        return measured()

    return four_qubits(make, circuit, rows=32, n_features=16)


def mid_circuit(make: MakeLayer) -> Program:
    """Measurements in the middle that decide on later gates, 4 qubits, batch 32."""

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AngleEmbedding(inputs, wires=range(4))
        qp.StronglyEntanglingLayers(weights[:1], wires=range(4))
        for wire in (0, 2):
            outcome = qp.measure(wire)
            qp.cond(outcome, qp.RY)(weights[1, wire, 0], wires=wire + 1)
            qp.cond(outcome, qp.RZ)(weights[1, wire, 1], wires=wire + 1)
        qp.CNOT(wires=[1, 3])
        return [qp.expval(qp.PauliZ(wire)) for wire in (1, 3)]

    draws = Draws()
    qnode = qp.QNode(circuit, qp.device("default.qubit", wires=4), interface="torch")
    return classification(make(qnode, {"weights": (2, 4, 3)}), draws.features(32, 4), draws.classes(32))


def branch_on_inputs(make: MakeLayer) -> Program:
    """A QNode with `if inputs[i] > 0.5`, called sample by sample, 4 qubits, depth 2, batch 8."""

    @qp.qnode(qp.device("default.qubit", wires=4), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        for wire in range(4):
            if inputs[wire] > 0.5:
                qp.PauliX(wires=wire)
            qp.RY(inputs[wire], wires=wire)
        qp.StronglyEntanglingLayers(weights, wires=range(4))
        return measured()

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.circuit = make(circuit, {"weights": (2, 4, 3)})
            self.head = nn.Linear(4, 2)

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            return self.head(torch.stack([self.circuit(sample) for sample in inputs]))

    draws = Draws()
    return classification(Model(), draws.features(8, 4), draws.classes(8))


def branch_on_weights(make: MakeLayer) -> Program:
    """A QNode that leaves out gates whose weight is small, 4 qubits, depth 2, batch 32."""

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AngleEmbedding(inputs, wires=range(4))
        for layer in range(2):
            for wire in range(4):
                if torch.abs(weights[layer, wire, 0]) > 1.0:
                    qp.RX(weights[layer, wire, 0], wires=wire)
                qp.RY(weights[layer, wire, 1], wires=wire)
                qp.RZ(weights[layer, wire, 2], wires=wire)
            for wire in range(3):
                qp.CNOT(wires=[wire, wire + 1])
        return measured()

    return four_qubits(make, circuit, rows=32)


def parameter_shift(make: MakeLayer) -> Program:
    """Exact parameter-shift by `diff_method="parameter-shift"`, 4 qubits, depth 2, batch 16."""
    return four_qubits(make, embedded, rows=16, diff_method="parameter-shift")


def finite_shots(make: MakeLayer) -> Program:
    """100 shots with parameter-shift gradients, 4 qubits, depth 2, batch 8."""
    return four_qubits(make, embedded, rows=8, diff_method="parameter-shift", shots=100)


def lightning(make: MakeLayer) -> Program:
    """A QNode on lightning.qubit with adjoint gradients, 4 qubits, depth 2, batch 32."""
    return four_qubits(make, embedded, rows=32, device="lightning.qubit", diff_method="adjoint")
