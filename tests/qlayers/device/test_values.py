"""Values and gradients equal those of default.qubit, computed there one sample at a time."""

from __future__ import annotations

import numpy as np
import pennylane as qp
import pytest
import scipy.sparse
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from qlayers.device import expansion
from qlayers.device.expansion import COMPOSED, TEMPLATES
from qlayers.simulator.gates import GATE_SET
from qlayers.testing import TOLERANCES
from tests.qlayers.device.native import no_other_simulator, numbers, on_the_device, reference

MATRIX = torch.tensor([[1.0, 0.3 - 0.2j], [0.3 + 0.2j, -0.4]], dtype=torch.complex128)
TWO = torch.kron(MATRIX, MATRIX) + torch.eye(4)
SPARSE = scipy.sparse.csr_matrix(TWO.numpy())

MEASUREMENTS = {
    "words": lambda: [qp.expval(qp.Z(0)), qp.expval(qp.X(1) @ qp.Y(2)), qp.expval(qp.I(0))],
    "one word": lambda: qp.expval(qp.Y(1)),
    "hamiltonian": lambda: qp.expval(qp.Hamiltonian([0.3, -1.2, 0.5], [qp.Z(0), qp.X(1) @ qp.Z(2), qp.I(0)])),
    "sum": lambda: qp.expval(qp.Z(0) + 2 * qp.X(1) + qp.prod(qp.X(0), qp.Z(0), qp.X(0))),
    "nothing": lambda: qp.expval(0 * qp.X(0)),
    "variance": lambda: [qp.var(qp.Z(0)), qp.var(qp.X(0) + 0.5 * qp.Z(1) + qp.Y(0)), qp.expval(qp.Y(2))],
    "probabilities": lambda: qp.probs(wires=[2, 0]),
    "all probabilities": lambda: qp.probs(),
    "two probabilities": lambda: [qp.probs(wires=1), qp.probs(wires=[0, 1])],
    "probabilities of eigenvalues": lambda: qp.probs(op=qp.X(0) @ qp.Y(1)),
    "state": lambda: qp.state(),
    "density matrix": lambda: qp.density_matrix([1]),
    "purity": lambda: qp.purity([0, 1]),
    "entropy": lambda: qp.vn_entropy([0]),
    "mutual information": lambda: qp.mutual_info([0], [1]),
    "matrix": lambda: [qp.expval(qp.Hermitian(TWO, [0, 2])), qp.var(qp.Hermitian(TWO, [1, 2]))],
    "projector": lambda: qp.expval(qp.Projector([1, 0], [0, 1])),
    "sum with a matrix": lambda: qp.expval(qp.Z(1) + qp.Hermitian(TWO, [0, 2])),
    "hadamard": lambda: qp.expval(qp.Hadamard(0) @ qp.Z(1)),
    "mixed": lambda: [qp.expval(qp.Z(0)), qp.probs(wires=1), qp.state()],
}


def layered(inputs, weights):
    qp.AngleEmbedding(inputs, range(3), rotation="Y")
    qp.StronglyEntanglingLayers(weights, range(3))


def standard(inputs, weights):
    qp.IQPEmbedding(inputs, range(3), pattern=[[0, 1], [2, 0]])
    qp.CRX(weights[0, 0, 0], [0, 1])
    qp.adjoint(qp.Rot)(*weights[0, 1], wires=2)
    qp.ctrl(qp.RY, control=[0, 1], control_values=[1, 0])(weights[0, 0, 1], wires=2)
    qp.PauliRot(weights[0, 0, 2], "XYZ", [2, 0, 1])
    qp.QFT([0, 1, 2])
    qp.Toffoli([0, 1, 2])
    qp.U3(*weights[0, 2], wires=1)
    qp.PhaseShift(inputs[..., 0], wires=0)


def amplitudes(inputs, weights):
    qp.AmplitudeEmbedding(inputs, range(3), normalize=True, pad_with=0.1 + 0.3j)
    qp.BasicEntanglerLayers(weights[..., 0], range(3))
    qp.SWAP([0, 2])
    qp.S(1)
    qp.CH([1, 0])


def amplitudes_on_some_wires(inputs, weights):
    qp.StatePrep(inputs[..., :2], wires=2, normalize=True)
    qp.RX(inputs[..., 2], wires=0)
    qp.StronglyEntanglingLayers(weights, range(3))


CIRCUITS = [layered, standard, amplitudes, amplitudes_on_some_wires]


def assert_close(found, expected, precision=torch.float64, factor=1.0):
    assert len(found) == len(expected)
    tolerance = {name: factor * bound for name, bound in TOLERANCES[precision].items()}
    for one, other in zip(found, expected, strict=True):
        assert one.shape == other.shape
        kind = torch.complex128 if other.is_complex() else torch.float64
        torch.testing.assert_close(one.to(kind), other.to(kind), **tolerance)


@pytest.mark.parametrize("is_batched", [False, True], ids=["one", "batch"])
@pytest.mark.parametrize("measurement", MEASUREMENTS)
@pytest.mark.parametrize("circuit", CIRCUITS)
def test_every_measurement(circuit, measurement, is_batched):
    def run(parameters):
        circuit(*parameters)
        return MEASUREMENTS[measurement]()

    parameters = [numbers(*(5,) * is_batched, 3), numbers(1, 3, 3, seed=1)]
    values, gradients = on_the_device(run, parameters)
    expected, expected_gradients = reference(run, parameters, [is_batched, False])
    assert_close(values, expected)
    # Entropies go through the eigenvalues of a density matrix, of which some are near zero.
    assert_close(gradients, expected_gradients, factor=1e3 if "entropy" in measurement else 1.0)


@pytest.mark.parametrize("is_batched", [False, True], ids=["one", "batch"])
def test_sparse_hamiltonians(is_batched):
    def run(observable):
        def circuit(parameters):
            layered(*parameters)
            return qp.expval(observable)

        return circuit

    parameters = [numbers(*(5,) * is_batched, 3), numbers(1, 3, 3, seed=1)]
    found = on_the_device(run(qp.SparseHamiltonian(SPARSE, wires=[2, 1])), parameters)
    expected = reference(run(qp.Hermitian(TWO, [2, 1])), parameters, [is_batched, False])
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_precision(precision):
    def run(parameters):
        layered(*parameters)
        return [qp.expval(qp.Z(0)), qp.probs(wires=0), qp.state(), qp.purity([0]), qp.expval(qp.Hadamard(0))]

    def words(parameters):
        layered(*parameters)
        return [qp.expval(qp.Z(0)), qp.var(qp.X(1))]

    parameters = [numbers(5, 3), numbers(1, 3, 3, seed=1)]
    for circuit in (run, words):
        values, gradients = on_the_device(circuit, parameters, precision=precision)
        dtype = getattr(torch, precision)
        assert all(value.dtype in (dtype, dtype.to_complex()) for value in values)
        expected, expected_gradients = reference(circuit, parameters, [True, False])
        assert_close(values, expected, dtype)
        assert_close(gradients, expected_gradients, dtype, factor=10)


# ---------------------------------------------------------------- every gate

ONE_ANGLE = {
    "CRX": 2, "CRY": 2, "CRZ": 2, "ControlledPhaseShift": 2, "CPhaseShift00": 2, "CPhaseShift01": 2, "CPhaseShift10": 2,
    "DoubleExcitation": 4, "DoubleExcitationMinus": 4, "DoubleExcitationPlus": 4, "FermionicSWAP": 2, "GlobalPhase": 1,
    "IsingXX": 2, "IsingXY": 2, "IsingYY": 2, "IsingZZ": 2, "MultiRZ": 3, "OrbitalRotation": 4, "PSWAP": 2,
    "PhaseShift": 1, "RX": 1, "RY": 1, "RZ": 1, "SingleExcitation": 2, "SingleExcitationMinus": 2,
    "SingleExcitationPlus": 2, "U1": 1,
}  # fmt: skip
SEVERAL_ANGLES = {"CRot": (2, 3), "Rot": (1, 3), "U2": (1, 2), "U3": (1, 3)}
NO_ANGLE = {
    "CCZ": 3, "CH": 2, "CNOT": 2, "CSWAP": 3, "CY": 2, "CZ": 2, "ECR": 2, "Hadamard": 1, "ISWAP": 2, "Identity": 1,
    "PauliX": 1, "PauliY": 1, "PauliZ": 1, "S": 1, "SISWAP": 2, "SQISW": 2, "SWAP": 2, "SX": 1, "T": 1, "Toffoli": 3,
}  # fmt: skip
GATES = {
    **{name: (n_wires, 1) for name, n_wires in ONE_ANGLE.items()},
    **SEVERAL_ANGLES,
    **{name: (n_wires, 0) for name, n_wires in NO_ANGLE.items()},
}


def test_every_gate_that_the_device_names_is_tested():
    assert set(GATES) >= (GATE_SET | COMPOSED)


@pytest.mark.parametrize("is_batched", [False, True], ids=["one", "batch"])
@pytest.mark.parametrize("name", GATES)
def test_every_gate(name, is_batched):
    n_wires, n_angles = GATES[name]
    wires = [2, 0, 3, 1][:n_wires]

    def circuit(parameters):
        *angles, start = parameters
        for wire in range(4):
            qp.RY(start[wire], wire)
        getattr(qp, name)(*angles, wires=wires)
        for wire in range(4):
            qp.RX(0.3 + wire, wire)
        return qp.state()

    angles = [numbers(*(3,) * is_batched, seed=i) for i in range(n_angles)]
    parameters = [*angles, numbers(4, seed=9)]
    values, gradients = on_the_device(circuit, parameters)
    expected, expected_gradients = reference(circuit, parameters, [is_batched] * n_angles + [False])
    assert_close(values, expected)
    assert_close(gradients, expected_gradients)


@pytest.mark.parametrize(
    "operation",
    [
        lambda: qp.QubitUnitary(MATRIX.numpy() @ np.diag([1, 1j]) * 0 + qp.Rot.compute_matrix(0.1, 0.7, 2.0), wires=1),
        lambda: qp.QubitUnitary(qp.matrix(qp.QFT([0, 1, 2])), wires=[2, 0, 1]),
        lambda: qp.QubitUnitary(np.stack([np.eye(4), qp.matrix(qp.ISWAP([0, 1]))]), wires=[0, 1]),
        lambda: qp.DiagonalQubitUnitary(np.exp(1j * np.arange(4)), wires=[0, 2]),
        lambda: qp.ControlledQubitUnitary(qp.matrix(qp.SX(0)), wires=[1, 0, 2], control_values=[0, 1]),
        lambda: qp.MultiControlledX([0, 1, 2], control_values=[0, 1]),
        lambda: qp.BlockEncode(np.array([[0.1, 0.2], [0.3, 0.4]]), wires=[0, 1]),
        lambda: qp.QFT([2, 0, 1]),
        lambda: qp.GroverOperator([0, 1, 2]),
        lambda: qp.Permute([2, 0, 1], wires=[0, 1, 2]),
        lambda: qp.BasisState([1, 0, 1], wires=[0, 1, 2]),
        lambda: qp.pow(qp.RX(0.3, 1), 1.7),
        lambda: qp.exp(qp.Z(0) @ qp.Y(1), -0.35j),
        lambda: qp.adjoint(qp.QubitUnitary(np.stack([np.eye(4), qp.matrix(qp.SISWAP([0, 1]))]), wires=[0, 1])),
        lambda: qp.TrotterProduct(qp.X(0) + qp.Z(1) @ qp.Z(2), 0.4),
        lambda: qp.ctrl(qp.adjoint(qp.ctrl(qp.S(0), 1)), 2, control_values=[0]),
        lambda: qp.SimplifiedTwoDesign(np.array([0.1, 0.2, 0.3]), np.full((1, 2, 2), 0.4), wires=range(3)),
        lambda: qp.QAOAEmbedding(np.array([0.1, 0.2]), np.full((2, 6), 0.4), wires=range(3)),
    ],
)  # fmt: skip
def test_other_operations(operation):
    def circuit():
        for wire in range(3):
            qp.RY(0.4 + wire, wire)
        operation()
        qp.CNOT([0, 2])
        return qp.state()

    with no_other_simulator():
        found = qp.QNode(circuit, qp.device("qlayers.batched", wires=3))()
    np.testing.assert_allclose(found, qp.QNode(circuit, qp.device("default.qubit", wires=3))(), atol=1e-10)


@pytest.mark.parametrize("prepare", [qp.BasisState, qp.BasisEmbedding])
def test_basis_states_at_the_beginning(prepare):
    @qp.qnode(qp.device("qlayers.batched", wires=["a", "b", "c"]))
    def circuit(bits):
        prepare(bits, wires=["c", "a"])
        qp.RX(np.pi, wires="b")
        return qp.probs(wires=["a", "b", "c"])

    for bits in ([0, 1], torch.tensor([1, 1])):
        expected = np.zeros(8)
        expected[4 * int(bits[1]) + 2 + int(bits[0])] = 1
        np.testing.assert_allclose(circuit(bits), expected, atol=1e-12)


def test_complex_amplitudes_have_gradients_too():
    amplitudes = torch.tensor([0.6, 0.48 + 0.64j], dtype=torch.complex128, requires_grad=True)

    def circuit(parameters):
        qp.StatePrep(parameters[0], wires=0)
        qp.RX(0.3, wires=0)
        return [qp.expval(qp.Z(0)), qp.expval(qp.Y(0))]

    found = on_the_device(circuit, [amplitudes])
    expected = reference(circuit, [amplitudes], [False])
    for one, other in zip(found, expected, strict=True):
        assert_close(one, other)


@pytest.mark.parametrize("name", sorted(COMPOSED | TEMPLATES))
def test_what_an_operation_stands_for_is_found_once(name, monkeypatch):
    arguments = {
        "AngleEmbedding": [(3,)],
        "BasicEntanglerLayers": [(2, 3)],
        "IQPEmbedding": [(3,)],
        "QAOAEmbedding": [(2,), (2, 6)],
        "SimplifiedTwoDesign": [(3,), (1, 2, 2)],
        "StronglyEntanglingLayers": [(2, 3, 3)],
    }

    def circuit(parameters):
        getattr(qp, name)(*parameters, wires=range(3 if name in TEMPLATES else GATES[name][0]))
        return qp.expval(qp.Z(0))

    def parameters(seed):
        shapes = arguments[name] if name in arguments else [()] * GATES[name][1]
        return [numbers(*shape, seed=seed) for shape in shapes]

    on_the_device(circuit, parameters(0))
    monkeypatch.setattr(expansion, "_find", None)
    values, gradients = on_the_device(circuit, parameters(1))
    expected, expected_gradients = reference(circuit, parameters(1), [False] * len(parameters(1)))
    assert_close(values, expected)
    for one, other in zip(gradients, expected_gradients, strict=True):
        assert one.shape == other.shape


# ---------------------------------------------------------------- circuits nobody thought of


@st.composite
def circuits(draw):
    """How it begins, gates with wires, whether each parameter has a batch, wrappers, and what is measured."""
    n_qubits = draw(st.integers(1, 5))
    possible = [name for name, (n_wires, _) in GATES.items() if n_wires <= n_qubits]
    gates = []
    for name in draw(st.lists(st.sampled_from(possible), min_size=1, max_size=8)):
        n_wires, n_angles = GATES[name]
        wires = draw(st.permutations(range(n_qubits)))
        batched = draw(st.lists(st.booleans(), min_size=n_angles, max_size=n_angles))
        wrapper = draw(st.sampled_from(["plain", "plain", "adjoint", "control", "control of adjoint"]))
        if n_wires == n_qubits or n_wires > 2 or name in ("Identity", "GlobalPhase"):
            wrapper = "adjoint" if "adjoint" in wrapper else "plain"
        gates.append((name, wires[:n_wires], wires[n_wires:], batched, wrapper, draw(st.booleans())))
    measured = draw(st.lists(st.sampled_from(sorted(KINDS)), min_size=1, max_size=3))
    return n_qubits, draw(st.sampled_from(["none", "bits", "one state", "states"])), gates, measured


KINDS = {
    "word": lambda wires: qp.expval(qp.prod(*(pauli(w) for pauli, w in zip((qp.X, qp.Y, qp.Z), wires, strict=False)))),
    "sentence": lambda wires: qp.expval(0.5 * qp.Z(wires[0]) - 1.5 * qp.X(wires[-1])),
    "variance": lambda wires: qp.var(qp.Y(wires[0])),
    "probabilities": lambda wires: qp.probs(wires=wires[:2]),
    "matrix": lambda wires: qp.expval(qp.Hermitian(MATRIX, wires[0])),
    "state": lambda wires: qp.state(),
    "purity": lambda wires: qp.purity(wires[:1]),
}  # fmt: skip


@settings(max_examples=80)
@given(circuits(), st.integers(0, 100), st.sampled_from(["float32", "float64"]))
def test_any_circuit(drawn, seed, precision):
    n_qubits, beginning, gates, measured = drawn
    batched = [beginning == "states", *(is_batched for *_, flags, _, _ in gates for is_batched in flags)]
    parameters = [numbers(*(3,) * is_batched, seed=seed + i) for i, is_batched in enumerate(batched)]
    parameters[0] = numbers(*(3,) * batched[0], 2, seed=seed)

    def circuit(parameters):
        first, *parameters = parameters
        if beginning == "bits":
            qp.BasisState([1], wires=[n_qubits - 1])
        elif beginning != "none":
            qp.AmplitudeEmbedding(first, wires=[n_qubits - 1], normalize=True)
        for wire in range(n_qubits):
            qp.RY(0.4 + wire, wire)
        rest = iter(parameters)
        for name, wires, others, flags, wrapper, value in gates:
            gate = getattr(qp, name)
            if "adjoint" in wrapper:
                gate = qp.adjoint(gate)
            if "control" in wrapper:
                gate = qp.ctrl(gate, control=others[:1], control_values=[value])
            gate(*(next(rest) for _ in flags), wires=wires)
        return [KINDS[kind](list(range(n_qubits))) for kind in measured]

    dtype = getattr(torch, precision)
    values, gradients = on_the_device(circuit, parameters, wires=n_qubits, precision=precision)
    expected, expected_gradients = reference(circuit, parameters, batched)
    assert_close(values, expected, dtype)
    assert_close(gradients, expected_gradients, dtype, factor=10)
