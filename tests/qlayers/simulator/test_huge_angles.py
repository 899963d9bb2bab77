"""Angles of any size: their sines are as well defined as those of small ones."""

from __future__ import annotations

import numpy as np
import pennylane as qp
import pytest
import torch
from torch.func import functional_call

from qlayers import InputError, QuantumLayer
from qlayers.testing import TOLERANCES

FLOAT32 = [60.0, 70.0, 1e3, 2.5e5, 3e8, 1e10, 1e20, 3e38]
CASES = [(torch.float32, size) for size in FLOAT32] + [
    (torch.float64, size) for size in [*FLOAT32, 1e16, 1e18, 1e100, 1e300]
]


def name_of(dtype):
    return str(dtype).removeprefix("torch.")


@pytest.mark.parametrize(("dtype", "size"), CASES)
@pytest.mark.filterwarnings("ignore::qlayers.InputRangeWarning")
def test_a_rotation_and_its_derivative_in_closed_form(dtype, size):
    """⟨Z⟩ after RY(x) and RX(w) is cos x · cos w."""
    layer = QuantumLayer(1, ansatz="basic_entangler", depth=1, precision=name_of(dtype))
    inputs = torch.tensor([[size], [-0.7 * size]], dtype=dtype, requires_grad=True)
    outputs = layer(inputs)
    outputs.sum().backward()
    x, w = inputs.detach().double().numpy(), layer.weights.detach().double().numpy()
    for found, wanted in ((outputs, np.cos(x) * np.cos(w)), (inputs.grad, -np.sin(x) * np.cos(w))):
        torch.testing.assert_close(found.detach().double(), torch.from_numpy(wanted), **TOLERANCES[dtype])


def circuit(inputs, weights):
    """Angles of every kind: turns that are added up, chains, and phases in a table, by sample and one by one."""
    for qubit in range(3):
        qp.Hadamard(qubit)
        qp.RY(inputs[..., qubit], qubit)
        qp.RY(weights[0, qubit], qubit)
    for first, second in ((0, 1), (1, 2), (2, 0)):
        qp.IsingZZ(inputs[..., first], [first, second])
        qp.IsingZZ(weights[1, first], [first, second])
        qp.RZ(inputs[..., second], second)
    for qubit in range(3):
        qp.RX(inputs[..., qubit], qubit)
        qp.RZ(weights[2, qubit], qubit)
        qp.RX(0.3, qubit)
    qp.CRX(inputs[..., 0], [0, 1])
    qp.CRY(weights[0, 0], [1, 2])
    qp.PhaseShift(inputs[..., 1], 1)
    qp.RY(0.4, 1)
    return [qp.expval(qp.Z(0)), qp.expval(qp.Y(1)), qp.probs([1, 2])]


def layer_of(precision="float64", backend="batched"):
    qnode = qp.QNode(circuit, qp.device("default.qubit", wires=3))
    return QuantumLayer.from_qnode(
        qnode, {"weights": (3, 3)}, n_features=3, precision=precision, backend=backend
    )


def point_of(size, dtype):
    """A batch and weights; every second one of them large."""
    generator = torch.Generator().manual_seed(0)
    samples, weights = torch.rand(2, 3, 3, generator=generator, dtype=dtype)
    samples[:, ::2], weights[::2] = samples[:, ::2] * size, -weights[::2] * size
    return samples, weights


def run(layer, samples, weights):
    return functional_call(layer, {"weights": weights}, (samples,))


@pytest.mark.parametrize(("dtype", "size"), CASES)
def test_values_and_gradients_are_those_of_default_qubit(dtype, size):
    ours, theirs = layer_of(name_of(dtype)), layer_of(backend="as_written")
    point = point_of(size, dtype)
    found, wanted = [], []
    for layer, precision, results in ((ours, dtype, found), (theirs, torch.float64, wanted)):
        given = [values.to(precision).requires_grad_() for values in point]
        outputs = run(layer, *given)
        results += [outputs, *torch.autograd.grad(outputs.square().sum(), given)]
    for ours_found, theirs_found in zip(found, wanted, strict=True):
        torch.testing.assert_close(ours_found.double(), theirs_found, **TOLERANCES[dtype])


@pytest.mark.parametrize(("dtype", "size"), CASES[::3])
def test_second_derivatives_are_those_of_default_qubit(dtype, size):
    samples, weights = point_of(size, dtype)

    def hessian(layer, at):
        return torch.autograd.functional.hessian(lambda point: run(layer, samples.to(point), point).sum(), at)

    found = hessian(layer_of(name_of(dtype)), weights)
    wanted = hessian(layer_of(backend="as_written"), weights.double())
    torch.testing.assert_close(found.double(), wanted, **TOLERANCES[dtype])


def test_what_is_beyond_the_precision_is_refused_as_such():
    with pytest.raises(InputError, match="NaN or infinite values, as float32"):
        layer_of("float32")(torch.full((1, 3), 1e39, dtype=torch.float64))
    iqp = QuantumLayer(2, encoding="iqp", precision="float64")
    with pytest.raises(InputError, match="is NaN or infinite"), pytest.warns(match="outside the range"):
        iqp(torch.full((1, 2), 1e200, dtype=torch.float64))
