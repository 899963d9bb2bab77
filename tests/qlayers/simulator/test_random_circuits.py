"""Programs of random circuits against default.qubit: every gate, measurement, precision and batch size."""

from __future__ import annotations

import os

import numpy as np
import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane.ops.op_math import CompositeOp

from qlayers import QuantumLayer
from qlayers.simulator import traced
from qlayers.simulator.execute import execute
from qlayers.simulator.on_torch import run_on_torch
from qlayers.testing import TOLERANCES

ONE_QUBIT = ["Hadamard", "PauliX", "PauliY", "PauliZ", "S", "T", "SX"]
ONE_ANGLE = ["RX", "RY", "RZ", "PhaseShift", "U1"]
TWO_QUBITS = ["CNOT", "CZ", "CY", "SWAP", "ISWAP", "CH", "SISWAP", "ECR"]
THREE_QUBITS = ["Toffoli", "CSWAP", "CCZ"]
TWO_QUBITS_ONE_ANGLE = [
    "CRX",
    "CRY",
    "CRZ",
    "ControlledPhaseShift",
    "IsingXX",
    "IsingYY",
    "IsingZZ",
    # Not IsingXY, of which default.qubit 0.45 cannot differentiate a batch: the device's random circuits have it.
    "PSWAP",
    "SingleExcitation",
    "SingleExcitationMinus",
    "SingleExcitationPlus",
]


MATRIX = np.array([[1.0, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]])


@st.composite
def circuits(draw):
    n_qubits = draw(st.integers(1, 8))
    n_angles = 6
    angle = st.tuples(
        st.integers(0, n_angles - 1),
        st.integers(-1, n_angles - 1),
        st.sampled_from([1.0, -1.0, 0.5, 2.0]),
        st.sampled_from([0.0, 0.3]),
    )

    def wires(n):
        return draw(st.permutations(range(n_qubits)))[:n]

    gates = []
    for _ in range(draw(st.integers(1, 12))):
        kinds = ["one", "one angle", "rot"] + (
            ["two", "two angle", "multi", "controlled"] if n_qubits > 1 else []
        )
        kinds += ["three"] if n_qubits > 2 else []
        kind = draw(st.sampled_from(kinds))
        if kind == "one":
            gates.append((draw(st.sampled_from(ONE_QUBIT)), wires(1), [], draw(st.booleans())))
        elif kind == "one angle":
            gates.append((draw(st.sampled_from(ONE_ANGLE)), wires(1), [draw(angle)], draw(st.booleans())))
        elif kind == "rot":
            name = draw(st.sampled_from(["Rot", "U3"]))
            gates.append((name, wires(1), [draw(angle) for _ in range(3)], draw(st.booleans())))
        elif kind == "three":
            gates.append((draw(st.sampled_from(THREE_QUBITS)), wires(3), [], draw(st.booleans())))
        elif kind == "two":
            gates.append((draw(st.sampled_from(TWO_QUBITS)), wires(2), [], False))
        elif kind == "two angle":
            gates.append((draw(st.sampled_from(TWO_QUBITS_ONE_ANGLE)), wires(2), [draw(angle)], False))
        elif kind == "controlled":
            n_controls = draw(st.integers(1, min(2, n_qubits - 1)))
            name = draw(st.sampled_from([*ONE_ANGLE, "Rot", "S", "Hadamard"]))
            angles = [draw(angle) for _ in range(3 if name == "Rot" else name in ONE_ANGLE)]
            gates.append((name, wires(n_controls + 1), angles, draw(st.booleans())))
        else:
            gates.append(
                ("MultiRZ", wires(draw(st.integers(2, n_qubits))), [draw(angle)], draw(st.booleans()))
            )
    word = st.dictionaries(st.integers(0, n_qubits - 1), st.sampled_from("XYZ"), min_size=1)
    measured = draw(
        st.one_of(
            st.tuples(st.just("words"), st.lists(word, min_size=1, max_size=4)),
            st.tuples(st.sampled_from(["energy", "variance"]), st.lists(word, min_size=1, max_size=3)),
            st.tuples(
                st.just("probabilities"), st.lists(st.integers(0, n_qubits - 1), min_size=1, unique=True)
            ),
            st.tuples(
                st.sampled_from(["state", "density", "matrices", "mixed"]),
                st.lists(word, min_size=1, max_size=2),
            ),
        )
    )
    return n_qubits, gates, measured


class Random(QuantumLayer):
    """Angles are ``factor · v[a] · v[b] + offset``, v three features followed by three weights."""

    def __init__(self, n_qubits, gates, measured, **options):
        torch.nn.Module.__init__(self)
        self.gates, self.measured = gates, measured
        super().__init__(n_qubits, n_features=3, weight_shapes=(3,), **options)

    def circuit(self, inputs, weights):
        values = [*(inputs[..., i] for i in range(3)), *(weights[i] for i in range(3))]
        for name, wires, angles, inverted in self.gates:
            parameters = [
                factor * values[a] * (values[b] if b >= 0 else 1.0) + offset
                for a, b, factor, offset in angles
            ]
            self.queue(getattr(qp, name), parameters, wires, inverted)
        kind, chosen = self.measured
        if kind == "probabilities":
            return qp.probs(wires=chosen)
        if kind == "state":
            return qp.state()
        if kind == "density":
            return qp.density_matrix(wires=0)
        if kind == "matrices":
            return [
                qp.expval(qp.Hermitian(MATRIX, wires=0)),
                qp.var(qp.Hermitian(MATRIX, wires=self.n_qubits - 1)),
                qp.expval(qp.Projector([1], wires=0)),
            ]
        words = [qp.prod(*(getattr(qp, pauli)(wire) for wire, pauli in word.items())) for word in chosen]
        if kind == "words":
            return [qp.expval(word) for word in words]
        energy = qp.dot([(0.5, -0.3, 0.2)[number] for number in range(len(words))], words)
        return {
            "energy": lambda: qp.expval(energy),
            "variance": lambda: [qp.var(energy), qp.expval(qp.Z(0))],
            "mixed": lambda: [qp.probs(wires=0), qp.expval(energy), qp.purity(wires=0)],
        }[kind]()

    def queue(self, gate, parameters, wires, inverted):
        n_wires = gate.num_wires if gate.num_wires is not None else len(wires)
        *controls, last = [wires[: len(wires) - n_wires], wires[len(wires) - n_wires :]]
        if controls[0]:
            gate = qp.adjoint(qp.ctrl(qp.adjoint(gate), control=controls[0]))
        (qp.adjoint(gate) if inverted else gate)(*parameters, wires=last)


def on_torch(program, samples, weights, _):
    return run_on_torch(program, samples, weights.reshape(-1))


def values_and_gradients(layer, inputs):
    inputs = inputs.clone().requires_grad_()
    outputs = layer(inputs)
    numbers = torch.view_as_real(outputs) if outputs.is_complex() else outputs
    cotangents = torch.linspace(-1.0, 1.0, numbers.numel(), dtype=numbers.dtype).reshape(numbers.shape)
    anchored = (numbers * cotangents).sum() + 0.0 * (
        inputs.sum() + layer.weights.sum()
    )  # some depend on neither
    return outputs.detach(), *torch.autograd.grad(anchored, [inputs, layer.weights])


def higher_derivatives(layer, inputs):
    """Second and third derivatives along one direction, by inputs and weights."""
    inputs = inputs.clone().requires_grad_()
    point = [inputs, layer.weights]
    outputs = layer(inputs)
    numbers = torch.view_as_real(outputs) if outputs.is_complex() else outputs
    cotangents = torch.linspace(-1.0, 1.0, numbers.numel(), dtype=numbers.dtype).reshape(numbers.shape)
    # Some depend on neither, and others are linear in the weights: the anchor has a zero for a third derivative.
    anchor = 0.0 * sum(values.pow(4).sum() for values in point)
    gradients = torch.autograd.grad((numbers * cotangents).sum() + anchor, point, create_graph=True)
    found = []
    for _ in range(2):
        along = sum(
            (
                gradient * torch.linspace(-1.0, 0.5, gradient.numel(), dtype=inputs.dtype).view_as(gradient)
            ).sum()
            for gradient in gradients
        )
        gradients = torch.autograd.grad(along, point, create_graph=True)
        found += [gradient.detach() for gradient in gradients]
    return found


@settings(max_examples=int(os.environ.get("QLAYERS_RANDOM_CIRCUITS", "40")), deadline=None)
@given(circuits(), st.integers(1, 20), st.sampled_from(["float32", "float64"]), st.integers(0, 2**16))
def test_values_and_gradients_equal_those_of_default_qubit(circuit, batch, precision, seed):
    # default.qubit 0.45 remembers a sum's eigenvectors by a hash without the order of the wires; see the test below.
    CompositeOp._eigs.clear()
    torch.manual_seed(seed)
    ours = Random(*circuit, backend="batched", precision=precision)
    theirs = Random(*circuit, backend="default_qubit", precision="float64")
    theirs.load_state_dict({"weights": ours.weights.detach().double()})
    inputs = torch.rand(batch, 3).to(ours.dtype)
    expected, *wanted = values_and_gradients(theirs, inputs.double())
    tolerance = TOLERANCES[ours.dtype]
    for path in (execute, on_torch):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(traced, "execute", path)
            values, *found = values_and_gradients(ours, inputs)
        assert values.shape == expected.shape
        for one, other in zip((values, *found), (expected, *wanted), strict=True):
            torch.testing.assert_close(one.to(other.dtype), other, **tolerance)


@settings(max_examples=int(os.environ.get("QLAYERS_RANDOM_CIRCUITS", "25")), deadline=None)
@given(circuits(), st.integers(1, 20), st.integers(0, 2**16))
def test_second_and_third_derivatives_equal_those_of_default_qubit(circuit, batch, seed):
    # In double alone: what is read off a state in float32 cancels terms that are a hundred times larger.
    CompositeOp._eigs.clear()
    torch.manual_seed(seed)
    ours = Random(*circuit, backend="batched", precision="float64")
    theirs = Random(*circuit, backend="default_qubit", precision="float64")
    theirs.load_state_dict(ours.state_dict())
    inputs = torch.rand(batch, 3, dtype=torch.float64)
    found, expected = higher_derivatives(ours, inputs), higher_derivatives(theirs, inputs)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, **TOLERANCES[torch.float64])


def test_a_variance_does_not_depend_on_what_was_measured_before():
    """Where it does, on default.qubit 0.45, this simulator is right: the two are one observable."""

    def variance(order):
        word = qp.prod(*(qp.X(wire) for wire in order))
        return qp.var(qp.dot([0.5, -0.1], [word, qp.X(1)]))

    def measure(order, backend):
        class Circuit(QuantumLayer):
            def circuit(self, inputs, weights):
                qp.AngleEmbedding(inputs, wires=range(3), rotation="Y")
                return variance(order)

        inputs = torch.tensor([0.3, 0.4, 0.7], dtype=torch.float64)
        return Circuit(3, weight_shapes=(1,), backend=backend, precision="float64")(inputs).item()

    CompositeOp._eigs.clear()
    orders = ([0, 1, 2], [1, 0, 2], [2, 0, 1])
    ours = [measure(order, "batched") for order in orders]
    assert ours == pytest.approx([ours[0]] * 3, abs=1e-12)
    CompositeOp._eigs.clear()
    theirs = [measure(order, "default_qubit") for order in orders]
    assert theirs[0] == pytest.approx(ours[0], abs=1e-12)
    # If this fails, PennyLane has mended it, and the detour in trace.py can go.
    assert theirs[1:] != pytest.approx([ours[0]] * 2, abs=1e-3)


def test_nothing_is_delegated(monkeypatch):
    layer = QuantumLayer(3, depth=2, backend="batched")

    def refuse(*_, **__):
        raise AssertionError("default.qubit was asked to run a circuit")

    for method in ("execute", "execute_and_compute_derivatives", "compute_derivatives"):
        monkeypatch.setattr(type(layer.qnode.device), method, refuse)
    layer(torch.rand(4, 3)).sum().backward()
    ran = layer.execution
    assert (ran.device, ran.gradient_method, ran.batching) == ("qlayers.batched", "adjoint", "broadcast")
    assert (ran.executions, ran.gradient_executions) == (4, 4)
    with pytest.raises(AssertionError, match="asked to run"):
        layer.qnode(torch.rand(3), layer.weights)
