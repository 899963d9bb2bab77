"""Values worked out from bit strings that default.qubit draws, against default.qubit's exact ones."""

from __future__ import annotations

import math
import re
from typing import Any

import numpy as np
import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pennylane.exceptions import DeviceError
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers import QuantumLayer
from qlayers.braket.circuits import gates_of
from qlayers.braket.sampled_device import SampledDevice
from tests.qlayers.braket.random_circuits import operations

SHOTS = 20_000


class Drawn(SampledDevice):
    """Draws from default.qubit, which knows nothing of how bit strings become values."""

    name = "drawn"

    def __init__(self, wires: Any, shots: Any = None, seed: int = 0) -> None:
        super().__init__(wires, shots)
        self.simulator = qp.device("default.qubit", wires=len(self.wires), seed=seed)
        self.calls: list[list[QuantumScript]] = []

    def bitstrings(self, circuits: list[QuantumScript]) -> list[np.ndarray]:
        self.calls.append(circuits)
        wires = range(len(self.wires))
        found = []
        for circuit in circuits:
            assert {operation.name for operation in circuit.operations} <= self.gates | {
                "GlobalPhase",
                "Identity",
            }
            assert set(circuit.wires) <= set(wires)
            sampled = QuantumScript(
                circuit.operations, [qp.sample(wires=wires)], shots=circuit.shots.total_shots
            )
            found.append(np.asarray(self.simulator.execute(sampled)).reshape(-1, len(wires)))
        return found


def exact(gates: list[Operator], measurements: list[Any], wires: Any) -> Any:
    tape = QuantumScript(gates, measurements)
    return qp.execute([tape], qp.device("default.qubit", wires=wires), diff_method=None)[0]


def sampled(device: SampledDevice, gates: list[Operator], measurements: list[Any], shots: Any = SHOTS) -> Any:
    return qp.execute([QuantumScript(gates, measurements, shots=shots)], device, diff_method=None)[0]


LETTERS = {"X": qp.X, "Y": qp.Y, "Z": qp.Z}


@st.composite
def words(draw: st.DrawFn, n_qubits: int) -> Operator:
    letters = draw(
        st.lists(st.sampled_from("IXYZ"), min_size=n_qubits, max_size=n_qubits).filter(
            lambda w: set(w) != {"I"}
        )
    )
    wires = draw(st.permutations(range(n_qubits)))
    factors = [LETTERS[letter](wire) for letter, wire in zip(letters, wires, strict=True) if letter != "I"]
    return factors[0] if len(factors) == 1 else qp.prod(*factors)


@settings(max_examples=25, deadline=None)
@given(st.data())
def test_pauli_words_and_sums(data: st.DataObject) -> None:
    """Within six standard errors; the error of a mean of ±1 over n shots is at most 1/√n."""
    gates = data.draw(operations(3))
    first, second, third = (data.draw(words(3)) for _ in range(3))
    together = qp.dot([0.5, -1.5, 2.0], [first, second, third])
    measurements = [qp.expval(first), qp.expval(together), qp.var(second), qp.probs(wires=[2, 0])]
    found = sampled(Drawn(3), gates, measurements)
    wanted = exact(gates, measurements, 3)
    error = 6 / math.sqrt(SHOTS)
    assert abs(found[0] - wanted[0]) < error
    assert abs(found[1] - wanted[1]) < 4 * error
    assert abs(found[2] - wanted[2]) < 2 * error  # var = 1 - mean², whose slope is at most 2
    assert np.abs(found[3] - wanted[3]).max() < error / 2
    assert found[3].shape == (4,)


def test_samples_and_counts() -> None:
    gates = [qp.X(1), qp.CNOT([1, 2])]
    measurements = [qp.sample(wires=[2, 0]), qp.counts(), qp.sample(qp.Z(1)), qp.counts(qp.Z(0) @ qp.Z(1))]
    bits, counts, values, products = sampled(Drawn(3), gates, measurements, shots=5)
    assert np.asarray(bits).tolist() == [[1, 0]] * 5
    assert counts == {"011": 5}
    assert np.asarray(values).tolist() == [-1.0] * 5
    assert {float(value): int(count) for value, count in products.items()} == {-1.0: 5}


def test_wire_labels_and_partitioned_shots() -> None:
    device = Drawn(["b", "a"])
    found = sampled(device, [qp.X("a")], [qp.expval(qp.Z("a")), qp.probs()], shots=[10, 20, 20])
    assert [float(part[0]) for part in found] == [-1, -1, -1]
    assert found[0][1].tolist() == [0, 1, 0, 0]  # the wires in the device's order: b is the first bit
    assert [circuit.shots.total_shots for call in device.calls for circuit in call] == [50]


def test_what_commutes_is_measured_together() -> None:
    device = Drawn(2)
    measurements = [qp.expval(qp.Z(0)), qp.expval(qp.X(1)), qp.expval(qp.Z(0) @ qp.X(1)), qp.expval(qp.Y(0))]
    sampled(device, [qp.Hadamard(0)], measurements, shots=10)
    assert [len(call) for call in device.calls] == [2]


def test_gates_are_taken_apart_to_those_of_the_device() -> None:
    """The rotation into the basis of a measurement is a gate like others."""

    class Few(Drawn):
        gates = gates_of(
            ["x", "h", "s", "si", "t", "ti", "v", "vi", "rx", "ry", "rz", "cnot", "swap", "xx", "yy", "zz"]
        )

    state = qp.StatePrep(np.array([0.5, 0.5, 0.5, -0.5]), wires=[0, 1])
    gates = [state, qp.CRY(0.3, [1, 0]), qp.Toffoli([0, 1, 2]), qp.CZ([0, 2]), qp.PhaseShift(0.2, 1)]
    found = sampled(Few(3), gates, [qp.expval(qp.Hadamard(0)), qp.expval(qp.Y(1))])
    wanted = exact(gates, [qp.expval(qp.Hadamard(0)), qp.expval(qp.Y(1))], 3)
    assert np.abs(np.array(found) - np.array(wanted)).max() < 6 / math.sqrt(SHOTS)


@pytest.mark.parametrize(
    ("measurement", "shots", "message"),
    [
        (lambda: qp.expval(qp.Z(0)), None, "has no shots: say how many with qp.set_shots"),
        (lambda: qp.state(), 10, "cannot work out state"),
        (lambda: qp.expval(qp.Hermitian(np.eye(2), wires=0)), 10, "cannot work out expval(Hermitian"),
        (lambda: qp.var(qp.Z(0) + qp.X(0)), 10, "cannot work out var"),
        (lambda: qp.sample(qp.Z(0) + qp.Z(1)), 10, "cannot work out sample"),
        (lambda: qp.classical_shadow(wires=[0]), 10, "cannot work out"),
        (lambda: qp.expval(qp.Projector([0], wires=0)), 10, "cannot work out expval(Projector"),
    ],
)
def test_what_it_refuses(measurement: Any, shots: int | None, message: str) -> None:
    device = Drawn(2)
    with pytest.raises(DeviceError, match=re.escape(message)):
        sampled(device, [qp.RX(0.4, 0)], [measurement()], shots=shots)
    assert device.calls == []


def test_it_needs_wires() -> None:
    with pytest.raises(DeviceError, match="needs wires"):
        Drawn(None)


def test_gradients_of_a_qnode_are_those_of_shifted_circuits() -> None:
    device = Drawn(2)

    @qp.set_shots(SHOTS)
    @qp.qnode(device, interface="torch", diff_method="parameter-shift")
    def circuit(x: torch.Tensor) -> Any:
        qp.RX(x[0], 0)
        qp.RY(x[1], 1)
        qp.CNOT([0, 1])
        return qp.expval(qp.Z(1)), qp.expval(qp.X(1))

    x = torch.tensor([0.4, 0.9], dtype=torch.float64, requires_grad=True)
    found = torch.autograd.functional.jacobian(lambda x: torch.stack(circuit(x)), x)
    # ⟨Z₁⟩ = cos x₀ cos x₁ and ⟨X₁⟩ = sin x₁
    wanted = torch.tensor(
        [
            [-math.sin(0.4) * math.cos(0.9), -math.cos(0.4) * math.sin(0.9)],
            [0.0, math.cos(0.9)],
        ]
    )
    assert (found - wanted).abs().max() < 6 / math.sqrt(SHOTS)


def test_tracker_counts_what_runs() -> None:
    device = Drawn(2)
    with qp.Tracker(device) as tracker:
        sampled(device, [qp.X(0)], [qp.expval(qp.Z(0)), qp.expval(qp.X(0))], shots=7)
    assert tracker.totals["executions"] == 2 == sum(len(call) for call in device.calls)
    assert tracker.totals["shots"] == 14


def test_a_layer_hands_over_a_batch_at_once() -> None:
    """Forward one call, and one for all shifted circuits of the backward pass."""
    device = Drawn(2)

    def circuit(inputs: torch.Tensor, weights: torch.Tensor) -> Any:
        for i in range(2):
            qp.RY(inputs[..., i], wires=i)
            qp.RX(weights[i], wires=i)
        qp.CNOT([0, 1])
        return [qp.expval(qp.Z(i)) for i in range(2)]

    qnode = qp.set_shots(qp.QNode(circuit, device, interface="torch", diff_method="parameter-shift"), 100)
    layer = QuantumLayer.from_qnode(qnode, {"weights": (2,)}, n_features=2, precision="float64")
    inputs = torch.rand(5, 2, dtype=torch.float64, requires_grad=True)
    device.calls.clear()
    outputs = layer(inputs)
    assert outputs.shape == (5, 2)
    assert [len(call) for call in device.calls] == [5]
    outputs.sum().backward()
    assert [len(call) for call in device.calls] == [5, 5 * 2 * 4]
    assert inputs.grad is not None and inputs.grad.shape == (5, 2)
