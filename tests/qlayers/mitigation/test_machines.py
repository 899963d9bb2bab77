"""Mitigation where circuits are compiled for a machine: the fold stays, and readout is calibrated where it is read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.backends import Backend
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated
from qlayers.mitigation.zero_noise_extrapolation import ZeroNoiseExtrapolation, fold

pytest.importorskip("braket.circuits", reason="needs the extra braket")

from qlayers.backends import PaidBackend
from qlayers.backends.braket_dm1 import BraketDm1
from qlayers.backends.braket_qpu import BraketQpu
from qlayers.backends.braket_sv1 import BraketSv1
from qlayers.backends.emulated import Emulated
from qlayers.machines.emulation import Emulation
from qlayers.machines.machine import machine
from qlayers.machines.transpile import transpile

SHOTS = 20_000
BOTH = ["readout_inversion", "zero_noise_extrapolation"]


def entangled(n_qubits: int, layers: int) -> None:
    """The state (|0…0⟩ + |1…1⟩)/√2, of which ⟨ZZ⟩ is 1, made and unmade ``layers`` times and made again."""
    for layer in range(2 * layers + 1):
        if layer % 2 == 0:
            qp.H(0)
        for wire in range(n_qubits - 1) if layer % 2 == 0 else reversed(range(n_qubits - 1)):
            qp.CNOT([wire, wire + 1])
        if layer % 2:
            qp.H(0)
        qp.Barrier(range(n_qubits))


def value(backend: Backend, circuit: Callable[[], Any], n_qubits: int = 4) -> float:
    device = backend.device(n_qubits, torch.float64)
    return float(qp.set_shots(qp.QNode(circuit, device), SHOTS)())


def ghz() -> Any:
    entangled(4, 3)
    return qp.expval(qp.Z(1) @ qp.Z(2))


def test_the_machine_runs_three_and_five_times_the_gates(monkeypatch: pytest.MonkeyPatch) -> None:
    run: list[int] = []
    original = Emulation.probabilities

    def counting(self: Emulation, transpiled: Any) -> np.ndarray:
        run.append(transpiled.two_qubit_gates)
        return original(self, transpiled)

    monkeypatch.setattr(Emulation, "probabilities", counting)
    value(Emulated(mitigation="zero_noise_extrapolation", shots=SHOTS, seed=0), ghz)
    assert run == [21, 63, 105]


def test_corrected_values_are_closer_to_the_noiseless_one() -> None:
    """One standard error of Richardson's value is 2.3/√20000 at most, 0.016; that of a raw one 0.007."""
    errors = {
        name: abs(value(Emulated(mitigation=wanted, shots=SHOTS, seed=0), ghz) - 1)
        for name, wanted in {"raw": None, "readout": BOTH[0], "noise": BOTH[1], "both": BOTH}.items()
    }
    assert errors["raw"] > 0.06
    assert errors["readout"] < errors["raw"] - 0.02
    assert errors["noise"] < errors["raw"] - 0.02
    assert errors["both"] < 3 * ZeroNoiseExtrapolation().error_inflation() / SHOTS**0.5


def test_readout_is_calibrated_where_the_circuit_is_read() -> None:
    """One gate on two qubits of Garnet leaves little but readout's error, which is another on every qubit."""

    def circuit() -> Any:
        qp.X(0)
        qp.CNOT([0, 1])
        return qp.expval(qp.Z(0) @ qp.Z(1))

    raw, corrected = (
        value(Emulated(mitigation=wanted, shots=SHOTS, seed=0), circuit, 2)
        for wanted in (None, "readout_inversion")
    )
    gates = 1 - 4 * (1 - max(machine("iqm_garnet").two_qubit_fidelity.values())) / 3
    assert raw < 0.98
    assert corrected == pytest.approx(gates, abs=0.01)


@pytest.mark.parametrize("name", ["iqm_garnet", "rigetti_cepheus", "ionq_forte_enterprise"])
@pytest.mark.parametrize("n_qubits", [2, 3, 5])
@pytest.mark.parametrize("before", [(), (qp.Barrier([0, 1]),), (qp.CNOT([0, 1]), qp.Barrier([0, 1]))])
def test_a_fold_runs_on_the_circuits_qubits(name: str, n_qubits: int, before: tuple[Operator, ...]) -> None:
    """Three qubits in a ring take swaps where a machine is a lattice."""
    angles = np.random.default_rng(n_qubits).uniform(0, 6, (2, n_qubits, 3))
    layers = qp.StronglyEntanglingLayers(angles, wires=range(n_qubits))
    tape = QuantumScript([*before, layers, qp.Barrier([1])], [qp.probs()])
    (tape,), _ = qp.transforms.decompose(tape, gate_set={"RX", "RY", "RZ", "CNOT", "Barrier"})
    one, three, five = (transpile(fold(tape, factor), machine(name), n_qubits) for factor in (1, 3, 5))
    assert (three.two_qubit_gates, five.two_qubit_gates) == (
        3 * one.two_qubit_gates,
        5 * one.two_qubit_gates,
    )
    assert {(each.layout, each.measured) for each in (three, five)} == {(one.layout, one.measured)}


def test_on_a_fake_ibm_machine_barriers_hold_the_fold_and_readout_is_undone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pytest.importorskip("pennylane_qiskit")
    pytest.importorskip("qiskit_ibm_runtime")
    from qiskit_ibm_runtime import EstimatorV2, SamplerV2

    from qlayers.backends.ibm import Ibm

    run: dict[str, list[Any]] = {"Estimator": [], "Sampler": []}
    for name, primitive in (("Estimator", EstimatorV2), ("Sampler", SamplerV2)):

        def recording(
            self: Any, pubs: Any, original: Any = primitive.run, name: str = name, **rest: Any
        ) -> Any:
            run[name] += [pub[0] if isinstance(pub, tuple) else pub for pub in pubs]
            return original(self, pubs, **rest)

        monkeypatch.setattr(primitive, "run", recording)

    def circuit() -> Any:
        qp.X(0)
        qp.CNOT([0, 1])
        return qp.expval(qp.Z(0) @ qp.Z(1))

    errors = {
        name: abs(value(Ibm(mitigation=wanted, seed=0), circuit, 2) - 1)
        for name, wanted in {"raw": None, "noise": BOTH[1], "readout": BOTH[0]}.items()
    }
    counts = [each.count_ops()["cx"] for each in run["Estimator"]]
    assert counts == [1, 1, 3, 5]
    read = {tuple(each.layout.final_index_layout()) for each in run["Sampler"]}
    assert len(run["Sampler"]) == 3
    assert len(read) == 1
    assert errors["readout"] < errors["raw"] / 2
    # Its error is one of readout, which no folding scales; it stays within what shots do.
    assert errors["noise"] < errors["raw"] + 4 * ZeroNoiseExtrapolation().error_inflation() / SHOTS**0.5


@pytest.mark.parametrize(
    ("backend", "said"),
    [
        (BraketQpu, "has no effect on iqm_garnet, where the service compiles"),
        (BraketSv1, "has no effect on sv1, where circuits run without noise"),
        (BraketDm1, "has no effect on dm1"),
    ],
)
def test_extrapolation_is_refused_where_a_fold_does_nothing(
    backend: type[PaidBackend], said: str, tmp_path: Path
) -> None:
    planning = backend(mitigation=BOTH, ledger=str(tmp_path / "ledger.sqlite")).planning()
    with pytest.raises(ConfigurationError, match=said):
        planning.device(2, torch.float64)


def test_the_plugins_device_is_refused_unless_it_is_verbatim() -> None:
    class Sent(type(qp.device("default.qubit"))):  # type: ignore[misc]
        name = "braket.aws.qubit"
        _verbatim = False

    device = Sent(wires=2)
    with pytest.raises(ConfigurationError, match="verbatim=True"):
        mitigated(device, "zero_noise_extrapolation")
    device._verbatim = True
    assert mitigated(device, "zero_noise_extrapolation").name == "zero_noise_extrapolation(braket.aws.qubit)"
