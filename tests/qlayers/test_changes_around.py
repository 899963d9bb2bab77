"""Whatever a QNode reads from around it may change between calls: the numbers stay TorchLayer's."""

from __future__ import annotations

import dataclasses
import enum
import functools
import gc
import operator
import weakref
from collections import defaultdict
from typing import NamedTuple

import numpy as np
import pennylane as qp
import pytest
import torch
from torch import nn

import qlayers
from qlayers.ansaetze import Ansatz

pytestmark = pytest.mark.falls_back
SCALE = [1.0]
INPUTS = torch.tensor([[0.3, 0.7], [1.1, -0.4], [0.2, 0.9]])


class Mapping:
    def __init__(self):
        self._held = {"scale": 1.0}

    def __getitem__(self, key):
        return self._held[key]

    def __float__(self):
        return self._held["scale"]

    def __iter__(self):
        return iter(self._held.values())


class Base:
    scale = 1.0


class Hidden(Base):
    pass


class WithProperty(type):
    @property
    def scale(cls):
        return SCALE[0]


class OfMeta(metaclass=WithProperty):
    pass


class Pair(NamedTuple):
    first: float

    def scaled(self):
        return SCALE[0] * self.first


class Mode(enum.Enum):
    ON = 1

    def scaled(self):
        return SCALE[0]


@dataclasses.dataclass
class Setting:
    scale: float = 1.0


class Counts(dict):
    pass


class Gate(qp.operation.Operation):
    num_params = 1
    num_wires = 1

    @staticmethod
    def compute_decomposition(angle, wires):
        return [qp.RX(SCALE[0] * angle, wires=wires)]


def helper(x):
    return getattr(helper, "scale", 1.0) * x


@functools.wraps(qp.RX)
def wrapped(angle, wires):
    return qp.RX(SCALE[0] * angle, wires=wires)


def replaced(held, name, value):
    held[name] = value


class Kinds:
    """Each kind makes what is read, how the angle follows from it, and the change."""

    @staticmethod
    def subscript():
        held = Mapping()
        return (lambda x: held["scale"] * x), lambda: replaced(held._held, "scale", 2.0)

    @staticmethod
    def number():
        held = Mapping()
        return (lambda x: float(held) * x), lambda: replaced(held._held, "scale", 2.0)

    @staticmethod
    def iterated():
        held = Mapping()
        return (lambda x: sum(held) * x), lambda: replaced(held._held, "more", 2.0)

    @staticmethod
    def base_class():
        held = Hidden()
        return (lambda x: held.scale * x), lambda: setattr(Hidden, "scale", 2.0)

    @staticmethod
    def metaclass():
        return (lambda x: OfMeta.scale * x), lambda: replaced(SCALE, 0, 2.0)

    @staticmethod
    def named_tuple():
        held = Pair(1.0)
        return (lambda x: held.scaled() * x), lambda: replaced(SCALE, 0, 2.0)

    @staticmethod
    def enumeration():
        return (lambda x: Mode.ON.scaled() * x), lambda: replaced(SCALE, 0, 2.0)

    @staticmethod
    def as_dictionary():
        held = Setting()
        return (lambda x: dataclasses.asdict(held)["scale"] * x), lambda: setattr(held, "scale", 2.0)

    @staticmethod
    def getter():
        held, get = Setting(), operator.attrgetter("scale")
        return (lambda x: get(held) * x), lambda: setattr(held, "scale", 2.0)

    @staticmethod
    def bound_builtin():
        held = {"scale": 1.0}
        get = held.get
        return (lambda x: get("scale") * x), lambda: replaced(held, "scale", 2.0)

    @staticmethod
    def subclass_of_dict():
        held = Counts()
        held.scale = 1.0
        return (lambda x: held.scale * x), lambda: setattr(held, "scale", 2.0)

    @staticmethod
    def default_of_a_dict():
        held = defaultdict(lambda: SCALE[0])
        return (lambda x: held.default_factory() * x), lambda: replaced(SCALE, 0, 2.0)

    @staticmethod
    def attribute_of_a_function():
        return helper, lambda: setattr(helper, "scale", 2.0)

    @staticmethod
    def attribute_that_comes_later():
        class Plain:
            pass

        held = Plain()
        return (lambda x: getattr(held, "scale", 1.0) * x), lambda: setattr(held, "scale", 2.0)

    @staticmethod
    def order_of_a_dict():
        held = {"a": torch.sin, "b": torch.exp}

        def angle(x):
            for function in held.values():
                x = function(x)
            return x

        return angle, lambda: replaced(held, "a", held.pop("a"))

    @staticmethod
    def object_array():
        held = np.array([1.0, None], object)
        return (lambda x: held[0] * x), lambda: replaced(held, 0, 2.0)

    @staticmethod
    def growing_list():
        held = nn.ParameterList([nn.Parameter(torch.tensor(0.3))])
        return (lambda x: sum(held) * x), lambda: held.append(nn.Parameter(torch.tensor(0.9)))

    @staticmethod
    def growing_module():
        held = nn.Sequential(nn.Linear(3, 3), nn.Tanh())
        return (lambda x: held(x)), lambda: held.append(nn.Tanh())

    @staticmethod
    def patched_module():
        held = nn.Linear(3, 3)
        return (lambda x: held(x)), lambda: setattr(held, "forward", lambda x: 3.0 * x)

    @staticmethod
    def parameter():
        held = nn.Parameter(torch.tensor(1.0))

        def change():
            held.data = torch.tensor(2.0)

        return (lambda x: held * x), change


KINDS = [name for name in vars(Kinds) if not name.startswith("_")]


@pytest.fixture(autouse=True)
def as_before():
    yield
    SCALE[0] = 1.0
    for held, name in ((Hidden, "scale"), (helper, "scale")):
        if name in vars(held):
            delattr(held, name)


def twins(function):
    qnode = qp.QNode(function, qp.device("default.qubit", wires=2))
    theirs, ours = (make(qnode, {"weights": (2,)}) for make in (qp.qnn.TorchLayer, qlayers.TorchLayer))
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def assert_same(theirs, ours, inputs=INPUTS):
    sides = []
    for layer in (theirs, ours):
        x = inputs.clone().requires_grad_()
        outputs = layer(x)
        sides.append(
            (outputs.detach(), *torch.autograd.grad(outputs.square().sum(), [x, *layer.parameters()]))
        )
    for found, wanted in zip(sides[1], sides[0], strict=True):
        torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_changes_reach_the_circuit(kind):
    angle, change = getattr(Kinds, kind)()
    takes_three = kind in ("growing_module", "patched_module")

    def circuit(inputs, weights):
        x = inputs[..., [0, 1, 0]] if takes_three else inputs
        turned = angle(x)
        qp.RX(turned[..., 0], wires=0)
        qp.RY(weights[0] + turned[..., 1], wires=1)
        qp.CNOT(wires=[0, 1])
        return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]

    layers = twins(circuit)
    assert_same(*layers)
    before = layers[1](INPUTS)
    change()
    assert_same(*layers)
    assert not torch.allclose(layers[1](INPUTS), before)
    assert_same(*twins(circuit))  # nor does another layer have what this one had


@pytest.mark.parametrize("gate", [Gate, wrapped])
@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_changes_reach_gates_of_the_users(gate):
    def circuit(inputs, weights):
        gate(inputs[..., 0], wires=0)
        qp.RY(weights[0] + inputs[..., 1], wires=1)
        return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]

    layers = twins(circuit)
    assert_same(*layers)
    SCALE[0] = 2.0
    assert_same(*layers)


@dataclasses.dataclass(frozen=True)
class Turned(Ansatz):
    entanglement = "none"

    def layer_shape(self, n_qubits):
        return (n_qubits,)

    def apply(self, weights, wires, layer):
        for number, wire in enumerate(wires):
            qp.RY(SCALE[0] * weights[number], wires=wire)


@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_changes_reach_an_ansatz_of_the_users():
    layer = qlayers.QuantumLayer(2, ansatz=Turned())
    for scale in (1.0, 2.0):
        SCALE[0] = scale
        reference = qlayers.QuantumLayer(2, ansatz=Turned(), backend="default_qubit")
        reference.load_state_dict(layer.state_dict())
        torch.testing.assert_close(layer(INPUTS), reference(INPUTS), atol=2e-5, rtol=1e-4)


BATCHES = {
    "other factor for large batches": lambda x: x * (2.0 if x.ndim > 1 and x.shape[0] > 16 else 1.0),
    "other factor for one row": lambda x: x * (2.0 if x.ndim > 1 and x.shape[0] == 1 else 1.0),
    "centred": lambda x: x - x.mean(0) if x.ndim > 1 else x,
    "divided by the largest, if large": lambda x: torch.where(x.abs().max() > 50, x / x.abs().max(), x),
    "rows beyond the eighth": lambda x: torch.cat([x[:8], 2 * x[8:]]) if x.ndim > 1 else x,
}


@pytest.mark.parametrize("kind", BATCHES)
@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_batches_are_what_they_are_to_the_qnode(kind):
    def circuit(inputs, weights):
        x = BATCHES[kind](inputs)
        qp.RX(x[..., 0], wires=0)
        qp.RY(weights[0] + x[..., 1], wires=1)
        return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]

    layers = twins(circuit)
    for rows in (3, 20, 1, 2):
        assert_same(*layers, 80 * torch.rand(rows, 2))


@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_a_counter_counts_as_under_torch_layer():
    found = []
    for make in (qp.qnn.TorchLayer, qlayers.TorchLayer):
        calls = {"n": 0}

        layer = make(qp.QNode(counting(calls), qp.device("default.qubit", wires=2)), {"weights": (2,)})
        found.append(([layer(INPUTS)[0].item() for _ in range(5)], calls["n"]))
    assert found[0][1] == found[1][1] == 5
    assert found[1][0] == pytest.approx(found[0][0], abs=1e-5)


def counting(calls):
    def circuit(inputs, weights):
        calls["n"] += 1
        qp.AngleEmbedding(inputs, wires=[0, 1])
        if calls["n"] > 3:
            qp.X(0)
        return qp.expval(qp.Z(0))

    return circuit


class Reversed(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        return x.clone()

    @staticmethod
    def backward(ctx, cotangents):
        return -cotangents


def clipped(x):
    x = x * 1.0
    if x.requires_grad:
        x.register_hook(lambda gradient: gradient.clamp(-0.1, 0.1))
    return x


def halted(x):
    with torch.no_grad():
        first, second = x.unbind(-1)
    return torch.stack([first, x[..., 1] + 0 * second], -1)


@pytest.mark.parametrize("own", [Reversed.apply, clipped, halted, lambda x: x.detach() + 0 * x])
@pytest.mark.filterwarnings("ignore::qlayers.ExecutionWarning")
def test_derivatives_are_the_authors(own):
    def circuit(inputs, weights):
        x = own(inputs)
        qp.RX(x[..., 0], wires=0)
        qp.RY(weights[0] + x[..., 1], wires=1)
        return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]

    assert_same(*twins(circuit))


@pytest.mark.parametrize("guard", [lambda x: x + 1e-8, lambda x: x.clamp(-0.5, 0.5), lambda x: x])
def test_amplitudes_are_what_the_steps_say(guard):
    def circuit(inputs, weights):
        qp.AmplitudeEmbedding(guard(inputs), wires=[0, 1], normalize=True)
        qp.RY(weights[0], wires=0)
        return [qp.expval(qp.Z(0)), qp.expval(qp.X(1))]

    for inputs in (torch.tensor([[2.0, 0.1, 0.3, 1.2]]), torch.tensor([[1e-3, -3e-3, 2e-3, 5e-4]])):
        assert_same(*twins(circuit), inputs)


def test_amplitudes_that_should_be_normalised_and_are_not_are_refused():
    def circuit(inputs, weights):
        qp.AmplitudeEmbedding(inputs, wires=[0], validate_norm=True)
        qp.RY(weights[0], wires=0)
        return [qp.expval(qp.Z(0)), qp.expval(qp.X(0))]

    theirs, ours = twins(circuit)
    assert_same(theirs, ours, torch.nn.functional.normalize(INPUTS, dim=1))
    assert ours.execution.device == "qlayers.batched"
    for layer in (theirs, ours):
        with pytest.raises(ValueError, match="norm"):
            layer(INPUTS)


@pytest.mark.parametrize("part", ["values", "gradients"])
def test_a_program_with_other_values_or_gradients_is_not_used(monkeypatch, part):
    from qlayers._layer.tracing import forget_traces
    from qlayers.simulator import execute

    original = execute._turn_back if part == "gradients" else execute._start

    def wrong(*arguments):
        found = original(*arguments)
        return (-found[0], found[1]) if part == "gradients" else (found[0], -found[1])

    forget_traces()
    with monkeypatch.context() as patched:
        patched.setattr(execute, original.__name__, wrong)
        with pytest.warns(qlayers.ExecutionWarning, match=r"disagrees with default\.qubit"):
            layer = qlayers.QuantumLayer(2)
    assert layer.execution.device == "default.qubit"
    forget_traces()


def test_a_model_that_is_gone_is_not_kept_by_what_is_shared():
    """Its trace is shared, and looks at a batch of another size by the function of the layer that has it."""

    class Model(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = torch.nn.Parameter(torch.tensor(0.7))

            def circuit(inputs, weights):
                qp.RY(self.scale * inputs[..., 0] + weights[0], wires=0)
                return qp.expval(qp.Z(0))

            self.layer = qlayers.TorchLayer(
                qp.QNode(circuit, qp.device("default.qubit", wires=1)), {"weights": (1,)}
            )

        def forward(self, inputs):
            return self.layer(inputs)

    first, second = Model(), Model()
    for model in (first, second):
        assert model(torch.rand(4, 1)).shape == (4,)
    kept = weakref.ref(first)
    del first, model  # else the last of the loop
    gc.collect()
    assert kept() is None
    inputs = torch.rand(7, 1)
    expected = torch.cos(0.7 * inputs[:, 0] + second.layer.weights)
    torch.testing.assert_close(second(inputs), expected)
    assert second.layer.execution.device == "qlayers.batched"
