"""Programs that read sequences."""

from __future__ import annotations

import math

import pennylane as qp
import torch
from torch import nn

from programs.program import Draws, MakeLayer, Program, Results, classification, regression

N_QUBITS = 4
GATES = ("forget", "input", "update", "output")


def gate_circuit(gate: str) -> qp.QNode:
    """Return the circuit of one gate, on wires that bear its name."""
    wires = [f"{gate}_{i}" for i in range(N_QUBITS)]

    @qp.qnode(qp.device("default.qubit", wires=wires), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AngleEmbedding(inputs, wires=wires)
        qp.BasicEntanglerLayers(weights, wires=wires)
        return [qp.expval(qp.PauliZ(wire)) for wire in wires]

    return circuit


class QLSTM(nn.Module):
    """An LSTM in which a circuit stands in each of the four gates."""

    def __init__(self, make: MakeLayer, n_features: int, hidden: int) -> None:
        super().__init__()
        self.hidden = hidden
        self.squeeze = nn.Linear(n_features + hidden, N_QUBITS)
        self.gates = nn.ModuleList([make(gate_circuit(gate), {"weights": (1, N_QUBITS)}) for gate in GATES])
        self.expand = nn.Linear(N_QUBITS, hidden)
        self.head = nn.Linear(hidden, 1)

    def forward(self, sequence: torch.Tensor) -> torch.Tensor:
        """Return a number for each sequence."""
        state = memory = sequence.new_zeros(len(sequence), self.hidden)
        for t in range(sequence.shape[1]):
            squeezed = self.squeeze(torch.cat((state, sequence[:, t]), dim=1))
            forget, keep, update, output = (self.expand(gate(squeezed)) for gate in self.gates)
            memory = torch.sigmoid(forget) * memory + torch.sigmoid(keep) * torch.tanh(update)
            state = torch.sigmoid(output) * torch.tanh(memory)
        return self.head(state)


def qlstm(make: MakeLayer) -> Program:
    """QLSTM, four circuits of 4 qubits a cell, 6 time steps, batch 32.

    Each cell squeezes the input and the hidden state to the qubits, as in the QLSTM of Chen et al. (2020),
    arXiv:2009.01783.
    """
    draws = Draws()
    return regression(QLSTM(make, n_features=3, hidden=8), draws.features(32, 6, 3), draws.features(32, 1))


class Attention(nn.Module):
    """Self-attention of one head whose queries, keys and values are measured on circuits."""

    def __init__(self, make: MakeLayer) -> None:
        super().__init__()

        @qp.qnode(qp.device("default.qubit", wires=N_QUBITS), interface="torch")
        def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
            qp.AngleEmbedding(inputs, wires=range(N_QUBITS), rotation="Y")
            qp.StronglyEntanglingLayers(weights, wires=range(N_QUBITS))
            return [qp.expval(qp.PauliZ(wire)) for wire in range(N_QUBITS)]

        shapes = {"weights": (2, N_QUBITS, 3)}
        self.query, self.key, self.value = (make(circuit, shapes) for _ in range(3))
        self.norm = nn.LayerNorm(N_QUBITS)
        self.head = nn.Linear(N_QUBITS, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        """Return a score for each of two classes."""
        query, key, value = self.query(tokens), self.key(tokens), self.value(tokens)
        scores = torch.softmax(query @ key.transpose(1, 2) / math.sqrt(N_QUBITS), dim=-1)
        return self.head(self.norm(tokens + scores @ value).mean(dim=1))


def attention(make: MakeLayer) -> Program:
    """Self-attention with queries, keys and values from circuits, 4 qubits, depth 2, batch 8 of 8 tokens."""
    draws = Draws()
    return classification(Attention(make), draws.features(8, 8, N_QUBITS), draws.classes(8))
