"""Layers that an earlier version of qlayers has pickled, and the function that wrote the files beside this one.

The files were written at commit 9b73a3d, from the root of the checkout, by

    python -c "from tests.qlayers.previous.layers import write; write()"

They stand for what users have on disk, so they are never written again when the code changes. A new kind of layer gets
its files by itself: `write(only=["its name"])`, at the commit whose files it stands for.
"""

from __future__ import annotations

import pickle
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pennylane as qp
import torch

from qlayers import QuantumLayer

FOLDER = Path(__file__).parent
SHOTS = 100


@qp.qnode(qp.device("default.qubit", wires=2))
def two_numbers(inputs: torch.Tensor, weights: torch.Tensor) -> list[Any]:
    """One expectation a qubit."""
    qp.AngleEmbedding(inputs, wires=[0, 1])
    qp.BasicEntanglerLayers(weights, wires=[0, 1])
    return [qp.expval(qp.Z(0)), qp.expval(qp.X(1))]


class TwoWeights(QuantumLayer):
    """A circuit with two weights, one of them without dimensions."""

    def circuit(self, inputs: torch.Tensor, first: torch.Tensor, second: torch.Tensor) -> Any:
        """Return the probabilities of one qubit."""
        for i in range(self.n_qubits):
            qp.RX(inputs[..., i] * first[i], wires=i)
            qp.RY(second, wires=i)
        qp.CNOT([0, 1])
        return qp.probs(wires=[1])


LAYERS = {
    "default": lambda: QuantumLayer(2, depth=2),
    "amplitude": lambda: QuantumLayer(2, n_features=3, encoding="amplitude", depth=2),
    "probs": lambda: QuantumLayer(2, encoding="iqp", measurement="probs", depth=2),
    "float64": lambda: QuantumLayer(2, depth=2, precision="float64"),
    "lightning": lambda: QuantumLayer(2, depth=2).on("lightning"),
    "shots": lambda: QuantumLayer(2, depth=2).on("shots", shots=SHOTS, seed=0),
    "qnode": lambda: QuantumLayer.from_qnode(two_numbers, {"weights": (2, 2)}),
    "qnode_as_written": lambda: QuantumLayer.from_qnode(
        two_numbers, {"weights": (2, 2)}, backend="as_written", precision="float64"
    ),
    "subclass": lambda: TwoWeights(2, weight_shapes={"first": (2,), "second": ()}),
}
"""How each layer was made. `default`, `lightning` and `shots` have the same weights and inputs."""


def make(name: str) -> tuple[QuantumLayer, torch.Tensor]:
    """Return a layer and three samples for it, always the same."""
    torch.manual_seed(7)
    layer = LAYERS[name]()
    return layer, torch.rand(3, layer.n_features or 2, dtype=layer.dtype)


def gradients(layer: QuantumLayer, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
    """Return the derivatives of the sum of the squared outputs by the inputs and by each weight."""
    inputs = inputs.clone().requires_grad_()
    weights = dict(layer.named_parameters())
    found = torch.autograd.grad(layer(inputs).square().sum(), [inputs, *weights.values()])
    return dict(zip(["inputs", *weights], found, strict=True))


def write(only: Iterable[str] = LAYERS) -> None:
    """Write each layer's pickle, and beside it its weights, inputs, outputs and derivatives."""
    for name in only:
        layer, inputs = make(name)
        outputs = layer(inputs).detach()
        (FOLDER / f"{name}.pkl").write_bytes(pickle.dumps(layer, protocol=4))
        layer, inputs = make(name)
        values = {"inputs": inputs, "outputs": outputs, "gradients": gradients(layer, inputs)}
        torch.save({"state_dict": layer.state_dict(), **values}, FOLDER / f"{name}.pt")
