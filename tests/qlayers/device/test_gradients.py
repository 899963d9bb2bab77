"""Each way of asking the device for derivatives."""

from __future__ import annotations

import numpy as np
import pennylane as qp
import pytest
import scipy.sparse
import torch
from pennylane import numpy as pnp
from pennylane.devices import ExecutionConfig
from pennylane.tape import QuantumScript

from qlayers.testing import TOLERANCES
from tests.qlayers.device.native import no_other_simulator, numbers, on_the_device, reference

TOLERANCE = TOLERANCES[torch.float64]


def circuit(parameters):
    angles, weights = parameters
    qp.RX(angles, wires=0)
    qp.StronglyEntanglingLayers(weights, wires=range(2))
    return [qp.expval(qp.Z(0)), qp.probs(wires=1), qp.var(qp.X(0))]


@pytest.mark.parametrize("diff_method", ["best", "device", "adjoint", "parameter-shift", "finite-diff"])
def test_every_method_gives_the_same(diff_method):
    parameters = [numbers(), numbers(1, 2, 3)]
    found = on_the_device(circuit, parameters, diff_method=diff_method)
    expected = reference(circuit, parameters, [False, False])
    bound = 1e-5 if diff_method == "finite-diff" else 1e-9
    for one, other in zip(found, expected, strict=True):
        for a, b in zip(one, other, strict=True):
            assert torch.allclose(a, b, atol=bound)


@pytest.mark.parametrize("diff_method", ["best", "device", "adjoint"])
def test_a_batch_goes_forward_and_back_once(diff_method):
    device = qp.device("qlayers.batched", wires=2)
    node = qp.QNode(circuit, device, interface="torch", diff_method=diff_method)
    with device.tracker:
        values = node([numbers(7), numbers(1, 2, 3)])
        sum(value.sum() for value in values).backward()
    totals = device.tracker.totals
    assert (totals["simulations"], totals["batches"], totals["vjps"]) == (1, 1, 1)
    assert "derivatives" not in totals


def test_what_the_torch_interface_is_given_in_single_precision_has_gradients_in_single_precision():
    parameters = [torch.rand(3, requires_grad=True), torch.rand(1, 2, 3, requires_grad=True)]
    _, gradients = on_the_device(circuit, parameters)
    assert all(gradient.dtype == torch.float32 for gradient in gradients)


def test_parameters_without_gradient_are_left_out():
    angles, weights = numbers(5), numbers(1, 2, 3)
    for needs in ((angles, weights.detach()), (angles.detach(), weights)):
        node = qp.QNode(circuit, qp.device("qlayers.batched"), interface="torch")
        other = qp.QNode(circuit, qp.device("default.qubit"), interface="torch")
        wanted = [parameter for parameter in needs if parameter.requires_grad]
        found = torch.autograd.grad(node(needs)[0].sum(), wanted)
        expected = torch.autograd.grad(other(needs)[0].sum(), wanted)
        assert torch.allclose(found[0], expected[0], **TOLERANCE)
    assert not node([angles.detach(), weights.detach()])[0].requires_grad


def test_going_back_twice_and_out_of_order():
    """What is kept from the last execution is used for that circuit only."""
    node = qp.QNode(circuit, qp.device("qlayers.batched"), interface="torch")
    other = qp.QNode(circuit, qp.device("default.qubit"), interface="torch")
    parameters = [[numbers(5, seed=s), numbers(1, 2, 3, seed=s)] for s in (1, 2)]
    found = [node(p)[0].sum() for p in parameters]
    for value, p in zip(found, parameters, strict=True):
        expected = torch.autograd.grad(other(p)[0].sum(), p)
        for _ in range(2):
            gradients = torch.autograd.grad(value, p, retain_graph=True)
            assert all(torch.allclose(a, b, **TOLERANCE) for a, b in zip(gradients, expected, strict=True))


def of_words(parameters):
    coefficients, angle = parameters
    qp.RX(angle, wires=0)
    qp.CNOT([0, 1])
    return qp.expval(qp.Hamiltonian(coefficients, [qp.Z(0), qp.Y(0) @ qp.X(1), qp.I(1)]))


def of_the_state(parameters):
    matrix, angle, coefficient = parameters
    qp.RX(angle, wires=0)
    qp.CNOT([0, 1])
    return qp.expval(qp.Hermitian(matrix, 0)), qp.var(coefficient * qp.Y(0)), qp.probs(wires=1)


@pytest.mark.parametrize("shape", [(), (4,)], ids=["one", "batch"])
def test_trainable_parameters_of_observables(shape):
    matrix = torch.tensor([[0.3, 0.1], [0.1, -0.7]], dtype=torch.float64, requires_grad=True)
    for measured, parameters in (
        (of_words, [numbers(3), numbers(*shape, seed=1)]),
        (of_the_state, [matrix, numbers(*shape, seed=1), numbers(seed=2)]),
    ):
        found = on_the_device(measured, parameters)
        expected = reference(measured, parameters, [False, bool(shape), False][: len(parameters)])
        for one, other in zip(found, expected, strict=True):
            assert all(torch.allclose(a, b, **TOLERANCE) for a, b in zip(one, other, strict=True))


def test_second_derivatives_are_left_to_parameter_shift():
    values = []
    for name in ("qlayers.batched", "default.qubit"):
        node = qp.QNode(
            lambda x: [qp.RX(x, wires=0), qp.expval(qp.Z(0))][1],
            qp.device(name),
            interface="torch",
            max_diff=2,
        )
        angle = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
        (first,) = torch.autograd.grad(node(angle), angle, create_graph=True)
        values.append(torch.autograd.grad(first, angle)[0])
    assert torch.allclose(*values)


# ---------------------------------------------------------------- autograd, PennyLane's own interface


@pytest.mark.parametrize("shape", [(), (3,)], ids=["one", "batch"])
def test_autograd(shape):
    def jacobians(name):
        @qp.qnode(qp.device(name), interface="autograd")
        def node(angles, weights):
            qp.RX(angles, wires=0)
            qp.StronglyEntanglingLayers(weights, wires=range(2))
            return qp.expval(qp.Z(0)), qp.probs(wires=1), qp.state()

        angles = pnp.array(numbers(*shape).detach().numpy(), requires_grad=True)
        weights = pnp.array(numbers(1, 2, 3).detach().numpy(), requires_grad=True)

        def flat(angles, weights):
            first, second, third = node(angles, weights)
            parts = (first, second, qp.math.real(third), qp.math.imag(third))
            return qp.math.hstack([qp.math.reshape(part, (-1,)) for part in parts])

        return [flat(angles, weights), *qp.jacobian(flat)(angles, weights)]

    expected = jacobians("default.qubit")
    with no_other_simulator():
        found = jacobians("qlayers.batched")
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one, other, **TOLERANCE)


# ---------------------------------------------------------------- the device's methods, called directly


def tape(n_measurements: int) -> QuantumScript:
    angles = [0.1, 0.7, -0.4]
    operations = [qp.RX(angles[0], 0), qp.RY(angles[1], 1), qp.CNOT([0, 1]), qp.RX(angles[2], 1)]
    measurements = [qp.expval(qp.Z(1)), qp.probs(wires=[0, 1]), qp.state()]
    return QuantumScript(operations, measurements[:n_measurements], trainable_params=[0, 2])


def shifted(n_measurements: int, step: float = 1e-6):
    """Results, and central differences by the trainable parameters: by measurement, by parameter."""
    device = qp.device("default.qubit")

    def values(changes):
        script = tape(n_measurements)
        script = script.bind_new_parameters(
            [script.data[0] + changes[0], script.data[2] + changes[1]], [0, 2]
        )
        found = device.execute(script)
        return [np.asarray(value) for value in (found if n_measurements > 1 else [found])]

    derivatives = [
        [
            (plus - minus) / (2 * step)
            for plus, minus in zip(values(step * unit), values(-step * unit), strict=True)
        ]
        for unit in np.eye(2)
    ]
    return values(np.zeros(2)), [list(parts) for parts in zip(*derivatives, strict=True)]


@pytest.mark.parametrize("n_measurements", [1, 2, 3])
def test_jacobians_and_their_products(n_measurements):
    device = qp.device("qlayers.batched")
    config = ExecutionConfig(gradient_method="adjoint")
    script = tape(n_measurements)
    values, derivatives = shifted(n_measurements)

    def nested(found):
        return list(found) if n_measurements > 1 else [found]

    results, jacobian = device.execute_and_compute_derivatives(script, config)
    assert str(device.compute_derivatives(script, config)) == str(jacobian)
    for found, expected in zip(nested(jacobian), derivatives, strict=True):
        for one, other in zip(found, expected, strict=True):
            np.testing.assert_allclose(one, other, atol=1e-8)
    for found, expected in zip(nested(results), values, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)

    generator = np.random.default_rng(0)
    cotangents = [
        generator.normal(size=v.shape) + (1j * generator.normal(size=v.shape) if np.iscomplexobj(v) else 0)
        for v in values
    ]
    given = tuple(cotangents) if n_measurements > 1 else cotangents[0]
    expected = [
        sum(np.real(np.sum(c * parts[p])) for c, parts in zip(cotangents, derivatives, strict=True))
        for p in range(2)
    ]
    np.testing.assert_allclose(device.compute_vjp(script, given, config), expected, atol=1e-7)
    results, products = device.execute_and_compute_vjp(script, given, config)
    np.testing.assert_allclose(products, expected, atol=1e-7)

    tangents = (0.3, -1.2)
    results, products = device.execute_and_compute_jvp(script, tangents, config)
    for found, parts in zip(nested(products), derivatives, strict=True):
        np.testing.assert_allclose(found, tangents[0] * parts[0] + tangents[1] * parts[1], atol=1e-7)
    assert str(device.compute_jvp(script, tangents, config)) == str(products)
    for found, expected in zip(nested(results), values, strict=True):
        np.testing.assert_allclose(found, expected, atol=1e-12)


def test_whatever_cannot_be_differentiated_has_a_gradient_of_zeros():
    matrix = scipy.sparse.csr_matrix(np.diag([1.0, -1.0]))
    for observable in (
        qp.Projector([0], 0),
        qp.Hamiltonian([2], [qp.Z(0)]),
        qp.SparseHamiltonian(matrix, wires=0),
    ):
        script = QuantumScript([qp.BasisState([1], 0), qp.RX(0.3, 0)], [qp.expval(observable)])
        bits, angle, _ = qp.device("qlayers.batched").compute_vjp(script, 1.0)
        slope = {"Projector": 0.5, "LinearCombination": 2, "SparseHamiltonian": 1}[observable.name] * np.sin(
            0.3
        )
        assert np.array_equal(bits, [0])
        np.testing.assert_allclose(angle, slope, atol=1e-10)


def test_what_is_supported():
    device = qp.device("qlayers.batched")
    script = tape(1)
    for method in ("best", "adjoint", "device"):
        config = ExecutionConfig(gradient_method=method)
        assert device.supports_derivatives(config, script)
        assert device.supports_vjp(config, script) and device.supports_jvp(config, script)
        assert not device.supports_derivatives(config, script.copy(shots=10))
        set_up = device.setup_execution_config(config, script)
        assert set_up.gradient_method == "adjoint" and set_up.use_device_jacobian_product
    assert device.supports_derivatives()
    for method in ("backprop", "parameter-shift", None):
        assert not device.supports_derivatives(ExecutionConfig(gradient_method=method))
    assert not device.supports_derivatives(ExecutionConfig(gradient_method="adjoint", derivative_order=2))
