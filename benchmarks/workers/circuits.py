"""The circuits as a PennyLane user writes them, on torch tensors."""

from __future__ import annotations

import pennylane as qp
import torch
from problems import AMPLITUDE, ARITHMETIC, IQP, Problem


def quantum_function(problem: Problem):  # type: ignore[no-untyped-def]
    """A function of ``(inputs, weights)`` for a QNode."""
    wires = range(problem.n_qubits)

    def strongly_entangling(inputs, weights):  # type: ignore[no-untyped-def]
        qp.AngleEmbedding(inputs, wires=wires, rotation="Y")
        qp.StronglyEntanglingLayers(weights, wires=wires)
        return [qp.expval(qp.Z(i)) for i in wires]

    def iqp(inputs, weights):  # type: ignore[no-untyped-def]
        qp.IQPEmbedding(inputs, wires=wires)
        for layer in range(problem.depth):
            for i in wires:
                qp.RY(weights[layer, i, 0], wires=i)
                qp.RZ(weights[layer, i, 1], wires=i)
            for i in wires[:-1]:
                qp.CZ(wires=[i, i + 1])
        return [qp.expval(qp.Z(i)) for i in wires]

    def amplitude(inputs, weights):  # type: ignore[no-untyped-def]
        qp.AmplitudeEmbedding(inputs, wires=wires, normalize=True)
        qp.StronglyEntanglingLayers(weights, wires=wires)
        return qp.probs(wires=wires)

    def arithmetic(inputs, weights):  # type: ignore[no-untyped-def]
        for layer in range(problem.depth):
            for i in wires:
                following = (i + 1) % problem.n_qubits
                qp.RX(weights[layer, i, 0] * inputs[..., i] + weights[layer, i, 1], wires=i)
                qp.RZ(torch.sin(inputs[..., i]) * inputs[..., following] ** 2, wires=i)
            for i in wires:
                qp.CNOT(wires=[i, (i + 1) % problem.n_qubits])
        return [qp.expval(qp.Z(i)) for i in wires]

    written = {IQP: iqp, AMPLITUDE: amplitude, ARITHMETIC: arithmetic}
    return written.get(problem.circuit, strongly_entangling)
