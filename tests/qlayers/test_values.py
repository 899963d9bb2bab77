"""Values and gradients of layers against references computed one sample at a time on another simulator."""

from __future__ import annotations

import math
import warnings

import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qlayers import QuantumLayer
from qlayers.errors import ExecutionWarning
from qlayers.testing import TOLERANCES, generic_inputs

ENCODINGS = ["angle", "amplitude", "basis", "iqp"]
ANSAETZE = ["strongly_entangling", "basic_entangler", "hardware_efficient", "separable"]


def reference_circuit(encoding: str, ansatz: str, measurement: str, reupload: bool, n_qubits: int):
    """The circuit written once more with PennyLane alone: whole templates where there are no re-uploads."""
    wires = range(n_qubits)

    def encode(inputs):
        used = wires[: inputs.shape[-1]]
        if encoding == "angle":
            for i in used:
                qp.RY(inputs[i], wires=i)
        elif encoding == "amplitude":
            padded = torch.cat([inputs, torch.zeros(2**n_qubits - len(inputs), dtype=inputs.dtype)])
            qp.StatePrep(padded / torch.linalg.norm(padded), wires=wires)
        elif encoding == "basis":
            for i in used:
                if inputs[i] > 0.5:
                    qp.X(i)
        else:
            for i in used:
                qp.Hadamard(i)
                qp.RZ(inputs[i], wires=i)
            for i in used:
                for j in used:
                    if i < j:
                        qp.IsingZZ(inputs[i] * inputs[j], wires=[i, j])

    def one_layer(weights, layer):
        if ansatz == "strongly_entangling":
            for i in wires:
                qp.Rot(*weights[i], wires=i)
            reach = layer % max(n_qubits - 1, 1) + 1
            for i in wires:
                if n_qubits > 1:
                    qp.CNOT([i, (i + reach) % n_qubits])
        elif ansatz == "basic_entangler":
            qp.BasicEntanglerLayers(weights[None], wires=wires)
        elif ansatz == "hardware_efficient":
            for i in wires:
                qp.RY(weights[i, 0], wires=i)
                qp.RZ(weights[i, 1], wires=i)
            for i in range(n_qubits - 1):
                qp.CZ([i, i + 1])
        else:
            for i in wires:
                qp.RZ(weights[i, 0], wires=i)
                qp.RY(weights[i, 1], wires=i)
                qp.RZ(weights[i, 2], wires=i)

    def circuit(inputs, weights):
        for layer in range(len(weights)):
            if layer == 0 or reupload:
                encode(inputs)
            one_layer(weights[layer], layer)
        return [qp.expval(qp.Z(i)) for i in wires] if measurement == "z" else qp.probs(wires=wires)

    return circuit


def reference(circuit, n_qubits, samples, weights, cotangents, device, diff_method):
    """Values, input gradients and weight gradients of Σ cotangents · outputs, one sample at a time, in float64."""
    qnode = qp.QNode(circuit, qp.device(device, wires=n_qubits), interface="torch", diff_method=diff_method)
    values, input_gradients, weight_gradient = [], [], torch.zeros_like(weights)
    # PennyLane makes tensors of lightning's Python floats in torch's default dtype.
    torch.set_default_dtype(torch.float64)
    for sample, cotangent in zip(samples, cotangents, strict=True):
        x, w = sample.clone().requires_grad_(), weights.clone().requires_grad_()
        result = qnode(x, w)
        result = torch.stack(list(result)) if isinstance(result, (list, tuple)) else result
        (result * cotangent).sum().backward()
        values.append(result.detach())
        input_gradients.append(torch.zeros_like(x) if x.grad is None else x.grad)
        weight_gradient += torch.zeros_like(w) if w.grad is None else w.grad
    torch.set_default_dtype(torch.float32)
    return torch.stack(values), torch.stack(input_gradients), weight_gradient


@st.composite
def cases(draw):
    encoding = draw(st.sampled_from(ENCODINGS))
    n_qubits = draw(st.integers(1, 4))
    most = 2**n_qubits if encoding == "amplitude" else n_qubits
    return {
        "encoding": encoding,
        "ansatz": draw(st.sampled_from(ANSAETZE)),
        "measurement": draw(st.sampled_from(["z", "probs"])),
        "n_qubits": n_qubits,
        "n_features": draw(st.integers(1, most)),
        "depth": draw(st.integers(1, 3)),
        "reupload": draw(st.booleans()) and encoding != "amplitude",
        "precision": draw(st.sampled_from(["float32", "float64"])),
        "batch": tuple(draw(st.lists(st.integers(1, 3), max_size=3))),
        "backend": draw(st.sampled_from(["batched", "default_qubit", "lightning"])),
        "seed": draw(st.integers(0, 2**16)),
    }


@settings(max_examples=80, deadline=None, derandomize=True)
@given(cases())
def test_values_and_gradients_equal_references_computed_one_sample_at_a_time(case):
    case = dict(case)
    batch, seed = case.pop("batch"), case.pop("seed")
    torch.manual_seed(seed)
    layer = QuantumLayer(**case)
    n_samples = math.prod(batch)
    samples = generic_inputs(layer.encoding, n_samples, case["n_features"])
    # Both sides get the numbers that the layer's precision can hold; what is compared is the computation.
    samples = samples.to(layer.dtype).double()
    cotangents = torch.randn(n_samples, layer.n_outputs, dtype=torch.float64).to(layer.dtype).double()

    inputs = samples.reshape(*batch, -1).to(layer.dtype).requires_grad_()
    outputs = layer(inputs)
    assert outputs.shape == (*batch, layer.n_outputs)
    assert outputs.dtype == layer.dtype
    outputs.backward(cotangents.reshape(outputs.shape).to(layer.dtype))

    circuit = reference_circuit(
        case["encoding"], case["ansatz"], case["measurement"], case["reupload"], case["n_qubits"]
    )
    weights = layer.weights.detach().double()
    if case["measurement"] == "probs":
        methods = [("default.qubit", "backprop")]
    else:
        methods = [("lightning.qubit", "adjoint"), ("default.qubit", "parameter-shift")]
    if case["encoding"] == "amplitude" and case["n_features"] < 2 ** case["n_qubits"]:
        methods = [
            ("default.qubit", "backprop")
        ]  # the others give NaN where amplitudes are padded with zeros
    tolerance = TOLERANCES[layer.dtype]
    for device, diff_method in methods:
        values, input_gradients, weight_gradient = reference(
            circuit, case["n_qubits"], samples, weights, cotangents, device, diff_method
        )
        torch.testing.assert_close(outputs.detach().double().reshape(values.shape), values, **tolerance)
        if case["encoding"] == "basis":
            assert inputs.grad is None or not inputs.grad.any()
        else:
            gradients = inputs.grad.double().reshape(input_gradients.shape)
            torch.testing.assert_close(gradients, input_gradients, **tolerance)
        torch.testing.assert_close(layer.weights.grad.double(), weight_gradient, **tolerance)


def test_the_reference_tells_a_wrong_circuit_apart():
    samples = generic_inputs(None, 2, 3)
    torch.manual_seed(0)
    layer = QuantumLayer(3, depth=2, precision="float64")
    cotangents = torch.ones(2, 3, dtype=torch.float64)
    right = reference_circuit("angle", "strongly_entangling", "z", False, 3)
    wrong = reference_circuit("angle", "strongly_entangling", "z", True, 3)
    weights = layer.weights.detach()
    same = reference(right, 3, samples, weights, cotangents, "default.qubit", "backprop")[0]
    other = reference(wrong, 3, samples, weights, cotangents, "default.qubit", "backprop")[0]
    torch.testing.assert_close(layer(samples).detach(), same)
    with pytest.raises(AssertionError):
        torch.testing.assert_close(layer(samples).detach(), other)


@pytest.mark.parametrize("backend", ["batched", "default_qubit", "lightning"])
def test_closed_form_of_one_qubit(backend):
    # ⟨Z⟩ after RY(x) and RY(w) is cos(x + w); Rot(0, w, 0) = RY(w).
    layer = QuantumLayer(
        1, ansatz="separable", backend=backend, precision="float64", init=torch.nn.init.zeros_
    )
    with torch.no_grad():
        layer.weights[0, 0, 1] = 0.3
    x = torch.linspace(-3, 3, 7, dtype=torch.float64).reshape(-1, 1).requires_grad_()
    values = layer(x)
    torch.testing.assert_close(values, torch.cos(x + 0.3), rtol=0, atol=1e-12)
    (gradient,) = torch.autograd.grad(values.sum(), x)
    torch.testing.assert_close(gradient, -torch.sin(x + 0.3).detach(), rtol=0, atol=1e-12)


@pytest.mark.parametrize("encoding", ["angle", "amplitude", "iqp"])
@pytest.mark.parametrize("backend", ["batched", "default_qubit"])
def test_gradcheck_in_float64(encoding, backend):
    torch.manual_seed(1)
    layer = QuantumLayer(2, encoding=encoding, depth=2, precision="float64", backend=backend)
    inputs = generic_inputs(layer.encoding, 2, 2).requires_grad_()

    def function(x, weights):
        return torch.func.functional_call(layer, {"weights": weights}, (x,))

    assert torch.autograd.gradcheck(function, (inputs, layer.weights.detach().clone().requires_grad_()))


def test_float64_values_from_lightning_are_not_rounded_to_float32():
    torch.manual_seed(2)
    exact = QuantumLayer(2, depth=2, precision="float64")
    lightning = QuantumLayer(2, depth=2, precision="float64", backend="lightning")
    lightning.load_state_dict(exact.state_dict())
    inputs = generic_inputs(exact.encoding, 3, 2)
    torch.testing.assert_close(lightning(inputs), exact(inputs), rtol=0, atol=1e-13)


def test_inputs_outside_the_declared_range_warn_once():
    layer = QuantumLayer(2)
    with pytest.warns(UserWarning, match=r"encoding=angle declares") as caught:
        layer(torch.tensor([[0.0, 4.0]]))
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        layer(torch.tensor([[0.0, 5.0]]))
        QuantumLayer(2)(torch.full((1, 2), math.pi))


def test_a_circuit_that_decides_on_its_inputs_decides_for_a_batch_as_under_torch_layer():

    @qp.qnode(qp.device("default.qubit", wires=1), diff_method="backprop")
    def circuit(inputs, weights):
        if inputs[..., 0].max() > 0.5:
            qp.X(0)
        qp.RX(weights * inputs[..., 0], 0)
        return qp.expval(qp.Z(0))

    inputs = torch.tensor([[0.1], [0.2], [0.3], [0.9], [0.4]])
    for backend in ("auto", "as_written"):
        layer = QuantumLayer.from_qnode(circuit, {"weights": 1}, backend=backend)
        if backend == "auto":
            with pytest.warns(ExecutionWarning, match="depend on the values of its inputs"):
                outputs = layer(inputs)
        outputs = layer(inputs)
        theirs = qp.qnn.TorchLayer(circuit, {"weights": 1})
        theirs.load_state_dict(layer.state_dict())
        torch.testing.assert_close(outputs, theirs(inputs), rtol=0, atol=1e-6)
        assert layer.execution.batching == "broadcast"


def test_a_circuit_that_decides_on_one_sample_runs_sample_by_sample():
    @qp.qnode(qp.device("default.qubit", wires=1), diff_method="backprop")
    def circuit(inputs, weights):
        if inputs[..., 0] > 0.5:
            qp.X(0)
        qp.RX(weights * inputs[..., 0], 0)
        return qp.expval(qp.Z(0))

    inputs = torch.tensor([[0.1], [0.2], [0.3], [0.9], [0.4]])
    layer = QuantumLayer.from_qnode(circuit, {"weights": 1})
    with pytest.warns(ExecutionWarning, match="depend on the values of its inputs"):
        outputs = layer(inputs)
    wanted = torch.stack([circuit(row, layer.weights) for row in inputs])
    torch.testing.assert_close(outputs, wanted.to(outputs), rtol=0, atol=1e-6)
    assert layer.execution.batching == "unrolled"
