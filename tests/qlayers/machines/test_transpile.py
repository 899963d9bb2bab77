"""Transpiled circuits give the same bits, on the gates and pairs that a machine has."""

from __future__ import annotations

import itertools
import math
import re

import numpy as np
import pennylane as qp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from tests.qlayers.braket.random_circuits import operations

pytest.importorskip("braket.circuits", reason="needs the extra braket")

from qlayers.machines.machine import Machine, available, machine
from qlayers.machines.native import NativeGate, Writer, rx, rz, zxz
from qlayers.machines.placement import place
from qlayers.machines.transpile import Transpiled, transpile

MATRICES = {
    "prx": lambda t, p: _turn(t, p),
    "gpi": lambda p: _turn(math.pi, p),
    "gpi2": lambda p: _turn(math.pi / 2, p),
    "rx": lambda t: _turn(t, 0.0),
    "rz": lambda t: np.diag(np.exp([-0.5j * t, 0.5j * t])),
    "cz": lambda: np.diag([1, 1, 1, -1]).astype(complex),
    "zz": lambda t: np.diag(np.exp(-0.5j * t * np.array([1, -1, -1, 1]))),
}
"""Of native gates, written down anew from the providers' definitions."""


def _turn(angle: float, phase: float) -> np.ndarray:
    """By an angle about the axis cos(phase) x + sin(phase) y."""
    c, s = math.cos(angle / 2), math.sin(angle / 2)
    return np.array([[c, -1j * s * np.exp(-1j * phase)], [-1j * s * np.exp(1j * phase), c]])


def wanted_probabilities(gates: list[Operator], n_qubits: int) -> np.ndarray:
    tape = QuantumScript(gates, [qp.probs(wires=range(n_qubits))])
    return np.asarray(qp.execute([tape], qp.device("default.qubit", wires=n_qubits), diff_method=None)[0])


def found_probabilities(transpiled: Transpiled) -> np.ndarray:
    """Of the native gates on an ideal machine, by PennyLane."""
    used = sorted({q for gate in transpiled.gates for q in gate.qubits} | set(transpiled.measured))
    gates = [
        qp.QubitUnitary(MATRICES[gate.name](*gate.angles), wires=list(gate.qubits))
        for gate in transpiled.gates
    ]
    tape = QuantumScript(gates, [qp.probs(wires=list(transpiled.measured))])
    return np.asarray(qp.execute([tape], qp.device("default.qubit", wires=used), diff_method=None)[0])


def line(native: tuple[str, ...], n_qubits: int, fidelity: float = 0.99, **changes: object) -> Machine:
    facts: dict[str, object] = {
        "name": "Line",
        "provider": "nobody",
        "native_gates": native,
        "one_qubit_fidelity": dict.fromkeys(range(n_qubits), 0.999),
        "readout_fidelity": dict.fromkeys(range(n_qubits), 0.98),
        "two_qubit_fidelity": {(i, i + 1): fidelity for i in range(n_qubits - 1)},
        "shots_range": (1, 1000),
    }
    return Machine.model_validate({**facts, **changes})


@pytest.mark.parametrize("name", available())
@settings(max_examples=25, deadline=None)
@given(drawn=st.integers(1, 5).flatmap(lambda n: st.tuples(st.just(n), operations(n, longest=10))))
def test_the_same_bits(name: str, drawn: tuple[int, list[Operator]]) -> None:
    n_qubits, gates = drawn
    transpiled = transpile(QuantumScript(gates), machine(name), n_qubits)
    assert found_probabilities(transpiled) == pytest.approx(wanted_probabilities(gates, n_qubits), abs=1e-9)
    assert_native(transpiled, machine(name))


@pytest.mark.parametrize(
    "native", [("prx", "cz"), ("rx", "rz", "cz"), ("gpi", "gpi2", "zz"), ("gpi", "gpi2", "ms")]
)
@settings(max_examples=25, deadline=None)
@given(gates=operations(4, longest=10))
def test_the_same_bits_on_a_line(native: tuple[str, ...], gates: list[Operator]) -> None:
    """Where most pairs are not neighbours, so that qubits are swapped."""
    where = line(native, 4)
    transpiled = transpile(QuantumScript(gates), where, 4)
    assert found_probabilities(transpiled) == pytest.approx(wanted_probabilities(gates, 4), abs=1e-9)
    assert_native(transpiled, where)


def assert_native(transpiled: Transpiled, where: Machine) -> None:
    for gate in transpiled.gates:
        assert gate.name in where.native_gates
        if len(gate.qubits) == 2:
            assert where.fidelity(*gate.qubits) is not None, f"{gate} is on no edge"
        if gate.name == "rx":
            assert gate.angles[0] in (math.pi / 2, -math.pi / 2, math.pi)
        if gate.name in ("zz", "ms"):
            assert 0 < gate.angles[-1] <= math.pi / 2


MATRICES["ms"] = lambda a, b, t: _ms(a, b, t)


def _ms(a: float, b: float, t: float) -> np.ndarray:
    """exp(-i t/2 σ(a) ⊗ σ(b)) with σ(φ) = cos φ X + sin φ Y."""
    first, second = (np.array([[0, np.exp(-1j * p)], [np.exp(1j * p), 0]]) for p in (a, b))
    return math.cos(t / 2) * np.eye(4) - 1j * math.sin(t / 2) * np.kron(first, second)


@pytest.mark.parametrize("name", sorted(MATRICES))
def test_native_gates_are_those_of_the_sdk(name: str) -> None:
    from braket.circuits import Circuit

    qubits = (0, 1) if name in ("cz", "zz", "ms") else (0,)
    angles = (0.3, 0.8, 1.1)[: MATRICES[name].__code__.co_argcount]
    circuit = getattr(Circuit(), name)(*qubits, *angles)
    found, wanted = circuit.to_unitary(), MATRICES[name](*angles)
    assert abs(np.trace(found.conj().T @ wanted)) == pytest.approx(len(wanted), abs=1e-12)  # up to a phase


@pytest.mark.parametrize("name", available())
def test_the_sdk_takes_them(name: str) -> None:
    """Its emulator checks gates, pairs and qubits by itself, and complains of a gate on no edge."""
    from braket.circuits import Circuit
    from braket.emulation.local_emulator import LocalEmulator
    from braket.emulation.pass_manager import EmulatorValidationError

    where = machine(name)
    emulator = LocalEmulator.from_device_properties(where.capabilities())
    gates = [
        g for i in range(4) for g in (qp.RY(0.3 + i, i), qp.CNOT([i, (i + 1) % 4]), qp.CNOT([i, (i + 2) % 4]))
    ]
    emulator.validate(transpile(QuantumScript(gates), where).circuit)
    qubits = where.qubits
    stray = next((b for b in qubits[1:] if where.fidelity(qubits[0], b) is None), None)
    wrong = Circuit().cz(qubits[0], stray) if stray is not None else Circuit().cz(0, 1)
    with pytest.raises(EmulatorValidationError):
        emulator.validate(Circuit().add_verbatim_box(wrong).measure(qubits[0]))


def test_the_braket_circuit_measures_in_the_circuits_order() -> None:
    from braket.devices import LocalSimulator

    gates: list[Operator] = [qp.X(0), qp.CNOT([0, 2]), qp.SWAP([2, 3]), qp.X(1), qp.CNOT([1, 3])]
    transpiled = transpile(QuantumScript(gates), machine("iqm_garnet"), 4)
    found = Circuit_without_box(transpiled)
    result = LocalSimulator("braket_sv").run(found, shots=5).result()
    order = [result.measured_qubits.index(qubit) for qubit in transpiled.measured]
    # 1000, 1010, 1001, 1101, 1100
    assert result.measurements[:, order].tolist() == [[1, 1, 0, 0]] * 5
    assert result.measured_qubits == list(transpiled.measured)


def Circuit_without_box(transpiled: Transpiled) -> object:  # noqa: N802
    from braket.emulation.passes.circuit_passes import RemoveVerbatimTransformation

    return RemoveVerbatimTransformation().transform(transpiled.circuit)


def test_a_ring_of_four_is_put_on_a_square() -> None:
    """No swap is needed, and each ring gate is one native gate."""
    gates: list[Operator] = [qp.CNOT([i, (i + 1) % 4]) for i in range(4)]
    for name in ("iqm_garnet", "iqm_emerald", "rigetti_cepheus"):
        transpiled = transpile(QuantumScript([qp.RY(0.4, i) for i in range(4)] + gates), machine(name))
        assert transpiled.two_qubit_gates == 4


@pytest.mark.parametrize("n_qubits", [2, 3, 4])
def test_the_best_line_is_found(n_qubits: int) -> None:
    """Against all lines there are on Garnet, tried one by one."""
    where = machine("iqm_garnet")
    pairs = tuple(((i, i + 1), 2) for i in range(n_qubits - 1))

    def quality(line: tuple[int, ...]) -> float:
        alone = math.prod(where.one_qubit_fidelity[q] * where.readout_fidelity[q] for q in line)
        return alone * math.prod((where.fidelity(a, b) or 0) ** 2 for a, b in itertools.pairwise(line))

    lines: list[tuple[int, ...]] = [(q,) for q in where.qubits]
    for _ in range(n_qubits - 1):
        lines = [
            (*line, q)
            for line in lines
            for q in where.qubits
            if q not in line and where.fidelity(line[-1], q)
        ]
    assert quality(place(where, n_qubits, pairs)) == pytest.approx(max(map(quality, lines)), rel=1e-4)


def test_a_broken_pair_is_avoided() -> None:
    """A machine of five qubits in a line whose middle pair is as good as random."""
    where = line(
        ("prx", "cz"), 5, two_qubit_fidelity={(0, 1): 0.99, (1, 2): 0.25, (2, 3): 0.98, (3, 4): 0.97}
    )
    assert place(where, 2, (((0, 1), 1),)) in ((0, 1), (1, 0))
    assert set(place(where, 3, (((0, 1), 1), ((1, 2), 1)))) == {2, 3, 4}


def test_where_and_what_it_costs() -> None:
    """By hand: RY on |0⟩ is one pulse, CNOT two pulses on the target around a cz, of which the first merges."""
    where = line(("prx", "cz"), 2)
    transpiled = transpile(QuantumScript([qp.RY(0.3, 0), qp.CNOT([0, 1])]), where)
    assert [gate.name for gate in transpiled.gates] == ["prx", "prx", "cz", "prx"]
    assert (transpiled.depth, transpiled.two_qubit_gates) == (3, 1)
    assert transpiled.estimated_fidelity == pytest.approx(0.999**3 * 0.99 * 0.98**2)
    assert sorted(transpiled.layout) == [0, 1]


def test_z_rotations_cost_nothing() -> None:
    rotated = [
        qp.RX(0.3, 0),
        qp.RZ(0.7, 0),
        qp.CZ([0, 1]),
        qp.RZ(0.2, 0),
        qp.RX(0.4, 0),
        qp.RZ(1.0, 0),
        qp.T(1),
    ]
    assert [gate.name for gate in transpile(QuantumScript(rotated), line(("prx", "cz"), 2)).gates] == [
        "prx",
        "cz",
        "prx",
    ]
    names = [gate.name for gate in transpile(QuantumScript(rotated), line(("gpi", "gpi2", "zz"), 2)).gates]
    assert names == ["gpi2", "gpi2", "zz", "gpi2", "gpi2"]


def test_gates_that_undo_each_other_go() -> None:
    gates: list[Operator] = [qp.RX(0.3, 0), qp.CZ([0, 1]), qp.RZ(0.4, 1), qp.CZ([1, 0]), qp.RX(0.2, 1)]
    assert transpile(QuantumScript(gates), line(("prx", "cz"), 2)).two_qubit_gates == 0
    gates.insert(2, qp.RX(0.1, 1))
    assert transpile(QuantumScript(gates), line(("prx", "cz"), 2)).two_qubit_gates == 2


def test_a_swap_is_a_change_of_names() -> None:
    transpiled = transpile(QuantumScript([qp.X(0), qp.SWAP([0, 1])]), line(("prx", "cz"), 2))
    assert [gate.name for gate in transpiled.gates] == ["prx"]
    assert transpiled.measured == transpiled.layout[::-1]


def test_rotations_by_ions_take_one_gate() -> None:
    where = machine("ionq_forte_enterprise")
    for gate in (qp.IsingXX(0.3, [0, 1]), qp.IsingYY(-2.0, [0, 1]), qp.ControlledPhaseShift(2.9, [0, 1])):
        assert transpile(QuantumScript([qp.H(0), qp.H(1), gate]), where).two_qubit_gates == 1


@pytest.mark.parametrize("angle", [0.0, math.pi, -math.pi, math.pi / 2, 2 * math.pi])
def test_angles_that_are_nothing_special_to_a_float(angle: float) -> None:
    """RY and RX by multiples of π/2 take one pulse at most on every machine."""
    for native in (("prx", "cz"), ("rx", "rz", "cz"), ("gpi", "gpi2", "zz")):
        for kind in (qp.RX, qp.RY):
            gates = transpile(QuantumScript([kind(angle, 0)]), line(native, 2), 1).gates
            assert len([gate for gate in gates if not gate.virtual]) == (
                0 if angle % (2 * math.pi) == 0 else 1
            )


@settings(max_examples=100, deadline=None)
@given(st.tuples(*[st.floats(-10, 10) | st.sampled_from([0.0, math.pi, math.pi / 2])] * 3))
def test_zxz(angles: tuple[float, float, float]) -> None:
    a, t, b = angles
    matrix = rz(a) @ rx(t) @ rz(b) * np.exp(0.3j)
    c, u, d = zxz(matrix)
    again = rz(c) @ rx(u) @ rz(d)
    assert 0 <= u <= math.pi
    assert abs(np.trace(again.conj().T @ matrix)) == pytest.approx(2, abs=1e-10)


def test_layouts_do_not_depend_on_angles() -> None:
    def layout(angle: float) -> tuple[int, ...]:
        return transpile(
            QuantumScript([qp.RY(angle, 0), qp.CRX(angle, [0, 2]), qp.CNOT([2, 1])]), machine("iqm_garnet")
        ).layout

    assert layout(0.0) == layout(1.3) == layout(math.pi)


@pytest.mark.parametrize(
    ("tape", "where", "message"),
    [
        (QuantumScript([qp.X(4)]), line(("prx", "cz"), 3), "has 5 qubits, but Line has 3"),
        (QuantumScript([qp.RX(np.array([0.1, 0.2]), 0)]), line(("prx", "cz"), 3), "RX has a batch of 2"),
        (QuantumScript([qp.X(0)]), line(("prx", "iswap"), 3), "native cz, zz or ms, but Line has prx, iswap"),
        (QuantumScript([qp.X(0)]), line(("ry", "cz"), 3), "has ry, cz"),
        (QuantumScript([qp.BitFlip(0.1, 0)]), line(("prx", "cz"), 3), "cannot be transpiled"),
        (
            QuantumScript([qp.CZ([0, 1])]),
            line(("prx", "cz"), 2, two_qubit_fidelity={}),
            "Line has no 2 qubits that are connected",
        ),
    ],
)
def test_what_it_refuses(tape: QuantumScript, where: Machine, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        transpile(tape, where)


def test_the_writer_keeps_what_it_wrote() -> None:
    writer = Writer(line(("prx", "cz"), 2))
    writer.one(0, rx(0.3))
    assert writer.finish([0]) == [NativeGate("prx", (0,), (0.3, 0.0))]
