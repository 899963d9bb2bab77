"""Emulated machines: the SDK's noise, exactly, and only if it is there."""

from __future__ import annotations

import functools
import itertools
import math
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qp
import pytest
import torch
from hypothesis import given, settings
from pennylane.exceptions import DeviceError
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers import QuantumLayer
from qlayers.backends.emulated import Emulated
from qlayers.errors import ConfigurationError
from tests.qlayers.braket.random_circuits import operations
from tests.qlayers.machines.documents import line_of_three, saved, three_ions

pytest.importorskip("braket.emulation", reason="needs the extra braket")

from qlayers.machines.emulation import Emulation, EmulationError, local_emulator
from qlayers.machines.machine import Machine, available, machine
from qlayers.machines.transpile import Transpiled

EMULATIONS = {name: Emulation(machine(name)) for name in available()}


@functools.cache
def whole(where: Machine) -> Any:
    return local_emulator(where)


def by_the_sdk(where: Machine, transpiled: Transpiled) -> np.ndarray:
    """The probabilities that the SDK's emulator of the whole machine draws its samples from: its noisy circuit on its
    own density-matrix simulator."""
    from braket.circuits import Circuit, Noise
    from braket.devices import LocalSimulator
    from braket.emulation.passes.circuit_passes import RemoveVerbatimTransformation

    noisy = RemoveVerbatimTransformation().transform(whole(where).transform(transpiled.circuit))
    instructions = [i for i in noisy.instructions if i.operator.name != "Measure"]
    assert sum(isinstance(i.operator, Noise) for i in instructions) >= len(transpiled.measured)
    # In sorted order: the simulator (1.41) puts three qubits or more that are asked for in another into a wrong one.
    order = sorted(transpiled.measured)
    circuit = Circuit(instructions).probability(target=order)  # every qubit has its readout noise at least
    found = np.asarray(LocalSimulator("braket_dm").run(circuit, shots=0).result().values[0])
    axes = [order.index(q) for q in transpiled.measured]
    return found.reshape((2,) * len(order)).transpose(axes).reshape(-1)


def test_the_order_of_the_comparison() -> None:
    """Against samples of the SDK's emulator, with no circuit of ours between."""
    where = machine("iqm_emerald")
    gates = [
        qp.RX(0.3, 0),
        qp.CNOT([0, 1]),
        qp.CZ([1, 2]),
        qp.Toffoli([0, 1, 2]),
        qp.RX(0.8, 2),
        qp.RY(1.1, 1),
    ]
    transpiled = EMULATIONS["iqm_emerald"].transpile(QuantumScript(gates), 3)
    shots = 20_000
    result = whole(where).run(transpiled.circuit, shots=shots).result()
    assert tuple(result.measured_qubits) == transpiled.measured
    found = np.bincount(result.measurements @ [4, 2, 1], minlength=8) / shots
    wanted = by_the_sdk(where, transpiled)
    assert np.all(np.abs(found - wanted) < 6 * np.sqrt(wanted * (1 - wanted) / shots))


@pytest.mark.parametrize("name", available())
@settings(max_examples=4, deadline=None)
@given(gates=operations(3, longest=8))
def test_probabilities_are_those_of_the_sdk(name: str, gates: list[Operator]) -> None:
    emulation = EMULATIONS[name]
    transpiled = emulation.transpile(QuantumScript(gates), 3)
    found = emulation.probabilities(transpiled)
    assert found == pytest.approx(by_the_sdk(machine(name), transpiled), abs=1e-9)
    assert found.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", available())
def test_a_circuit_without_gates(name: str) -> None:
    """Readout errs all the same."""
    emulation = EMULATIONS[name]
    transpiled = emulation.transpile(QuantumScript([qp.SWAP([0, 1])]), 2)
    assert transpiled.gates == ()
    first, second = (machine(name).readout_fidelity[qubit] for qubit in transpiled.measured)
    found = emulation.probabilities(transpiled)
    assert found == pytest.approx(
        [first * second, first * (1 - second), (1 - first) * second, (1 - first) * (1 - second)]
    )


def test_angles_are_not_remembered() -> None:
    """The noise of a circuit is, for others with the same gates."""
    emulation = Emulation(machine("iqm_garnet"))
    for angle in (0.3, 1.2, 2.5):
        gates = [qp.RX(angle, 0), qp.CNOT([0, 1]), qp.RY(2 * angle, 1), qp.CZ([1, 2]), qp.RX(angle / 2, 2)]
        transpiled = emulation.transpile(QuantumScript(gates), 3)
        wanted = by_the_sdk(emulation.machine, transpiled)
        assert emulation.probabilities(transpiled) == pytest.approx(wanted, abs=1e-9)
    assert len(emulation._programs) == 2  # one of them tries the qubits out


@pytest.mark.parametrize("name", available())
def test_a_rotation_by_hand(name: str) -> None:
    """⟨Z⟩ after RX(π): one pulse, its depolarizing noise, and the readout's flips.

    With p = 3(1 - f)/2 the noise takes ⟨Z⟩ times 1 - 4p/3 = 2f - 1.
    """
    emulation, where = EMULATIONS[name], machine(name)
    transpiled = emulation.transpile(QuantumScript([qp.X(0)]), 1)
    (qubit,) = transpiled.measured
    one = emulation.probabilities(transpiled)
    p = 3 * (1 - where.one_qubit_fidelity[qubit]) / 2
    assert one[0] - one[1] == pytest.approx(
        -(1 - 4 * p / 3) * (2 * where.readout_fidelity[qubit] - 1), abs=1e-12
    )


def test_the_order_of_bits() -> None:
    emulation = EMULATIONS["rigetti_cepheus"]
    for bits in itertools.product([0, 1], repeat=3):
        gates: list[Operator] = [qp.X(i) for i in range(3) if bits[i]]
        gates += [qp.CNOT([0, 1]), qp.CNOT([0, 1]), qp.CZ([2, 1])]
        found = emulation.probabilities(emulation.transpile(QuantumScript(gates), 3))
        assert np.argmax(found) == bits[0] * 4 + bits[1] * 2 + bits[2]


@pytest.mark.parametrize("document", [line_of_three(), three_ions()], ids=["line", "ions"])
def test_documents_of_ones_own(document: dict[str, Any], tmp_path: Path) -> None:
    """Another native gate, and qubits that are not numbered from 0."""
    where = Machine.from_capabilities(saved(document, tmp_path))
    emulation = Emulation(where)
    gates = [qp.RY(0.4, 0), qp.CNOT([0, 2]), qp.CRX(0.7, [1, 0]), qp.CNOT([1, 2])]
    transpiled = emulation.transpile(QuantumScript(gates), 3)
    assert emulation.probabilities(transpiled) == pytest.approx(by_the_sdk(where, transpiled), abs=1e-9)


@pytest.mark.parametrize("name", ["iqm_garnet", "ionq_forte_enterprise"])
@pytest.mark.parametrize("kind", ["Depolarizing", "TwoQubitDepolarizing", "BitFlip"])
def test_noise_that_is_not_there_is_an_error(name: str, kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of the three noises taken out of the SDK's model."""
    from braket.circuits.noise_model import NoiseModel

    add = NoiseModel.add_noise

    def add_noise(self: Any, noise: Any, criteria: Any) -> Any:
        return self if type(noise).__name__ == kind else add(self, noise, criteria)

    Emulated(machine=name).device(2, torch.float64)
    monkeypatch.setattr(NoiseModel, "add_noise", add_noise)

    def run() -> None:
        made = Emulated(machine=name).device(2, torch.float64)
        qp.execute([QuantumScript([qp.CNOT([0, 1])], [qp.probs()], shots=100)], made, diff_method=None)

    with pytest.raises(EmulationError, match=r"does not have its noise: on qubit \d+ a circuit gives ⟨Z⟩ = "):
        run()


def test_samples_have_the_probabilities() -> None:
    """Within six standard errors, and the same again with the same seed."""
    gates, shots = [qp.RY(0.8, 0), qp.CNOT([0, 1]), qp.RX(0.4, 1)], 20_000

    def run(seed: int) -> np.ndarray:
        device = Emulated(machine="iqm_garnet", shots=shots, seed=seed).device(2, torch.float64)
        return qp.execute([QuantumScript(gates, [qp.probs()], shots=shots)], device, diff_method=None)[0]

    emulation = EMULATIONS["iqm_garnet"]
    wanted = emulation.probabilities(emulation.transpile(QuantumScript(gates), 2))
    assert np.all(np.abs(run(1) - wanted) < 6 * np.sqrt(wanted * (1 - wanted) / shots))
    assert np.array_equal(run(1), run(1))
    assert not np.array_equal(run(1), run(2))


def test_nothing_of_others_randomness_is_used() -> None:
    before = np.random.get_state()[1].copy()
    device = Emulated(shots=10, seed=3).device(1, torch.float64)
    qp.execute([QuantumScript([qp.X(0)], [qp.probs()], shots=10)], device, diff_method=None)
    assert np.array_equal(before, np.random.get_state()[1])
    torch.manual_seed(5)
    drawn = torch.rand(1)
    torch.manual_seed(5)
    qp.execute([QuantumScript([qp.X(0)], [qp.probs()], shots=10)], device, diff_method=None)
    assert torch.equal(torch.rand(1), drawn)


def test_a_layer_and_its_gradients() -> None:
    """One weight: d⟨Z⟩/dx is the exact one times what noise leaves of it."""
    torch.manual_seed(0)
    shots = 4000
    layer = QuantumLayer(
        n_qubits=1,
        n_features=1,
        ansatz="basic_entangler",
        backend=Emulated(shots=shots, seed=0),
        precision="float64",
    )
    inputs = torch.tensor([[0.4], [1.1]], dtype=torch.float64, requires_grad=True)
    layer(inputs).sum().backward()
    exact = layer.on("default_qubit")
    again = inputs.detach().clone().requires_grad_()
    exact(again).sum().backward()
    assert inputs.grad is not None and again.grad is not None
    # The shift rule's error is at most 1/√(2 shots), and the noise takes at most a tenth.
    assert (inputs.grad - again.grad).abs().max() < 6 / math.sqrt(2 * shots) + 0.1 * again.grad.abs().max()
    assert layer.execution.device == "qlayers.emulated"
    assert layer.execution.executions == 2


def test_devices_are_pickled_without_what_they_have_found() -> None:
    emulation = Emulation(machine("iqm_garnet"))
    transpiled = emulation.transpile(QuantumScript([qp.X(0)]), 1)
    wanted = emulation.probabilities(transpiled)
    assert np.array_equal(pickle.loads(pickle.dumps(emulation)).probabilities(transpiled), wanted)


@pytest.mark.parametrize(
    ("backend", "n_qubits", "message"),
    [
        (Emulated(machine="nowhere.json"), 2, "The capabilities document nowhere.json cannot be read"),
        (Emulated(machine="iqm_garnet"), 21, "has 21 qubits, but IQM Garnet has 20"),
        (Emulated(machine="iqm_garnet"), 20, "needs 16,384 GiB for one density matrix"),
        (Emulated(machine="iqm_garnet", shots=20_001), 2, "a task on IQM Garnet has from 1 to 20000 shots"),
        (Emulated(machine="ionq_forte_enterprise", shots=99), 2, "has from 100 to 5000 shots"),
    ],
)
def test_what_it_refuses(backend: Emulated, n_qubits: int, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        QuantumLayer(n_qubits=n_qubits, backend=backend)


@pytest.mark.parametrize(
    ("machine", "message"),
    [
        ("iqm_ruby", "machine='iqm_ruby' is unknown. Available: ionq_forte_enterprise, iqm_em"),
        ("iqm_garnett", "is unknown. Did you mean 'iqm_garnet'? Available: ionq_forte_enterprise, iqm_em"),
        ("rigetti_ankaa_3", "is retired"),
        (
            None,
            "machine must be a name or the path of a device-capabilities document, but got None. Available: ",
        ),
    ],
)
def test_a_machine_that_there_is_not_is_refused_at_once(machine: Any, message: str) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(message)):
        Emulated(machine=machine)


def test_shots_of_a_circuit_are_in_range_too() -> None:
    device = Emulated(machine="rigetti_cepheus").device(1, torch.float64)
    with pytest.raises(ConfigurationError, match="from 10 to 50000"):
        qp.execute([QuantumScript([qp.X(0)], [qp.probs()], shots=9)], device, diff_method=None)
    with pytest.raises(DeviceError, match="has no shots"):
        qp.execute([QuantumScript([qp.X(0)], [qp.probs()])], device, diff_method=None)


def test_an_offline_machine(tmp_path: Path) -> None:
    path = tmp_path / "two.yaml"
    path.write_text(
        "name: Two\nprovider: nobody\nstatus: OFFLINE\nnative_gates: [prx, cz]\nshots_range: [1, 10]\n"
        "qubits: {0: [0.9, 0.9, 1.0, 1.0], 1: [0.9, 0.9, 1.0, 1.0]}\npairs: {0-1: 0.9}\n"
    )
    with pytest.raises(
        ConfigurationError, match=r"Two is offline as of an unknown day\. Choose another machine: ionq"
    ):
        Emulated(machine=str(path), shots=5).device(2, torch.float64)
