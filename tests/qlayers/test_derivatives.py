"""Derivatives that a backend has are right, those that it does not have are refused; none is wrong without a word."""

from __future__ import annotations

import importlib.util
import math

import numpy as np
import pennylane as qp
import pytest
import torch
from torch.autograd import forward_ad

from qlayers import InputError, QlayersError, QuantumLayer
from qlayers.errors import DerivativeError

ROWS = torch.tensor([[0.3, 0.8], [1.2, -0.4]], dtype=torch.float64)


def by_parts(backend="auto", **options):
    torch.manual_seed(0)
    made = QuantumLayer(2, depth=2, precision="float64")
    return made if backend == "auto" else made.on(backend, **options)


def circuit(inputs, weights):
    qp.AngleEmbedding(inputs, wires=range(2))
    qp.RZ(0.3 * weights[4], 0)
    qp.CRX(weights[0], [0, 1])
    qp.Rot(*weights[1:4], 1)
    qp.RX(weights[4] * inputs[..., 0], 0)


def of_a_qnode(measure=lambda: qp.expval(qp.Z(0)), device="default.qubit", backend="as_written", **settings):
    def function(inputs, weights):
        circuit(inputs, weights)
        return measure()

    torch.manual_seed(0)
    qnode = qp.QNode(function, qp.device(device, wires=2), **settings)
    return QuantumLayer.from_qnode(qnode, {"weights": (5,)}, backend=backend, precision="float64")


FIRST_ONLY = {
    "lightning": lambda: by_parts("lightning"),
    "shots": lambda: by_parts("shots", shots=50, seed=0),
    "spsa": lambda: by_parts("shots", shots=50, seed=0, gradient="spsa"),
    "noisy with shots": lambda: by_parts("noisy", shots=50, seed=0),
    "noisy by parameter-shift": lambda: by_parts("noisy", gradient="parameter-shift"),
    "mitigated shots": lambda: by_parts("shots", shots=50, seed=0, mitigation="zero_noise_extrapolation"),
    "adjoint": lambda: of_a_qnode(diff_method="adjoint"),
    "parameter-shift": lambda: of_a_qnode(diff_method="parameter-shift"),
    "finite differences": lambda: of_a_qnode(diff_method="finite-diff", max_diff=2),
    "lightning as written": lambda: of_a_qnode(device="lightning.qubit"),
    "adjoint, max_diff=2": lambda: of_a_qnode(device="lightning.qubit", diff_method="adjoint", max_diff=2),
    "qlayers.batched": lambda: of_a_qnode(device="qlayers.batched"),
}
EXTRAS = {
    "braket_local": (("braket.pennylane_plugin",), {}),
    "emulated": (("braket.emulation", "networkx"), {"shots": 50}),
    "aer": (("pennylane_qiskit", "qiskit_aer"), {"shots": None}),
    "cirq": (("pennylane_cirq",), {"shots": None}),
}


def find(modules):
    try:
        return all(importlib.util.find_spec(module) is not None for module in modules)
    except ModuleNotFoundError:
        return False


CASES = [
    *(pytest.param(make, id=name) for name, make in FIRST_ONLY.items()),
    *(
        pytest.param(
            lambda name=name, options=options: by_parts(name, **options),
            id=name,
            marks=pytest.mark.skipif(not find(modules), reason=f"needs {', '.join(modules)}"),
        )
        for name, (modules, options) in EXTRAS.items()
    ),
]


def slopes(layer, create_graph):
    """First derivatives by inputs and weights of a loss that is not linear in the outputs."""
    inputs = ROWS.clone().requires_grad_()
    outputs = layer(torch.tanh(inputs))
    return inputs, torch.autograd.grad(
        outputs.square().sum(), [inputs, layer.weights], create_graph=create_graph
    )


@pytest.mark.parametrize("make", CASES)
def test_first_derivatives_only(make):
    plain = slopes(make(), create_graph=False)[1]
    layer = make()  # another with the same stream of samples
    inputs, kept = slopes(layer, create_graph=True)
    for one, other in zip(plain, kept, strict=True):
        assert torch.equal(one, other)
    by_input, by_weight = kept
    second = [
        lambda: torch.autograd.grad(by_input.sum(), inputs, retain_graph=True),
        lambda: torch.autograd.grad(by_weight.sum(), layer.weights, retain_graph=True),
        lambda: torch.autograd.grad(by_input.sum(), layer.weights, retain_graph=True, allow_unused=True),
        lambda: by_input.square().sum().backward(retain_graph=True),
        lambda: torch.autograd.functional.hessian(lambda x: layer(x).sum(), ROWS),
        lambda: torch.autograd.functional.jvp(layer, ROWS, torch.ones_like(ROWS), create_graph=True),
    ]
    for wanted in second:
        with pytest.raises(
            DerivativeError, match=r"first derivatives only.*auto, batched, default_qubit, or noisy"
        ):
            wanted()
    assert layer.weights.grad is None
    assert issubclass(DerivativeError, QlayersError) and issubclass(DerivativeError, RuntimeError)


def test_nothing_is_refused_where_nothing_is_differentiated_again():
    layer = by_parts("lightning")
    _, (by_input, by_weight) = slopes(layer, create_graph=True)
    scale = torch.ones((), dtype=torch.float64, requires_grad=True)
    ((by_input.sum() + by_weight.sum()) * scale).backward(inputs=[scale])
    torch.testing.assert_close(scale.grad, by_input.sum() + by_weight.sum())


def everything(layer, square):
    """First and, by a gradient penalty of both arguments, second and mixed derivatives."""
    inputs = ROWS.clone().requires_grad_()
    outputs = layer(inputs)
    factors = torch.arange(1, outputs.numel() + 1, dtype=torch.float64).reshape(outputs.shape)
    loss = (outputs.square() if square else outputs * factors).sum()
    first = torch.autograd.grad(loss, [inputs, layer.weights], create_graph=True)
    penalty = sum(one.square().sum() for one in first)
    return [*(one.detach() for one in first), *torch.autograd.grad(penalty, [inputs, layer.weights])]


MEASURED = {
    "expval": lambda: qp.expval(qp.Z(0) @ qp.X(1)),
    "two": lambda: [qp.expval(qp.Z(0)), qp.expval(qp.Y(1))],
    "probs": lambda: qp.probs(wires=[0, 1]),
    "both": lambda: [qp.expval(qp.Z(0)), qp.probs(wires=1)],
    "var": lambda: qp.var(qp.Z(0)),
    "sum": lambda: qp.expval(0.3 * qp.Z(0) + 0.5 * qp.X(1)),
}


@pytest.mark.parametrize("square", [False, True])
@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit"])
@pytest.mark.parametrize("measured", MEASURED)
def test_parameter_shift_with_max_diff_is_backpropagation(measured, device, square):
    shifted = of_a_qnode(MEASURED[measured], device, diff_method="parameter-shift", max_diff=2)
    wanted = everything(of_a_qnode(MEASURED[measured], diff_method="backprop"), square)
    for one, other in zip(everything(shifted, square), wanted, strict=True):
        torch.testing.assert_close(one, other, atol=1e-10, rtol=1e-8)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_gate_without_a_rule_is_not_differenced_in_single_precision(precision):
    """PennyLane's steps of 1e-7 are lost there: its gradient is wrong by a tenth, without a word."""

    def function(inputs, weights):
        qp.RY(inputs[..., 0], 0)
        outcome = qp.measure(0)
        qp.cond(outcome, qp.RY)(weights[0], wires=1)
        return qp.expval(qp.Z(1))

    def gradient(device, **settings):
        qnode = qp.QNode(function, qp.device(device, wires=3))
        layer = QuantumLayer.from_qnode(
            qnode, {"weights": (1,)}, torch.nn.init.ones_, precision=precision, **settings
        )
        layer(torch.tensor([0.7])).backward()
        return layer.weights.grad

    exact = gradient("default.qubit", backend="batched")
    torch.testing.assert_close(exact, -torch.sin(torch.ones_like(exact)) * math.sin(0.35) ** 2)
    if precision == "float64":
        torch.testing.assert_close(
            gradient("lightning.qubit", backend="as_written"), exact, atol=1e-6, rtol=0
        )
        return
    with pytest.raises(DerivativeError, match="analytic gradient method cannot be used"):
        gradient("lightning.qubit", backend="as_written")


def test_max_diff_holds_where_the_cotangent_is_zero_and_ends_where_it_says():
    """At an output of zero, the square's first derivative is zero and its second is not."""

    def function(inputs, weights):
        qp.RX(inputs[..., 0] * weights[0], 0)
        return qp.expval(qp.Y(0))  # -sin(w x)

    qnode = qp.QNode(function, qp.device("default.qubit", wires=1), diff_method="parameter-shift", max_diff=2)
    layer = QuantumLayer.from_qnode(
        qnode, {"weights": (1,)}, torch.nn.init.ones_, backend="as_written", precision="float64"
    )
    inputs = torch.zeros(1, 1, dtype=torch.float64, requires_grad=True)
    (first,) = torch.autograd.grad(layer(inputs).square().sum(), inputs, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), inputs, create_graph=True)
    torch.testing.assert_close(second, torch.full_like(second, 2.0))
    with pytest.raises(DerivativeError, match="first derivatives only"):
        torch.autograd.grad(second.sum(), inputs)


def by_differences(layer):
    """The derivative by the weights of the sum of squared slopes by the inputs, from first derivatives.

    With a large step: default.mixed computes in single precision.
    """

    def penalty(weights):
        with torch.no_grad():
            layer.weights.copy_(weights)
        inputs = ROWS.clone().requires_grad_()
        return torch.autograd.grad(layer(inputs).sum(), inputs)[0].square().sum()

    start, step = layer.weights.detach().clone(), 1e-2
    found = torch.zeros_like(start)
    for place in np.ndindex(*start.shape):
        shift = torch.zeros_like(start)
        shift[place] = step
        found[place] = (penalty(start + shift) - penalty(start - shift)) / (2 * step)
    penalty(start)
    return found


@pytest.mark.parametrize(
    ("backend", "options"),
    [
        ("auto", {}),
        ("default_qubit", {}),
        ("noisy", {"noise": "amplitude_damping"}),
        ("noisy", {"noise": "readout", "mitigation": "readout_inversion"}),
    ],
)
def test_backends_that_have_all_derivatives(backend, options):
    layer = by_parts(backend, **options)
    inputs = ROWS.clone().requires_grad_()
    (slope,) = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)
    (found,) = torch.autograd.grad(slope.square().sum(), layer.weights)
    torch.testing.assert_close(found, by_differences(layer), atol=2e-4, rtol=0)


def amplitudes(backend):
    torch.manual_seed(0)
    return QuantumLayer(2, 3, encoding="amplitude", precision="float64").on(backend)


def test_amplitudes_have_first_derivatives_only():
    layer, rows = amplitudes("lightning"), torch.rand(2, 3, dtype=torch.float64)
    for target in ("inputs", "weights"):
        inputs = rows.clone().requires_grad_()
        (slope,) = torch.autograd.grad(layer(inputs).sum(), inputs, create_graph=True)
        with pytest.raises(DerivativeError, match="first derivatives only"):
            torch.autograd.grad(slope.sum(), inputs if target == "inputs" else layer.weights)


def test_amplitudes_are_differentiated_at_the_weights_that_were_lent():
    found = []
    for backend in ("lightning", "batched"):
        layer = amplitudes(backend)
        inputs = torch.tensor([[0.2, 0.5, 0.7]], dtype=torch.float64, requires_grad=True)
        outputs = torch.func.functional_call(layer, {"weights": layer.weights.detach() + 1}, (inputs,))
        found += torch.autograd.grad(outputs[:, 0].sum(), inputs)
    torch.testing.assert_close(*found)


@pytest.mark.parametrize("trains", [True, False])
@pytest.mark.parametrize("backend", ["lightning", "shots"])
def test_forward_mode_is_refused(backend, trains):
    layer = by_parts(backend).requires_grad_(trains)
    with forward_ad.dual_level(), pytest.raises(DerivativeError, match="forward mode"):
        layer(forward_ad.make_dual(ROWS.clone(), torch.ones_like(ROWS)))


@pytest.mark.parametrize("transform", [torch.func.vmap, torch.func.jacrev, torch.func.jacfwd])
@pytest.mark.parametrize("backend", ["lightning", "shots"])
def test_transforms_are_refused(backend, transform):
    with pytest.raises(DerivativeError, match=r"torch\.func.*do not go through .*auto or batched"):
        transform(by_parts(backend))(ROWS)


def test_a_parameter_from_elsewhere_trains_on_lightning_and_has_no_second_derivative():
    scale = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)

    def function(inputs, weights):
        qp.RX(inputs[..., 0] * scale.exp(), 0)
        qp.RX(weights[0], 0)
        return qp.expval(qp.Z(0))

    found = []
    for device in ("lightning.qubit", "default.qubit"):
        qnode = qp.QNode(function, qp.device(device, wires=1))
        zeros = torch.nn.init.zeros_
        layer = QuantumLayer.from_qnode(
            qnode, {"weights": (1,)}, zeros, backend="as_written", precision="float64"
        )
        outputs = layer(ROWS[:, :1])
        found += torch.autograd.grad(outputs.square().sum(), scale, create_graph=True)
    torch.testing.assert_close(*found)
    with pytest.raises(DerivativeError):
        torch.autograd.grad(found[0], scale)


# ------------------------------------------------------------------------------------- tensors changed in place


def product(inputs, weights):
    qp.RX(weights[0] * inputs[..., 0], 0)
    return qp.expval(qp.Z(0))


@pytest.mark.parametrize("changed", ["inputs", "weights"])
@pytest.mark.parametrize(
    ("device", "backend"), [("default.qubit", "auto"), ("lightning.qubit", "as_written")]
)
def test_a_step_before_the_backward_pass_is_refused(device, backend, changed):
    qnode = qp.QNode(product, qp.device(device, wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, backend=backend, precision="float64")
    inputs = ROWS[:, :1].clone()
    outputs = layer(inputs).sum()
    with torch.no_grad():
        (inputs if changed == "inputs" else layer.weights).add_(0.5)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        outputs.backward()
    layer(inputs).sum().backward()


# ---------------------------------------------------------------------------------------- NaN and infinity


@pytest.mark.parametrize("value", [torch.nan, torch.inf, -torch.inf])
@pytest.mark.parametrize("backend", ["auto", "default_qubit", "lightning", "shots", "noisy"])
def test_weights_that_have_diverged(backend, value):
    layer = by_parts(backend)
    wanted = layer(ROWS).shape
    kept = layer.weights.detach().clone()
    with torch.no_grad():
        layer.weights[0, 1, 1] = value
    executed = layer.execution.executions
    with pytest.raises(InputError, match="NaN or infinite"):
        layer(ROWS)
    if backend != "auto":
        assert layer.execution.executions == executed
    with torch.no_grad():
        layer.weights.copy_(kept)
    assert layer(ROWS).shape == wanted


@pytest.mark.parametrize("rows", [ROWS, ROWS[:1], ROWS[0]])
@pytest.mark.parametrize("device", ["default.qubit", "lightning.qubit"])
def test_angles_that_are_undefined(device, rows):
    """The weights and the inputs are finite, what the circuit makes of them is not."""

    def function(inputs, weights):
        qp.RX(torch.sqrt(inputs[..., 0] - 7.0) * weights[0], 0)
        return qp.expval(qp.Z(0))

    qnode = qp.QNode(function, qp.device(device, wires=1))
    layer = QuantumLayer.from_qnode(qnode, {"weights": (1,)}, backend="as_written")
    with pytest.raises(InputError, match="circuit's own arithmetic is undefined"):
        layer(rows)


def test_probabilities_by_adjoint_are_refused():
    """PennyLane 0.45 gives wrong values for them, before it fails with complex gradients."""
    layer = of_a_qnode(lambda: qp.probs(wires=[0]), diff_method="adjoint")
    with pytest.raises(DerivativeError, match="adjoint method gives wrong numbers"):
        layer(ROWS)
    with torch.no_grad():
        found = layer(ROWS)
    torch.testing.assert_close(
        found, of_a_qnode(lambda: qp.probs(wires=[0]), diff_method="backprop")(ROWS).detach()
    )
