"""A tape and the Braket circuit made of it do the same, judged by Braket's own simulator."""

from __future__ import annotations

import re

import numpy as np
import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.braket.circuits import GATES, gates_of, measured, to_braket
from qlayers.errors import ConfigurationError
from tests.qlayers.braket.random_circuits import WIDTH, gate, operations

pytest.importorskip("braket.circuits", reason="needs the extra braket")


def state_of(tape: QuantumScript, n_qubits: int) -> np.ndarray:
    tape = QuantumScript(tape.operations, [qp.state()])
    return np.asarray(qp.execute([tape], qp.device("default.qubit", wires=n_qubits), diff_method=None)[0])


def braket_state(tape: QuantumScript, n_qubits: int) -> np.ndarray:
    from braket.circuits import Circuit
    from braket.devices import LocalSimulator

    # The identities make the circuit as wide as the tape's device, and are the test's.
    circuit = Circuit().i(range(n_qubits)).add_circuit(to_braket(tape, n_qubits)).state_vector()
    return np.asarray(LocalSimulator("braket_sv").run(circuit, shots=0).result().values[0])


def assert_same_up_to_phase(first: np.ndarray, second: np.ndarray) -> None:
    assert abs(np.vdot(first, second)) == pytest.approx(1, abs=1e-10)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 4).flatmap(lambda n: st.tuples(st.just(n), operations(n))))
def test_random_circuits(drawn: tuple[int, list[Operator]]) -> None:
    n_qubits, gates = drawn
    tape = QuantumScript(gates)
    assert_same_up_to_phase(state_of(tape, n_qubits), braket_state(tape, n_qubits))


@pytest.mark.parametrize("name", sorted(GATES.values()))
def test_every_gate_has_the_same_matrix(name: str) -> None:
    """On wires out of order: a gate of several qubits acts on the first of its wires first."""
    wires = [2, 0, 1][: WIDTH.get(name, 1)]
    applied = gate(name, wires, 0.7)
    generic = [
        kind(0.3 + i + angle, wires=i) for i in range(3) for kind, angle in [(qp.RX, 0.4), (qp.RZ, 0.9)]
    ]
    tape = QuantumScript([*generic, qp.CNOT([0, 1]), qp.CNOT([1, 2]), applied])
    assert_same_up_to_phase(state_of(tape, 3), braket_state(tape, 3))


def test_the_phases_compared_are_not_all_there_is() -> None:
    """The comparison above can fail."""
    tape, other = QuantumScript([qp.RX(0.5, 0)]), QuantumScript([qp.RX(-0.5, 0)])
    with pytest.raises(AssertionError):
        assert_same_up_to_phase(state_of(tape, 1), braket_state(other, 1))


def test_parameters_may_be_tensors() -> None:
    angle = torch.tensor(0.4, dtype=torch.float64, requires_grad=True)
    circuit = to_braket(QuantumScript([qp.RX(angle, 0), qp.RY(np.float32(0.25), 0)]), 1)
    assert [type(instruction.operator.angle) for instruction in circuit.instructions] == [float, float]
    assert circuit.instructions[0].operator.angle == pytest.approx(0.4)


def test_noise_channels_are_translated() -> None:
    circuit = to_braket(QuantumScript([qp.X(0), qp.BitFlip(0.2, 0), qp.AmplitudeDamping(0.3, 1)]), 2)
    assert [instruction.operator.name for instruction in circuit.instructions] == [
        "X",
        "BitFlip",
        "AmplitudeDamping",
    ]


def test_what_has_no_effect_is_left_out() -> None:
    tape = QuantumScript([qp.GlobalPhase(0.3), qp.Identity(0), qp.Barrier([0, 1]), qp.X(1)])
    assert [str(i.operator.name) for i in to_braket(tape, 2).instructions] == ["X"]


def test_measured_has_every_qubit_in_order() -> None:
    from braket.devices import LocalSimulator

    circuit = measured(QuantumScript([qp.X(2), qp.CNOT([2, 0])]), 4)
    result = LocalSimulator("braket_sv").run(circuit, shots=3).result()
    assert result.measurements.tolist() == [[1, 0, 1, 0]] * 3


@pytest.mark.parametrize(
    ("tape", "message"),
    [
        (QuantumScript([qp.X(3)]), "wires [3], but the circuit has the wires 0 … 1"),
        (QuantumScript([qp.X("a")]), "wires ['a'], but"),
        (QuantumScript([qp.RX(np.array([0.1, 0.2]), 0)]), "RX has a batch of 2"),
        (QuantumScript([qp.Rot(0.1, 0.2, 0.3, 0)]), "Braket has no gate Rot"),
    ],
)
def test_what_it_refuses(tape: QuantumScript, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        to_braket(tape, 2)


def test_gates_of_a_device() -> None:
    assert gates_of(["cnot", "measure_ff", "rz", "barrier", "cc_prx"]) == {"CNOT", "RZ"}
