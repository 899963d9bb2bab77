"""A layer on the batched simulator under torch.func, differentiated twice, and given what cannot be run."""

from __future__ import annotations

import pennylane as qp
import pytest
import torch
from torch.func import functional_call, grad, hessian, jacfwd, jacrev, jvp, vjp, vmap

from qlayers import InputError, InputRangeWarning, QuantumLayer
from qlayers.testing import TOLERANCES


def layer_of(**options):
    torch.manual_seed(0)
    return QuantumLayer(**{"n_qubits": 3, "depth": 2, "precision": "float64", "encoding": "iqp", **options})


def reference(**options):
    return layer_of(backend="default_qubit", **options)


def inputs_of(batch=4, width=3):
    return torch.rand(batch, width, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def call(layer, weights, inputs):
    return functional_call(layer, {"weights": weights}, (inputs,))


CIRCUITS = [{}, {"encoding": "amplitude", "n_features": 6}, {"measurement": "probs", "encoding": "angle"}]


@pytest.mark.parametrize("options", CIRCUITS)
def test_second_derivatives(options):
    layer, expected = layer_of(**options), reference(**options)
    inputs = inputs_of(2, layer.n_features).requires_grad_()
    weights = layer.weights.detach().clone().requires_grad_()
    assert torch.autograd.gradcheck(lambda w, x: call(layer, w, x), (weights, inputs))
    assert torch.autograd.gradgradcheck(lambda w, x: call(layer, w, x), (weights, inputs))

    def curvature(model):
        slope = torch.autograd.grad(model(inputs).square().sum(), inputs, create_graph=True)[0]
        return torch.autograd.grad(slope.square().sum(), [inputs, model.weights])

    for found, wanted in zip(curvature(layer), curvature(expected), strict=True):
        torch.testing.assert_close(found, wanted)


@pytest.mark.parametrize("options", CIRCUITS)
def test_per_sample_gradients_jacobians_and_hessians(options):
    layer = layer_of(**options)
    inputs, weights = inputs_of(4, layer.n_features), layer.weights.detach()

    def loss(weights, inputs):
        return call(layer, weights, inputs).square().sum()

    def total(weights):
        return loss(weights, inputs)

    each = vmap(grad(loss), in_dims=(None, 0))(weights, inputs)
    wanted = torch.stack([torch.autograd.grad(layer(row).square().sum(), layer.weights)[0] for row in inputs])
    torch.testing.assert_close(each, wanted)
    jacobian = jacrev(lambda weights: call(layer, weights, inputs))(weights)
    wanted = torch.autograd.functional.jacobian(lambda weights: call(layer, weights, inputs), weights)
    torch.testing.assert_close(jacobian, wanted)
    wanted = torch.autograd.functional.hessian(total, weights)
    torch.testing.assert_close(hessian(total)(weights), wanted)


def entangled(inputs, weights):
    qp.AngleEmbedding(torch.sin(inputs), wires=[0, 1])
    qp.CRX(inputs[..., 0] * weights[0], wires=[0, 1])
    qp.RY(weights[1], wires=0)
    return [qp.expval(qp.Z(0) @ qp.Z(1)), qp.expval(qp.X(1))]


def layer_around_a_qnode():
    torch.manual_seed(0)
    qnode = qp.QNode(entangled, qp.device("default.qubit", wires=2))
    return QuantumLayer.from_qnode(qnode, {"weights": (2,)}, n_features=2, precision="float64")


@pytest.mark.parametrize(
    "make",
    [
        lambda: layer_of(n_qubits=2, depth=1, encoding="angle", ansatz="basic_entangler"),
        lambda: layer_of(n_qubits=2, depth=1, encoding="amplitude", n_features=3),
        layer_around_a_qnode,
    ],
)
@pytest.mark.parametrize("by", ["weights", "inputs"])
@pytest.mark.parametrize("loss", [torch.sum, lambda outputs: outputs.square().sum()])
def test_every_way_to_a_hessian(make, by, loss):
    """The cotangents of a plain sum are one number in many places, those of squares are not."""
    layer = make()
    inputs, weights = inputs_of(3, layer.n_features), layer.weights.detach()

    def total(point):
        return loss(call(layer, *((point, inputs) if by == "weights" else (weights, point))))

    point = weights if by == "weights" else inputs
    wanted = torch.autograd.functional.hessian(total, point)
    assert wanted.abs().max() > 0.01
    ways = (hessian, lambda f: jacfwd(jacrev(f)), lambda f: jacrev(jacrev(f)), lambda f: jacfwd(jacfwd(f)))
    for way in (*ways, lambda f: jacrev(jacfwd(f))):
        torch.testing.assert_close(way(total)(point), wanted)


@pytest.mark.parametrize("precision", ["float32", "float64"])
@pytest.mark.parametrize("options", CIRCUITS)
def test_third_derivatives(options, precision):
    """By inputs, by weights and mixed, as a loss with a second derivative in it takes them."""
    layer, expected = layer_of(**options, precision=precision), reference(**options)
    expected.load_state_dict({"weights": layer.weights.detach().double()})

    def residual(model):
        inputs = inputs_of(2, model.n_features).to(model.dtype).requires_grad_()
        values = model(inputs)
        slope = torch.autograd.grad(values.square().sum(), inputs, create_graph=True)[0]
        curvature = torch.autograd.grad(slope[:, 0].sum(), inputs, create_graph=True)[0]
        loss = (curvature[:, 0] - slope[:, 1] * values[:, 0]).square().mean()
        return loss, *torch.autograd.grad(loss, [inputs, model.weights])

    for found, wanted in zip(residual(layer), residual(expected), strict=True):
        assert wanted.abs().max() > 0.001
        torch.testing.assert_close(found.double(), wanted, **TOLERANCES[layer.dtype])


def test_third_derivatives_are_those_of_the_second():
    layer = layer_of(n_qubits=2, depth=1, encoding="iqp")
    point = (layer.weights.detach().clone().requires_grad_(), inputs_of(2, 2).requires_grad_())

    def slopes(weights, inputs):
        return torch.autograd.grad(
            call(layer, weights, inputs).square().sum(), (weights, inputs), create_graph=True
        )

    assert torch.autograd.gradcheck(slopes, point)
    assert torch.autograd.gradgradcheck(slopes, point)


def test_the_count_of_sweeps_has_those_of_second_derivatives():
    layer = layer_of()
    inputs = inputs_of(5).requires_grad_()
    slope = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)[0]
    slope.square().sum().backward()
    assert (layer.execution.executions, layer.execution.gradient_executions) == (5, 5 + 5)


def test_third_derivatives_mix_both_modes():
    layer = layer_of(n_qubits=2, depth=1, encoding="angle", ansatz="basic_entangler")
    inputs, weights = inputs_of(2, 2), layer.weights.detach()

    def total(weights):
        return call(layer, weights, inputs).sum()

    wanted = jacrev(jacrev(jacrev(total)))(weights)
    assert wanted.abs().max() > 0.01
    for first, second, third in (
        (jacfwd, jacfwd, jacfwd),
        (jacfwd, jacfwd, jacrev),
        (jacrev, jacfwd, jacfwd),
    ):
        torch.testing.assert_close(first(second(third(total)))(weights), wanted)


def test_forward_mode_goes_through_a_gradient_that_was_taken_before():
    """The inner derivative is by the cotangent, of a gradient that the outer one follows along the weights."""
    layer = layer_of(n_qubits=2, depth=1, encoding="angle", ansatz="basic_entangler")
    inputs, weights = inputs_of(2, 2), layer.weights.detach()
    along, one = torch.ones_like(weights), torch.ones((), dtype=torch.float64)

    def total(weights):
        return call(layer, weights, inputs).sum()

    def gradient(weights):
        pull = vjp(total, weights)[1]
        return jvp(lambda cotangent: pull(cotangent)[0], (one,), (one,))[1]

    wanted = torch.autograd.functional.hvp(total, weights, along)[1]
    torch.testing.assert_close(jvp(gradient, (weights,), (along,))[1], wanted)


def test_nested_forward_mode_goes_through_a_second_derivative_that_was_taken_before():
    layer = layer_of(n_qubits=2, depth=1, encoding="angle", ansatz="basic_entangler")
    inputs, weights = inputs_of(2, 2), layer.weights.detach()
    along, across = torch.ones_like(weights), torch.linspace(-1.0, 2.0, weights.numel()).double()
    across = across.reshape(weights.shape)

    def total(weights):
        return call(layer, weights, inputs).square().sum()

    def curvature(weights):
        pull = vjp(grad(total), weights)[1]
        return jvp(lambda cotangents: pull(cotangents)[0], (along,), (across,))[1]

    third = jacrev(jacrev(jacrev(total)))(weights).reshape([weights.numel()] * 3)
    wanted = torch.einsum("ijk,j,k->i", third, along.flatten(), across.flatten())
    assert wanted.abs().max() > 0.01
    torch.testing.assert_close(jvp(curvature, (weights,), (along,))[1].flatten(), wanted)


def test_an_ensemble_of_weights_in_one_call():
    layer = layer_of()
    inputs = inputs_of()
    many = torch.rand(5, *layer.weights.shape, dtype=torch.float64)
    found = vmap(lambda weights: call(layer, weights, inputs))(many)
    torch.testing.assert_close(found, torch.stack([call(layer, weights, inputs) for weights in many]))


def test_values_are_looked_at_under_transforms_too():
    layer = layer_of(encoding="angle")
    broken = inputs_of()
    broken[2, 1] = torch.nan
    with pytest.raises(InputError, match="NaN or infinite"):
        vmap(layer)(broken)
    with pytest.warns(InputRangeWarning, match=r"outside the range"):
        vmap(vmap(layer))(10.0 * torch.ones(2, 3, 3, dtype=torch.float64))
    basis = layer_of(encoding="basis")
    with pytest.raises(InputError, match="takes bits"):
        vmap(basis)(inputs_of())
    assert torch.equal(vmap(layer)(inputs_of()), layer(inputs_of()))


def test_the_count_of_circuits_is_kept_under_transforms():
    layer = layer_of()
    vmap(layer)(inputs_of(7))
    assert layer.execution.executions == 7


def test_weights_that_diverged_are_refused_and_the_layer_stays_usable():
    layer = layer_of()
    expected = layer(inputs_of())
    with torch.no_grad():
        kept = layer.weights.clone()
        layer.weights[0, 1] = torch.nan
    with pytest.raises(InputError, match=r"angle of the circuit.* is NaN or infinite"):
        layer(inputs_of())
    with torch.no_grad():
        layer.weights.copy_(kept)
    assert torch.equal(layer(inputs_of()), expected)


def undefined(inputs, weights):
    qp.RX(torch.sqrt(inputs[..., 0] + 3.0) * weights, wires=0)
    return qp.expval(qp.Z(0))


def test_arithmetic_that_is_undefined_for_an_input_is_refused():
    qnode = qp.QNode(undefined, qp.device("default.qubit", wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": ()}, n_features=1, backend="batched")
    with pytest.raises(InputError, match=r"angle of the circuit.* is NaN or infinite"):
        layer(torch.tensor([[1.0], [-4.0]]))


def test_single_precision_keeps_its_digits_at_many_qubits():
    n_qubits = 16

    def outputs(precision):
        torch.manual_seed(0)
        layer = QuantumLayer(
            n_qubits, depth=1, ansatz="hardware_efficient", backend="batched", precision=precision
        )
        return layer(torch.linspace(0.1, 3.0, n_qubits, dtype=layer.dtype)).double()

    assert (outputs("float32") - outputs("float64")).abs().max() < 1e-5


def test_tensors_need_not_be_contiguous():
    layer = layer_of()
    wide = inputs_of(4, 6)
    assert torch.equal(layer(wide[:, ::2]), layer(wide[:, ::2].contiguous()))
    outputs = layer(inputs_of())
    (expanded,) = torch.autograd.grad(outputs, layer.weights, torch.ones(()).double().expand_as(outputs))
    (full,) = torch.autograd.grad(layer(inputs_of()), layer.weights, torch.ones(4, 3).double())
    assert torch.equal(expanded, full)
