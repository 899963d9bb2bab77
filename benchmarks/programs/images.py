"""Programs that read or draw images."""

from __future__ import annotations

import math

import pennylane as qp
import torch
from torch import nn

from programs.program import Draws, MakeLayer, Program, Results, classification, trained


class Quanvolution(nn.Module):
    """A circuit that slides over an image, two by two pixels at a time; then a linear layer."""

    def __init__(self, make: MakeLayer) -> None:
        super().__init__()

        @qp.qnode(qp.device("default.qubit", wires=4), interface="torch")
        def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
            qp.AngleEmbedding(math.pi * inputs, wires=range(4), rotation="Y")
            qp.BasicEntanglerLayers(weights, wires=range(4))
            return [qp.expval(qp.PauliZ(wire)) for wire in range(4)]

        self.filter = make(circuit, {"weights": (2, 4)})
        self.head = nn.Linear(7 * 7 * 4, 10)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return a score for each of ten classes."""
        small = nn.functional.avg_pool2d(images, 2).squeeze(1)  # (batch, 14, 14)
        found = []
        for row in range(0, 14, 2):
            for column in range(0, 14, 2):
                patch = small[:, row : row + 2, column : column + 2].reshape(-1, 4)
                found.append(self.filter(patch))
        return self.head(torch.cat(found, dim=1))


def quanvolution(make: MakeLayer) -> Program:
    """Quanvolution patch by patch: 49 calls of 4 qubits, depth 2, batch 8 of 28×28 images pooled to 14×14."""
    draws = Draws()
    return classification(Quanvolution(make), draws.features(8, 1, 28, 28), draws.classes(8, 10))


def convolve(weights: torch.Tensor, wires: tuple[int, int]) -> None:
    """Queue a gate of two qubits with ten angles."""
    first, second = wires
    qp.U3(weights[0], weights[1], weights[2], wires=first)
    qp.U3(weights[3], weights[4], weights[5], wires=second)
    qp.CNOT(wires=[first, second])
    qp.RY(weights[6], wires=first)
    qp.RZ(weights[7], wires=second)
    qp.CNOT(wires=[second, first])
    qp.RY(weights[8], wires=first)
    qp.RY(weights[9], wires=second)


def pool(weights: torch.Tensor, source: int, sink: int) -> None:
    """Queue what moves one qubit's information to another."""
    qp.CRZ(weights[0], wires=[source, sink])
    qp.PauliX(wires=source)
    qp.CRX(weights[1], wires=[source, sink])


def qcnn(make: MakeLayer) -> Program:
    """QCNN of three convolutions with pooling, 8 qubits, batch 16, probabilities of the last qubit.

    Gates are shared within a layer, as in Hur, Kim and Park (2022), arXiv:2108.00661.
    """

    @qp.qnode(qp.device("default.qubit", wires=8), interface="torch")
    def circuit(inputs: torch.Tensor, convolutions: torch.Tensor, pools: torch.Tensor) -> Results:
        qp.AngleEmbedding(inputs, wires=range(8), rotation="Y")
        wires = list(range(8))
        for layer in range(3):
            for start in (0, 1):
                for i in range(start, len(wires) - 1, 2):
                    convolve(convolutions[layer], (wires[i], wires[i + 1]))
            for i in range(0, len(wires), 2):
                pool(pools[layer], wires[i], wires[i + 1])
            wires = wires[1::2]
        return qp.probs(wires=wires)

    draws = Draws()
    model = make(circuit, {"convolutions": (3, 10), "pools": (3, 2)})
    inputs, classes = draws.features(16, 8), draws.classes(16)

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        probabilities = model(inputs)
        return probabilities, nn.functional.nll_loss(torch.log(probabilities), classes)

    return trained(model, loss)


class PatchGenerator(nn.Module):
    """Four circuits that draw two rows each of an image of eight by eight pixels, with one ancilla qubit."""

    def __init__(self, make: MakeLayer) -> None:
        super().__init__()

        @qp.qnode(qp.device("default.qubit", wires=5), interface="torch")
        def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
            for wire in range(5):
                qp.RY(inputs[..., wire], wires=wire)
            for layer in range(3):
                for wire in range(5):
                    qp.RY(weights[layer, wire], wires=wire)
                for wire in range(4):
                    qp.CZ(wires=[wire, wire + 1])
            return qp.probs(wires=range(5))

        self.patches = nn.ModuleList([make(circuit, {"weights": (3, 5)}) for _ in range(4)])

    def forward(self, noise: torch.Tensor) -> torch.Tensor:
        """Return an image for each row of noise."""
        drawn = []
        for patch in self.patches:
            kept = patch(noise)[:, :16]  # the ancilla is in its state 0
            drawn.append(kept / kept.max(dim=1, keepdim=True).values)
        return torch.cat(drawn, dim=1)


def gan(make: MakeLayer) -> Program:
    """GAN with a patch generator: four circuits of 5 qubits, depth 3, batch 8; a step trains both networks.

    The generator is that of Huang et al. (2021), arXiv:2010.06201.
    """
    draws = Draws()
    generator = PatchGenerator(make)
    critic = nn.Sequential(
        nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 16), nn.ReLU(), nn.Linear(16, 1), nn.Sigmoid()
    )
    of_critic = torch.optim.SGD(critic.parameters(), lr=0.01)
    of_generator = torch.optim.SGD(generator.parameters(), lr=0.3)
    real, ones, zeros = draws.features(8, 64), torch.ones(8, 1), torch.zeros(8, 1)
    judge = nn.functional.binary_cross_entropy

    def step() -> torch.Tensor:
        noise = math.pi / 2 * torch.rand(8, 5, generator=draws.generator)
        images = generator(noise)
        critic.zero_grad()
        (judge(critic(real), ones) + judge(critic(images.detach()), zeros)).backward()
        of_critic.step()
        generator.zero_grad()
        judge(critic(images), ones).backward()
        of_generator.step()
        return images.detach()

    return Program(nn.ModuleList([generator, critic]), step)


def autoencoder(make: MakeLayer) -> Program:
    """Autoencoder trained by a swap test: 16 pixels on 4 qubits, one trash, one reference and one test qubit, batch 32.

    The loss is that of Romero, Olson and Aspuru-Guzik (2017), arXiv:1612.02806.
    """
    data, trash, reference, test = range(4), 3, 4, 5

    @qp.qnode(qp.device("default.qubit", wires=6), interface="torch")
    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Results:
        qp.AmplitudeEmbedding(inputs, wires=data, normalize=True)
        for layer in range(3):
            for wire in data:
                qp.RY(weights[layer, wire], wires=wire)
            for wire in range(3):
                qp.CNOT(wires=[wire, wire + 1])
        qp.Hadamard(wires=test)
        qp.CSWAP(wires=[test, trash, reference])
        qp.Hadamard(wires=test)
        return qp.expval(qp.PauliZ(test))

    draws = Draws()
    model, pixels = make(circuit, {"weights": (3, 4)}), draws.features(32, 16)

    def loss() -> tuple[torch.Tensor, torch.Tensor]:
        fidelity = model(pixels)
        return fidelity, (1 - fidelity).mean()

    return trained(model, loss)
