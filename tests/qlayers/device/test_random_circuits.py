"""Random circuits on the device against default.qubit: each parameter with a batch or without, all measurements."""

from __future__ import annotations

import os
from collections import Counter

import numpy as np
import pennylane as qp
import torch
from hypothesis import event, given, settings
from hypothesis import strategies as st
from pennylane.ops.op_math import CompositeOp

from tests.qlayers.device.native import no_other_simulator, on_the_device, reference
from tests.qlayers.device.test_values import assert_close

GATES = {
    # By name: wires, parameters.
    **dict.fromkeys(["Hadamard", "PauliX", "PauliY", "PauliZ", "S", "T", "SX", "Identity"], (1, 0)),
    **dict.fromkeys(["RX", "RY", "RZ", "PhaseShift", "U1", "GlobalPhase"], (1, 1)),
    "U2": (1, 2),
    **dict.fromkeys(["Rot", "U3"], (1, 3)),
    **dict.fromkeys(["CNOT", "CZ", "CY", "CH", "SWAP", "ISWAP", "SISWAP", "ECR"], (2, 0)),
    **dict.fromkeys(["CRX", "CRY", "CRZ", "ControlledPhaseShift", "CPhaseShift00", "CPhaseShift10"], (2, 1)),
    **dict.fromkeys(["IsingXX", "IsingYY", "IsingZZ", "IsingXY", "PSWAP", "FermionicSWAP"], (2, 1)),
    **dict.fromkeys(["SingleExcitation", "SingleExcitationPlus", "SingleExcitationMinus"], (2, 1)),
    "CRot": (2, 3),
    **dict.fromkeys(["Toffoli", "CSWAP", "CCZ"], (3, 0)),
    "MultiRZ": (3, 1),
    **dict.fromkeys(["DoubleExcitation", "DoubleExcitationPlus", "OrbitalRotation"], (4, 1)),
}
N_PARAMETERS, BATCH, SHOTS = 5, 3, 2000
EXAMPLES = settings(max_examples=int(os.environ.get("QLAYERS_RANDOM_CIRCUITS", "40")), deadline=None)


@st.composite
def circuits(draw):
    """Qubits, and gates: name, which parameters, wires, controls and whether it is inverted, outside or inside them."""
    n_qubits = draw(st.integers(1, 8))
    names = [name for name, (n_wires, _) in GATES.items() if n_wires <= n_qubits]
    gates = []
    for _ in range(draw(st.integers(1, 10))):
        name = draw(st.sampled_from(names))
        n_wires, n_parameters = GATES[name]
        # Several controls of a gate of many gates come down to hundreds.
        n_controls = draw(st.integers(0, min(2 if n_wires == 1 else 1, n_qubits - n_wires)))
        wires = draw(st.permutations(range(n_qubits)))[: n_wires + n_controls]
        parameters = [draw(st.integers(0, N_PARAMETERS - 1)) for _ in range(n_parameters)]
        gates.append((name, parameters, wires, n_controls, draw(st.booleans()), draw(st.booleans())))
    return n_qubits, gates


def apply(gates, parameters):
    for name, which, wires, n_controls, inside, outside in gates:
        gate = getattr(qp, name)
        gate = qp.adjoint(gate) if inside else gate
        gate = qp.ctrl(gate, control=wires[:n_controls]) if n_controls else gate
        gate = qp.adjoint(gate) if outside else gate
        gate(*(parameters[number] for number in which), wires=wires[n_controls:])


@st.composite
def measurements(draw, n_qubits):
    """Functions that measure, by their kinds."""
    wires = st.lists(st.integers(0, n_qubits - 1), min_size=1, max_size=3, unique=True)
    word = st.dictionaries(st.integers(0, n_qubits - 1), st.sampled_from("XYZ"), min_size=1)
    found = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(
            st.sampled_from(["expval", "var", "probs", "state", "density_matrix", "purity", "hermitian"])
        )
        if kind in ("expval", "var"):
            words = draw(st.lists(word, min_size=1, max_size=3))
            found.append((kind, words))
        else:
            found.append((kind, draw(wires)))
    return found


def observable(words):
    products = [qp.prod(*(getattr(qp, pauli)(wire) for wire, pauli in word.items())) for word in words]
    return qp.dot([0.5, -0.3, 0.2][: len(words)], products)


def measure(kind, what):
    if kind in ("expval", "var"):
        return getattr(qp, kind)(observable(what))
    if kind == "state":
        return qp.state()
    if kind == "hermitian":
        return qp.expval(qp.Hermitian(np.array([[1.0, 0.5 - 0.2j], [0.5 + 0.2j, -0.3]]), wires=what[0]))
    return getattr(qp, kind)(wires=what)


@st.composite
def parameters(draw):
    """Numbers, and which of them have a batch."""
    batched = draw(st.lists(st.booleans(), min_size=N_PARAMETERS, max_size=N_PARAMETERS))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**16)))
    values = [
        4 * torch.rand((BATCH,) * is_batched, generator=generator, dtype=torch.float64) - 2
        for is_batched in batched
    ]
    return [value.requires_grad_() for value in values], batched


def used(gates, batched):
    """Without the batch of parameters that no gate takes, of which a device cannot know."""
    taken = {number for _, which, *_ in gates for number in which}
    return [is_batched and number in taken for number, is_batched in enumerate(batched)]


def kept(values, batched):
    """The first row of those that have no batch after all."""
    return [
        v.detach().reshape(-1)[0].requires_grad_() if v.ndim and not is_batched else v
        for v, is_batched in zip(values, batched, strict=True)
    ]


@EXAMPLES
@given(st.data(), circuits(), parameters(), st.sampled_from(["float32", "float64"]))
def test_values_and_gradients(data, circuit, given_parameters, precision):
    CompositeOp._eigs.clear()  # as in the simulator's random circuits
    (n_qubits, gates), (values, batched) = circuit, given_parameters
    batched = used(gates, batched)
    values = kept(values, batched)
    measured = data.draw(measurements(n_qubits))
    event("batched and not" if any(batched) and not all(batched) else "all or none batched")
    for kind, _ in measured:
        event(kind)

    def run(parameters):
        apply(gates, parameters)
        # A circuit is on all of its wires, whatever its gates act on.
        for wire in range(n_qubits):
            qp.Identity(wire)
        return [measure(*one) for one in measured]

    found, gradients = on_the_device(run, values, wires=n_qubits, precision=precision)
    # default.qubit gives states of the wires of the circuit alone; they are all there.
    expected, wanted = reference(run, values, batched)
    dtype = getattr(torch, precision)
    assert_close(found, expected, dtype, factor=10)
    assert_close(gradients, wanted, dtype, factor=100)


@EXAMPLES
@given(
    circuits(),
    parameters(),
    st.sampled_from(["counts", "sample", "probs", "expval", "var"]),
    st.integers(0, 2**16),
)
def test_samples_have_the_probabilities_of_the_state(circuit, given_parameters, kind, seed):
    """Within what Bernstein's inequality leaves to chance once in exp(25) outcomes."""
    (n_qubits, gates), (values, batched) = circuit, given_parameters
    batched = used(gates, batched)
    values = [value.detach() for value in kept(values, batched)]
    event(kind)
    event("batched" if any(batched) else "one")
    wires = list(range(min(n_qubits, 3)))

    def run(parameters, measure):
        apply(gates, parameters)
        return measure()

    def sampled():
        if kind in ("expval", "var"):
            return getattr(qp, kind)(qp.Z(wires[0]))
        return getattr(qp, kind)(wires=wires)

    device = qp.device("qlayers.batched", wires=n_qubits, seed=seed)
    with no_other_simulator():
        node = qp.set_shots(qp.QNode(run, device, interface="torch", diff_method=None), shots=SHOTS)
        found = node(values, sampled)
    (expected,), _ = reference(lambda p: run(p, lambda: qp.probs(wires=wires)), values, batched)
    rows = expected.reshape(-1, 2 ** len(wires)).numpy()
    if kind in ("expval", "var"):
        up = rows[:, : len(rows[0]) // 2].sum(1)  # the first wire is the most significant bit
        results = torch.as_tensor(found).reshape(-1).numpy()
        means = 2 * up - 1
        slack = deviation(up) / SHOTS
        if kind == "expval":
            assert (np.abs(results - means) <= 2 * slack + 1e-9).all()
        else:
            # Of 1 - mean², by the mean's slack.
            assert (np.abs(results - (1 - means**2)) <= 2 * (2 * slack) * 2 + 2 / SHOTS).all()
        return
    for frequencies, row in zip(frequencies_of(kind, found, len(wires)), rows, strict=True):
        assert frequencies.sum() == SHOTS
        assert (np.abs(frequencies - SHOTS * row) <= deviation(row)).all()


def deviation(probability, bound=25.0):
    """How far a count of ``SHOTS`` may lie from its mean."""
    spread = SHOTS * np.clip(probability * (1 - probability), 0, None)
    return np.sqrt(2 * spread * bound) + 2 * bound / 3 + 1e-6


def frequencies_of(kind, found, n_wires):
    """One array a row of the batch: how often each outcome came."""
    if kind == "counts":
        rows = found if isinstance(found, list | tuple) else [found]
        return [np.array([row.get(f"{i:0{n_wires}b}", 0) for i in range(2**n_wires)]) for row in rows]
    array = torch.as_tensor(found).numpy()
    if kind == "probs":
        return np.rint(SHOTS * array.reshape(-1, 2**n_wires)).astype(int)
    counted = []
    for row in array.reshape(-1, SHOTS, n_wires):
        outcomes = Counter((row.astype(int) @ (2 ** np.arange(n_wires)[::-1])).tolist())
        counted.append(np.array([outcomes[i] for i in range(2**n_wires)]))
    return counted
