"""``qlayers.TorchLayer`` in place of ``qp.qnn.TorchLayer``: arguments, shapes, numbers, errors, PennyLane's drawers."""

from __future__ import annotations

import copy
import inspect

import numpy as np
import pennylane as qp
import pytest
import torch
from torch import nn

import qlayers
from qlayers import QuantumLayer

SHAPES = {"weights": (2, 2), "last": ()}


def circuit(inputs, weights, last):
    qp.AngleEmbedding(inputs, wires=[0, 1])
    qp.BasicEntanglerLayers(weights, wires=[0, 1])
    qp.RX(last, wires=0)
    return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]


def qnode_of(function=circuit, wires=2, **settings):
    return qp.QNode(function, qp.device("default.qubit", wires=wires), **settings)


def twins(qnode, shapes, init=None):
    theirs = qp.qnn.TorchLayer(qnode, shapes, init)
    ours = qlayers.TorchLayer(qnode, shapes, init)
    ours.load_state_dict(theirs.state_dict())
    return theirs, ours


def results(layer, inputs):
    inputs = inputs.clone().requires_grad_()
    outputs = layer(inputs)
    scale = torch.linspace(0.5, 1.5, outputs.numel(), dtype=outputs.dtype).reshape(outputs.shape)
    wanted = [inputs, *layer.parameters()]
    return outputs, torch.autograd.grad((outputs * scale).sum(), wanted)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("shape", [(2,), (1, 2), (5, 2), (3, 4, 2)])
@pytest.mark.parametrize("form", [list, tuple])
def test_shapes_dtypes_and_numbers(form, shape, dtype):
    def in_form(inputs, weights, last):
        return form(circuit(inputs, weights, last))

    inputs = torch.rand(shape, dtype=dtype)
    (wanted, by_theirs), (found, by_ours) = (
        results(layer, inputs) for layer in twins(qnode_of(in_form), SHAPES)
    )
    assert found.dtype == wanted.dtype
    torch.testing.assert_close(found, wanted, atol=2e-5, rtol=1e-4)
    for ours, theirs in zip(by_ours, by_theirs, strict=True):
        torch.testing.assert_close(ours.to(theirs), theirs, atol=2e-5, rtol=1e-4)


def one_row_is_made_of_a_sample(inputs, weights):
    if inputs.ndim == 1:
        inputs = inputs.unsqueeze(0)
    qp.RY(inputs[:, 0], wires=0)
    qp.RX(weights[0], wires=1)
    qp.CNOT(wires=[0, 1])
    return [qp.expval(qp.Z(0)), qp.expval(qp.Z(1))]


def test_one_sample_made_a_batch_has_torch_layers_shape():
    theirs, ours = twins(qnode_of(one_row_is_made_of_a_sample), {"weights": (1,)})
    for inputs in (torch.rand(2), torch.rand(3, 2)):
        torch.testing.assert_close(ours(inputs), theirs(inputs), atol=2e-5, rtol=1e-4)
    assert ours.execution.device == "qlayers.batched"


@pytest.mark.parametrize(
    "init",
    [
        torch.nn.init.zeros_,
        lambda weight: torch.full_like(weight, 0.5),
        {"weights": torch.full((2, 2), 0.1), "last": torch.nn.init.ones_},
    ],
)
def test_initial_values_are_torch_layers(init):
    theirs, ours = (make(qnode_of(), SHAPES, init) for make in (qp.qnn.TorchLayer, qlayers.TorchLayer))
    for name, weight in theirs.state_dict().items():
        assert torch.equal(ours.state_dict()[name], weight)


def test_what_an_initialiser_leaves_unwritten_is_refused():
    def leaves_out_the_last(weight):
        torch.nn.init.zeros_(weight.view(-1)[: max(1, weight.numel() - 1)])

    for init in (lambda weight: None, leaves_out_the_last):
        with pytest.raises(qlayers.ConfigurationError, match="unwritten"):
            qlayers.TorchLayer(qnode_of(), SHAPES, init)


@pytest.mark.parametrize(
    ("make", "builtin"),
    [
        (lambda make: make(qnode_of(), SHAPES, {"weights": torch.zeros(2, 2)}), KeyError),
        (lambda make: make(qnode_of(lambda x, weights: None), {"weights": 1}), TypeError),
        (lambda make: make(qnode_of(lambda inputs, *weights: None), {"weights": 1}), TypeError),
        (lambda make: make(qnode_of(), {"weights": (2, 2)}), ValueError),
        (lambda make: make(qnode_of(), {**SHAPES, "inputs": 2}), ValueError),
        (lambda make: make(qnode_of(interface="autograd"), SHAPES), ValueError),
    ],
)
def test_errors_are_of_the_builtin_types_that_torch_layer_raises(make, builtin):
    with pytest.raises(builtin):
        make(qp.qnn.TorchLayer)
    with pytest.raises(qlayers.QlayersError) as caught:
        make(qlayers.TorchLayer)
    assert isinstance(caught.value, builtin)


def test_the_data_argument_is_named_for_the_class():
    def renamed(x, weights, last):
        return circuit(x, weights, last)

    qlayers.TorchLayer.set_input_argument("x")
    try:
        layer = qlayers.TorchLayer(qnode_of(renamed), SHAPES)
    finally:
        qlayers.TorchLayer.set_input_argument("inputs")
    assert layer.input_arg == "x"
    assert layer(torch.rand(3, 2)).shape == (3, 2)


class Doubled(qlayers.TorchLayer):
    def forward(self, inputs):
        return 2 * super().forward(inputs)


def test_it_can_be_subclassed_copied_and_moved():
    layer = Doubled(qnode_of(), SHAPES)
    plain = qlayers.TorchLayer(qnode_of(), SHAPES)
    plain.load_state_dict(layer.state_dict())
    inputs = torch.rand(3, 2)
    for one in (layer, copy.deepcopy(layer), layer.on("default_qubit")):
        torch.testing.assert_close(one(inputs), 2 * plain(inputs), atol=2e-5, rtol=1e-4)


@pytest.mark.parametrize("make", [qlayers.TorchLayer, QuantumLayer.from_qnode])
def test_pennylanes_tools_take_it(make):
    theirs, ours = qp.qnn.TorchLayer(qnode_of(), SHAPES), make(qnode_of(), SHAPES)
    ours.load_state_dict(theirs.state_dict())
    sample = torch.rand(2)
    assert qp.draw(ours)(sample) == qp.draw(theirs)(sample)
    wanted, found = (qp.specs(layer)(sample)["resources"] for layer in (theirs, ours))
    assert found.gate_types == wanted.gate_types
    tapes = [qp.workflow.construct_tape(layer)(sample) for layer in (theirs, ours)]
    assert [gate.name for gate in tapes[1].operations] == [gate.name for gate in tapes[0].operations]
    figure, _ = qp.draw_mpl(ours)(sample)
    assert figure is not None


OWN_NAMES = [
    name
    for name, _ in inspect.getmembers(QuantumLayer)
    if not name.startswith("_") and name not in (*dir(qp.qnn.TorchLayer), "from_qnode", "qnode_weights")
]


@pytest.mark.parametrize("name", OWN_NAMES)
def test_weights_may_have_the_names_of_the_layers_own(name):
    functions: dict[str, object] = {}
    exec(
        f"def named(inputs, {name}):\n    qp.AngleEmbedding(inputs, wires=[0, 1])\n    qp.RX({name}[0], wires=0)\n"
        f"    qp.CNOT(wires=[0, 1])\n    return qp.expval(qp.Z(1))\n",
        {"qp": qp},
        functions,
    )
    theirs, ours = twins(qnode_of(functions["named"]), {name: (2,)})
    assert list(ours.state_dict()) == [name]
    assert getattr(ours, name) is dict(ours.named_parameters())[name]
    inputs = torch.rand(4, 2)
    torch.testing.assert_close(ours(inputs), theirs(inputs), atol=2e-5, rtol=1e-4)
    torch.testing.assert_close(copy.deepcopy(ours)(inputs), ours(inputs))


def test_a_name_that_every_module_uses_is_refused_as_by_torch_layer():
    def named(inputs, forward):
        return qp.expval(qp.Z(0))

    with pytest.raises(KeyError):
        qp.qnn.TorchLayer(qnode_of(named), {"forward": (2,)})
    with pytest.raises(qlayers.ConfigurationError, match="'forward'"):
        qlayers.TorchLayer(qnode_of(named), {"forward": (2,)})


def test_an_empty_batch_gives_an_empty_result_that_can_be_differentiated():
    layer = qlayers.TorchLayer(qnode_of(), SHAPES)
    outputs = layer(torch.empty(0, 2))
    assert outputs.shape == (0, 2)
    outputs.sum().backward()
    assert torch.equal(layer.weights.grad, torch.zeros(2, 2))
    assert QuantumLayer(3, measurement="probs")(torch.empty(2, 0, 3)).shape == (2, 0, 8)


def test_a_dict_of_results_is_refused():
    def in_a_dict(inputs, weights, last):
        first, second = circuit(inputs, weights, last)
        return {"first": first, "second": second}

    with pytest.raises(qlayers.ConfigurationError, match=r"returns a dict.*list or tuple"):
        qlayers.TorchLayer(qnode_of(in_a_dict), SHAPES)(torch.rand(3, 2))


def test_torchs_default_dtype_is_the_layers():
    torch.set_default_dtype(torch.float64)
    try:
        model = nn.Sequential(nn.Linear(2, 2), QuantumLayer.from_qnode(qnode_of(), SHAPES), nn.Linear(2, 1))
        assert model(torch.rand(3, 2)).dtype == torch.float64
    finally:
        torch.set_default_dtype(torch.float32)


@pytest.mark.falls_back
@pytest.mark.parametrize("draws", ["numpy", "torch", "python"])
def test_random_streams_are_where_torch_layer_leaves_them(draws):
    import random

    streams = {
        "numpy": (lambda: np.random.uniform(), np.random.seed),
        "torch": (lambda: torch.rand(()).item(), torch.manual_seed),
        "python": (lambda: random.random(), random.seed),
    }
    draw, seed = streams[draws]

    def noisy(inputs, weights, last):
        qp.RZ(draw(), wires=0)
        return circuit(inputs, weights, last)

    following = []
    for make in (qp.qnn.TorchLayer, qlayers.TorchLayer):
        layer = make(qnode_of(noisy), SHAPES)
        seed(0)
        layer(torch.rand(2))
        following.append(draw())
    assert following[0] == following[1]
