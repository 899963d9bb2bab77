"""Programs of random circuits against default.qubit: every gate, measurement, precision and batch size."""

from __future__ import annotations

import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qlayers import QuantumLayer
from qlayers.testing import TOLERANCES

ONE_QUBIT = ["Hadamard", "PauliX", "PauliY", "PauliZ", "S", "T", "SX"]
ONE_ANGLE = ["RX", "RY", "RZ", "PhaseShift"]
TWO_QUBITS = ["CNOT", "CZ", "CY", "SWAP", "ISWAP", "CH"]
TWO_QUBITS_ONE_ANGLE = [
    "CRX",
    "CRY",
    "CRZ",
    "ControlledPhaseShift",
    "IsingXX",
    "IsingYY",
    "IsingZZ",
    "SingleExcitation",
]


@st.composite
def circuits(draw):
    n_qubits = draw(st.integers(1, 5))
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
        kinds = ["one", "one angle", "rot"] + (["two", "two angle", "multi"] if n_qubits > 1 else [])
        kind = draw(st.sampled_from(kinds))
        if kind == "one":
            gates.append((draw(st.sampled_from(ONE_QUBIT)), wires(1), [], draw(st.booleans())))
        elif kind == "one angle":
            gates.append((draw(st.sampled_from(ONE_ANGLE)), wires(1), [draw(angle)], draw(st.booleans())))
        elif kind == "rot":
            gates.append(("Rot", wires(1), [draw(angle) for _ in range(3)], draw(st.booleans())))
        elif kind == "two":
            gates.append((draw(st.sampled_from(TWO_QUBITS)), wires(2), [], False))
        elif kind == "two angle":
            gates.append((draw(st.sampled_from(TWO_QUBITS_ONE_ANGLE)), wires(2), [draw(angle)], False))
        else:
            gates.append(
                ("MultiRZ", wires(draw(st.integers(2, n_qubits))), [draw(angle)], draw(st.booleans()))
            )
    words = st.dictionaries(st.integers(0, n_qubits - 1), st.sampled_from("XYZ"), min_size=1)
    measured = draw(
        st.one_of(
            st.lists(words, min_size=1, max_size=4),
            st.permutations(range(n_qubits)).flatmap(
                lambda order: st.integers(1, n_qubits).map(lambda n: order[:n])
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
            gate = getattr(qp, name)
            if inverted:
                qp.adjoint(gate)(*parameters, wires=wires)
            else:
                gate(*parameters, wires=wires)
        if isinstance(self.measured[0], dict):
            return [
                qp.expval(qp.prod(*(getattr(qp, pauli)(wire) for wire, pauli in word.items())))
                for word in self.measured
            ]
        return qp.probs(wires=self.measured)


@settings(max_examples=60, deadline=None)
@given(circuits(), st.integers(1, 20), st.sampled_from(["float32", "float64"]), st.integers(0, 2**16))
def test_values_and_gradients_equal_those_of_default_qubit(circuit, batch, precision, seed):
    torch.manual_seed(seed)
    ours = Random(*circuit, backend="batched", precision=precision)
    theirs = Random(*circuit, backend="default_qubit", precision="float64")
    theirs.load_state_dict({"weights": ours.weights.detach().double()})
    inputs = torch.rand(batch, 3).to(ours.dtype)
    one, other = inputs.clone().requires_grad_(), inputs.double().requires_grad_()
    values, expected = ours(one), theirs(other)
    assert values.shape == expected.shape
    tolerance = TOLERANCES[ours.dtype]
    torch.testing.assert_close(values.double(), expected, **tolerance)
    cotangents = torch.rand_like(values)
    found = torch.autograd.grad(values, [one, ours.weights], cotangents)
    anchored = expected + 0.0 * (other.sum() + theirs.weights.sum())  # some circuits depend on neither
    wanted = torch.autograd.grad(anchored, [other, theirs.weights], cotangents.double())
    for gradient, reference in zip(found, wanted, strict=True):
        torch.testing.assert_close(gradient.double(), reference, **tolerance)


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
