"""Circuits that are easily taken for another, or changed by a look at them: the numbers stay TorchLayer's.

Each function makes a layer or two with the class it is given, calls them, and returns numbers and what is left behind.
"""

from __future__ import annotations

import collections
import copy
import dataclasses
import decimal
import pickle

import numpy as np
import pennylane as qp
import pytest
import torch
from torch import nn

import qlayers

pytestmark = [pytest.mark.falls_back, pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")]
X = torch.tensor([[0.3, 0.7], [0.9, -0.2]])
WEIGHTS = {"w": torch.tensor([0.4, 1.1])}
DEVICE = qp.device("default.qubit", wires=2)


def of(layer_class, function):
    qnode = function if isinstance(function, qp.QNode) else qp.QNode(function, DEVICE)
    return layer_class(qnode, {"w": (2,)}, WEIGHTS)


def scaled(scale):
    """A circuit that a number scales, which is asked for at every call."""

    def circuit(inputs, w):
        qp.RX(scale() * inputs[..., 0] + w[0], 0)
        return qp.expval(qp.Z(0))

    return circuit


def observables(layer_class):
    def make(observable):
        def circuit(inputs, w):
            qp.RX(inputs[..., 0], 0)
            qp.RY(w[0], 1)
            return qp.expval(observable)

        return of(layer_class, circuit)

    pairs = [qp.Z(0), qp.Z(1), qp.X(0) @ qp.Z(1), qp.Z(0) @ qp.X(1), qp.Hermitian(np.eye(2), 1)]
    return [make(observable)(X) for observable in pairs]


def wires(layer_class):
    def make(register):
        def circuit(inputs, w):
            qp.RX(inputs[..., 0], 0)
            qp.CNOT(register)
            return qp.expval(qp.Z(1))

        return of(layer_class, circuit)

    return [make(qp.wires.Wires(labels))(X) for labels in ([0, 1], [1, 0])]


class NamesOfOurs(nn.Module):
    def __init__(self, layer_class, n):
        super().__init__()
        self._n_qubits = self._spec = n
        self.layer = of(layer_class, self.circuit)

    def circuit(self, inputs, w):
        for wire in range(self._n_qubits):
            qp.RX(self._spec * inputs[..., wire], wire)
        return qp.expval(qp.Z(1))


def names_of_ours(layer_class):
    return [NamesOfOurs(layer_class, n).layer(X) for n in (1, 2)]


class Target(nn.Module):
    layer_class = qp.qnn.TorchLayer

    def __init__(self):
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(1.0))
        self.layer = of(self.layer_class, self.circuit)

    def circuit(self, inputs, w):
        qp.RX(self.scale * inputs[..., 0] + w[0], 0)
        return qp.expval(qp.Z(0))

    def forward(self, inputs):
        return self.layer(inputs)


class OurTarget(Target):
    layer_class = qlayers.TorchLayer


def target_networks(layer_class):
    online = (Target if layer_class is qp.qnn.TorchLayer else OurTarget)()
    target = copy.deepcopy(online)
    target.scale.data.fill_(3.0)
    outputs = target(X)
    (gradient,) = torch.autograd.grad(outputs.sum(), target.scale)
    return [outputs, gradient, online(X)]


class Shown:
    def __init__(self, kind):
        self.kind = kind

    def __str__(self):
        return self.kind


def shown(layer_class):
    mode = Shown("X")

    def circuit(inputs, w):
        qp.AngleEmbedding(inputs, range(2), rotation=str(mode))
        return qp.expval(qp.Z(0))

    layer = of(layer_class, circuit)
    first, mode.kind = layer(X), "Z"
    return [first, layer(X)]


class Activation(nn.Sequential):
    pass


class Slope(nn.LeakyReLU):
    pass


def subclasses_of_modules(layer_class):
    def make(module):
        def circuit(inputs, w):
            qp.RX(module(inputs)[..., 0], 0)
            return qp.expval(qp.Z(0))

        return of(layer_class, circuit)

    changed = Activation(nn.Tanh())
    layers = [make(changed), make(Activation(nn.Sigmoid(), nn.ReLU())), make(Slope(0.1)), make(Slope(0.9))]
    before = [layer(-X) for layer in layers]
    changed[0] = nn.Sigmoid()
    return [*before, layers[0](-X)]


def user_dictionary(layer_class):
    settings = collections.UserDict(scale=1.0)
    layer = of(layer_class, scaled(lambda: settings["scale"]))
    before = layer(X)
    settings["scale"] = 2.0
    return [before, layer(X)]


def decimals(layer_class):
    def make(number):
        return of(layer_class, scaled(lambda: float(number)))

    return [make(decimal.Decimal(digits))(X) for digits in ("0.5", "1.5")]


@dataclasses.dataclass(eq=False)
class Rotation:
    axis: str
    factor: float


def patterns(layer_class):
    def make(rotation):
        def circuit(inputs, w):
            match rotation:
                case Rotation(axis="x", factor=factor):
                    qp.RX(factor * inputs[..., 0], 0)
                case Rotation(factor=factor):
                    qp.Hadamard(0)
                    qp.RZ(factor * inputs[..., 0], 0)
            return qp.expval(qp.X(0) + qp.Z(0))

        return of(layer_class, circuit)

    return [make(Rotation(*values))(X) for values in (("x", 1.0), ("z", 1.0), ("x", 2.0))]


def order_of_sets(layer_class):
    def make(wires):
        def circuit(inputs):
            for wire in wires:
                qp.CRX(inputs[..., 0], [wire % 3, (wire + 1) % 3])
                qp.Hadamard(wire % 3)
            return qp.expval(qp.Z(0) @ qp.Z(2))

        return layer_class(qp.QNode(circuit, qp.device("default.qubit", wires=3)), {}, None)

    return [make(wires)(X) for wires in ({0, 8}, {8, 0})]


def weights_set_by_name(layer_class):
    layer = of(layer_class, scaled(lambda: 1.0))
    layer.qnode_weights["w"] = nn.Parameter(torch.tensor([2.0, 0.0]))
    by_parameter = layer(X)
    layer.qnode_weights["w"] = torch.tensor([3.0, 0.0])
    return [by_parameter, layer(X)]


@qp.transform
def turned(tape):
    return [tape.copy(operations=[*tape.operations, qp.RX(0.5, 0)])], lambda results: results[0]


def transform_appended_later(layer_class):
    qnode = qp.QNode(scaled(lambda: 1.0), DEVICE)
    layer = of(layer_class, qnode)
    before = layer(X)
    qnode.compile_pipeline.append(qp.transforms.core.BoundTransform(turned))
    return [before, layer(X)]


@qp.transform
def folded(tape):
    return [tape], lambda results: results[0] if (results[0] >= 0).all() else -results[0]


@qp.transform
def lifted(tape):
    return [tape], lambda results: results[0] + 0.5


def post_processing_that_adds(layer_class):
    return [of(layer_class, lifted(qp.QNode(scaled(lambda: 1.0), DEVICE)))(X)]


def view_of_what_a_look_changes(layer_class):
    running = torch.zeros(2)
    view = running.numpy()

    def update(buffer, inputs):
        buffer.lerp_(inputs, 0.1)

    def circuit(inputs, w):
        update(running, inputs.detach().mean(0))
        qp.AngleEmbedding(inputs - running, range(2))
        return qp.expval(qp.Z(0))

    outputs = of(layer_class, circuit)(X)
    return [outputs, torch.from_numpy(view.copy())]


def post_processing_that_looks(layer_class):
    layer = of(layer_class, folded(qp.QNode(scaled(lambda: 1.0), DEVICE)))
    return [layer(inputs) for inputs in (X, X + 2.0)]


def changes_through_a_local_name(layer_class):
    running, calls, history = torch.zeros(2), {"n": 0}, []

    def update(buffer, inputs):
        buffer.lerp_(inputs, 0.1)

    def circuit(inputs, w):
        update(running, inputs.detach().mean(0))
        counts = calls
        counts["n"] += 1
        entries = history
        entries.append(len(entries))
        qp.AngleEmbedding(inputs - running, range(2))
        return qp.expval(qp.Z(0))

    layer = of(layer_class, circuit)
    outputs = [layer(X), layer(X)]
    return [*outputs, running, torch.tensor([calls["n"], len(history)])]


def default_argument_changed(layer_class):
    def count(inputs, seen=[]):  # noqa: B006 - as people write it
        seen.append(1)
        return len(seen)

    def circuit(inputs, w):
        qp.RX(count(inputs) * inputs[..., 0], 0)
        return qp.expval(qp.Z(0))

    layer = of(layer_class, circuit)
    return [layer(X), layer(X)]


def batches_of_one_size(layer_class):
    def circuit(inputs, w):
        assert inputs.shape[0] == 8
        grouped = inputs.view(4, 2, 2).mean(1).repeat_interleave(2, 0)
        qp.RX(grouped[:, 0] + w[0], 0)
        return qp.expval(qp.Z(0))

    return [of(layer_class, circuit)(X.repeat(4, 1))]


def context_of_a_batch(layer_class):
    context = [torch.zeros(2, 2)]

    def circuit(inputs, w):
        qp.RX(inputs[..., 0] + context[0][:, 0], 0)
        return qp.expval(qp.Z(0))

    layer = of(layer_class, circuit)
    context[0] = torch.tensor([[0.1, 0.0], [0.7, 0.0]])
    return [layer(X)]


def weights_that_are_not_read(layer_class):
    def circuit(inputs, w, idle):
        qp.RX(inputs[..., 0] + w[0], 0)
        return qp.expval(qp.Z(0))

    torch.manual_seed(0)
    layer = layer_class(qp.QNode(circuit, DEVICE), {"w": (2,), "idle": (3,)})
    optimizer = torch.optim.AdamW(layer.parameters(), lr=0.1, weight_decay=0.5)
    layer(X).sum().backward()
    optimizer.step()
    return [layer.w, layer.idle]


def library_attribute(layer_class):
    def circuit(inputs, w):
        qp.RX(torch.our_scale * inputs[..., 0], 0)
        return qp.expval(qp.Z(0))

    try:
        torch.our_scale = 1.0
        layer = of(layer_class, circuit)
        before = layer(X)
        torch.our_scale = 2.0
        return [before, layer(X)]
    finally:
        del torch.our_scale


PROGRAMS = [
    observables, wires, names_of_ours, target_networks, shown, subclasses_of_modules, user_dictionary, decimals,
    patterns, order_of_sets, weights_set_by_name, transform_appended_later, post_processing_that_looks,
    post_processing_that_adds, view_of_what_a_look_changes,
    changes_through_a_local_name, default_argument_changed, batches_of_one_size, context_of_a_batch,
    weights_that_are_not_read, library_attribute,
]  # fmt: skip


@pytest.mark.parametrize("program", PROGRAMS)
def test_the_numbers_are_torch_layers(program):
    torch.manual_seed(0)
    expected = program(qp.qnn.TorchLayer)
    torch.manual_seed(0)
    for ours, theirs in zip(program(qlayers.TorchLayer), expected, strict=True):
        torch.testing.assert_close(ours, theirs.to(ours), rtol=1e-4, atol=2e-6)


def test_a_model_around_its_method_is_pickled():
    model = OurTarget()
    again = pickle.loads(pickle.dumps(model))
    again.scale.data.fill_(2.0)
    torch.testing.assert_close(again(X), torch.cos(2.0 * X[:, 0] + 0.4))
    torch.testing.assert_close(model(X), torch.cos(X[:, 0] + 0.4))


def test_functions_of_torch_that_sound_like_changes_are_none():
    def circuit(inputs, w):
        qp.RX(torch.sort(torch.add(inputs, 1.0), dim=-1).values[..., 0], 0)
        return qp.expval(qp.Z(0))

    layer = of(qlayers.TorchLayer, circuit)
    torch.testing.assert_close(layer(X), torch.cos(1.0 + X.min(-1).values))
    assert layer.execution.device == "qlayers.batched"
