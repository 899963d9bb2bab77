"""Programs that call their layers in other ways than a batch a step."""

from __future__ import annotations

import math

import pennylane as qp
import torch
from torch import nn

from programs.program import Draws, MakeLayer, Program, Results, classification, regression, trained


def entangled(n_qubits: int) -> qp.QNode:
    """Return the circuit of most tutorials: an angle embedding, strongly entangling layers, Z on every qubit."""

    @qp.qnode(qp.device("default.qubit", wires=n_qubits), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AngleEmbedding(inputs, wires=range(n_qubits))
        qp.StronglyEntanglingLayers(weights, wires=range(n_qubits))
        return [qp.expval(qp.PauliZ(wire)) for wire in range(n_qubits)]

    return circuit


def physics_informed(make: MakeLayer) -> Program:
    """Physics-informed network for the heat equation, second derivatives, 4 qubits, depth 2, batch 32."""

    @qp.qnode(qp.device("default.qubit", wires=4), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        for layer in range(2):
            for wire in range(4):
                qp.RY(inputs[..., wire % 2], wires=wire)
                qp.Rot(*weights[layer, wire], wires=wire)
            for wire in range(4):
                qp.CNOT(wires=[wire, (wire + 1) % 4])
        return [qp.expval(qp.PauliZ(wire)) for wire in range(4)]

    draws = Draws()
    model = nn.Sequential(make(circuit, {"weights": (2, 4, 3)}), nn.Linear(4, 1))
    inside, start = draws.features(32, 2), draws.features(16, 2) * torch.tensor([1.0, 0.0])
    wanted = torch.sin(math.pi * start[:, :1])

    def derivative(of: torch.Tensor, by: torch.Tensor) -> torch.Tensor:
        return torch.autograd.grad(of, by, torch.ones_like(of), create_graph=True)[0]

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        points = inside.clone().requires_grad_()
        heat = model(points)
        first = derivative(heat, points)
        second = derivative(first[:, :1], points)[:, :1]
        residual = first[:, 1:] - 0.1 * second
        return heat, residual.square().mean() + (model(start) - wanted).square().mean()

    return trained(model, loss)


def transfer(make: MakeLayer) -> Program:
    """Transfer head: 512 features of a frozen network, linear, 4 qubits, depth 3, linear, batch 32.

    The head is the dressed circuit of Mari et al. (2020), arXiv:1912.08278.
    """

    @qp.qnode(qp.device("default.qubit", wires=4), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        for wire in range(4):
            qp.Hadamard(wires=wire)
        qp.AngleEmbedding(inputs, wires=range(4), rotation="Y")
        for layer in range(3):
            for pair in ([0, 1], [2, 3], [1, 2]):
                qp.CNOT(wires=pair)
            for wire in range(4):
                qp.RY(weights[layer, wire], wires=wire)
        return [qp.expval(qp.PauliZ(wire)) for wire in range(4)]

    class Head(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.Linear(512, 4), nn.Linear(4, 2)
            self.circuit = make(circuit, {"weights": (3, 4)})

        def forward(self, features: torch.Tensor) -> torch.Tensor:
            return self.after(self.circuit(torch.tanh(self.before(features)) * math.pi / 2))

    draws = Draws()
    return classification(Head(), draws.features(32, 512), draws.classes(32))


def actor(make: MakeLayer) -> Program:
    """Actor that is asked for one state at a time, then trained on an episode of 16, 4 qubits, depth 2."""
    draws = Draws()
    policy = nn.Sequential(nn.Linear(4, 4), make(entangled(4), {"weights": (2, 4, 3)}), nn.Linear(4, 2))
    states, rewards = draws.features(16, 4), draws.features(16)

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        chosen, logits = [], []
        for state in states:
            logits.append(policy(state.unsqueeze(0)))
            probabilities = torch.softmax(logits[-1], dim=-1)
            action = torch.multinomial(probabilities, 1, generator=draws.generator)
            chosen.append(torch.log(probabilities[0, action[0, 0]]))
        returns = rewards.flip(0).cumsum(0).flip(0)
        return torch.cat(logits), -(torch.stack(chosen) * (returns - returns.mean())).sum()

    return trained(policy, loss)


def one_sample_loop(make: MakeLayer) -> Program:
    """Training by one sample a step, 8 steps, 4 qubits, depth 2."""
    draws = Draws()
    model = nn.Sequential(make(entangled(4), {"weights": (2, 4, 3)}), nn.Linear(4, 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    inputs, targets = draws.features(8, 4), draws.features(8, 1)

    def step() -> torch.Tensor:
        outputs = []
        for sample, target in zip(inputs, targets, strict=True):
            optimizer.zero_grad()
            outputs.append(model(sample))
            nn.functional.mse_loss(outputs[-1], target).backward()
            optimizer.step()
        return torch.stack(outputs).detach()

    return Program(model, step)


def prediction_loop(make: MakeLayer) -> Program:
    """Prediction of one sample at a time without gradients, 16 samples, 4 qubits, depth 2."""
    model, inputs = make(entangled(4), {"weights": (2, 4, 3)}), Draws().features(16, 4)

    def step() -> torch.Tensor:
        model.eval()
        with torch.no_grad():
            return torch.stack([model(sample) for sample in inputs])

    return Program(model, step)


def eight_layers(make: MakeLayer) -> Program:
    """Eight layers of one QNode, each for its four of 32 features, depth 2, batch 32."""
    qnode = entangled(4)

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.before, self.after = nn.Linear(10, 32), nn.Linear(32, 2)
            self.circuits = nn.ModuleList([make(qnode, {"weights": (2, 4, 3)}) for _ in range(8)])

        def forward(self, inputs: torch.Tensor) -> torch.Tensor:
            parts = torch.split(self.before(inputs), 4, dim=1)
            found = [circuit(part) for circuit, part in zip(self.circuits, parts, strict=True)]
            return self.after(torch.cat(found, dim=1))

    draws = Draws()
    return classification(Model(), draws.features(32, 10), draws.classes(32))


def layer_a_step(make: MakeLayer) -> Program:
    """A new layer of the same QNode every step, as in a search or a restart, 4 qubits, depth 2, batch 32."""
    draws = Draws()
    qnode, model = entangled(4), nn.ModuleDict()
    inputs, targets, starts = draws.features(32, 4), draws.features(32, 4), draws.features(8, 2, 4, 3)
    number = 0

    def step() -> torch.Tensor:
        nonlocal number
        start = starts[number % len(starts)]
        model["candidate"] = make(qnode, {"weights": (2, 4, 3)}, init_method={"weights": start})
        number += 1
        return regression(model["candidate"], inputs, targets).step()

    return Program(model, step)
