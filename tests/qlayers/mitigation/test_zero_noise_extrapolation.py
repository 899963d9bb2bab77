"""Extrapolation to no noise: closer to the exact value than what was measured, and by the factors it was run at."""

from __future__ import annotations

import functools
from collections.abc import Callable

import numpy as np
import pennylane as qp
import pytest
import torch

from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.mitigation import mitigated
from qlayers.mitigation.zero_noise_extrapolation import ZeroNoiseDevice, ZeroNoiseExtrapolation, fold
from tests.qlayers.mitigation.devices import depolarised

N_CIRCUITS = 10
P = 0.01


def random_circuit(seed: int) -> tuple[int, Callable[[], list[qp.measurements.MeasurementProcess]]]:
    """Two or three qubits, six to nine gates, from a seed."""
    rng = np.random.default_rng(seed)
    n_qubits = int(rng.integers(2, 4))
    angles = rng.uniform(0, 2 * np.pi, (2, n_qubits))
    axes = rng.choice([qp.RX, qp.RY], (2, n_qubits))

    def circuit() -> list[qp.measurements.MeasurementProcess]:
        for layer in range(2):
            for wire in range(n_qubits):
                axes[layer][wire](angles[layer][wire], wires=wire)
            for wire in range(n_qubits - 1):
                qp.CNOT([wire, wire + 1])
        return [qp.expval(qp.Z(wire)) for wire in range(n_qubits)]

    return n_qubits, circuit


def values(device: qp.devices.Device, circuit: Callable[[], object]) -> np.ndarray:
    return np.array(qp.QNode(circuit, device, diff_method=None)())


@functools.cache
def exact_and_raw(seed: int) -> tuple[np.ndarray, np.ndarray]:
    n_qubits, circuit = random_circuit(seed)
    return values(qp.device("default.qubit", wires=n_qubits), circuit), values(
        depolarised(n_qubits, P), circuit
    )


def improvements(mitigation: ZeroNoiseExtrapolation) -> np.ndarray:
    """By how much the mean absolute error of each circuit of the fixed set shrinks."""
    found = []
    for seed in range(N_CIRCUITS):
        n_qubits, circuit = random_circuit(seed)
        exact, raw = exact_and_raw(seed)
        corrected = values(mitigation.wrap(depolarised(n_qubits, P)), circuit)
        found.append(np.abs(raw - exact).mean() - np.abs(corrected - exact).mean())
    return np.array(found)


def interval(sample: np.ndarray) -> tuple[float, float]:
    """Of the mean, at 95 %, by a bootstrap over circuits."""
    rng = np.random.default_rng(0)
    means = sample[rng.integers(len(sample), size=(2000, len(sample)))].mean(axis=1)
    return tuple(np.quantile(means, [0.025, 0.975]))


@pytest.mark.parametrize(
    "mitigation",
    [
        ZeroNoiseExtrapolation(),
        ZeroNoiseExtrapolation((1, 3)),
        ZeroNoiseExtrapolation((1, 3, 5, 7), "polynomial", order=2),
        ZeroNoiseExtrapolation((1, 3, 5), "exponential"),
    ],
    ids=lambda mitigation: f"{mitigation.extrapolation}-{len(mitigation.scale_factors)}",
)
def test_it_recovers_the_noiseless_value_better_than_the_raw_one(mitigation):
    lowest, _ = interval(improvements(mitigation))
    assert lowest > 0


class IgnoresFactors(ZeroNoiseExtrapolation):
    """Wrong: takes the values for those of equal factors, and so their mean."""

    def extrapolate(self, entries):
        return np.mean(entries, axis=0)


class DoesNotFold(ZeroNoiseExtrapolation):
    """Wrong: extrapolates values that were all run at the factor 1."""

    def wrap(self, device):
        class Unfolded(ZeroNoiseDevice):
            def expand(self, tape):
                tapes, finish = super().expand(tape)
                return [tape] * len(tapes), finish

        return Unfolded(device, self)


@pytest.mark.parametrize("wrong", [IgnoresFactors, DoesNotFold])
def test_a_wrong_extrapolation_does_not(wrong):
    lowest, _ = interval(improvements(wrong()))
    assert lowest <= 1e-9


def test_one_gate_has_the_closed_form():
    """RX(x) k times under depolarising noise after each is (1 - 4p/3)^k cos x; Lagrange's weights are by hand."""
    p, x = 0.03, 0.7
    factor = 1 - 4 * p / 3

    def circuit():
        qp.RX(x, wires=0)
        return qp.expval(qp.Z(0))

    measured = [factor**k * np.cos(x) for k in (1, 3, 5)]
    device = depolarised(1, p)
    richardson = (15 * measured[0] - 10 * measured[1] + 3 * measured[2]) / 8
    assert values(ZeroNoiseExtrapolation().wrap(device), circuit) == pytest.approx(richardson, abs=1e-12)
    line = (3 * measured[0] - measured[1]) / 2
    assert values(ZeroNoiseExtrapolation((1, 3)).wrap(device), circuit) == pytest.approx(line, abs=1e-12)
    # An exponential decay is what this noise is, so that nothing is left of it.
    exponential = ZeroNoiseExtrapolation((1, 3, 5), "exponential")
    assert values(exponential.wrap(device), circuit) == pytest.approx(np.cos(x), abs=1e-10)


def test_the_exponential_fit_stands_where_pennylanes_falls():
    exponential = ZeroNoiseExtrapolation((1, 3, 5), "exponential")
    assert exponential.extrapolate([0.5, 0.5, 0.5]) == pytest.approx(0.5)
    assert exponential.extrapolate([0.5, 0.51, 0.5]) == pytest.approx(0.5, abs=0.02)
    # Why PennyLane's is not used: if these fail, it may be.
    assert abs(qp.noise.exponential_extrapolate([1, 3, 5], np.array([0.5, 0.5, 0.5]))) < 1e-5
    assert abs(qp.noise.exponential_extrapolate([1, 3, 5], np.array([0.5, 0.51, 0.51]))) < 1e-5
    shifted = ZeroNoiseExtrapolation((1, 3), "exponential", asymptote=1.0)
    assert shifted.extrapolate([1 - 0.9, 1 - 0.9**3]) == pytest.approx(0.0, abs=1e-12)


def test_values_on_either_side_of_the_asymptote_are_extrapolated_by_a_line_and_said_to_be():
    exponential = ZeroNoiseExtrapolation((1, 3), "exponential")
    with pytest.warns(ExecutionWarning, match="line"):
        found = exponential.extrapolate([np.array([0.01, 0.9]), np.array([-0.01, 0.9**3])])
    assert found == pytest.approx([0.02, 1.0])


def test_the_error_inflation_is_that_of_the_weights():
    assert ZeroNoiseExtrapolation((1, 3)).error_inflation() == pytest.approx(np.sqrt(9 + 1) / 2)
    assert ZeroNoiseExtrapolation().error_inflation() == pytest.approx(np.sqrt(225 + 100 + 9) / 8)
    with pytest.raises(ConfigurationError, match="depends on the values"):
        ZeroNoiseExtrapolation((1, 3), "exponential").error_inflation()


def test_the_spread_under_shots_is_inflated_as_said():
    """An analytic mean of 0: each value's standard error is 1/√shots."""
    shots, repeats = 200, 400
    device = ZeroNoiseExtrapolation((1, 3)).wrap(qp.device("default.qubit", wires=1, seed=3))
    tapes = [qp.tape.QuantumScript([qp.RX(np.pi / 2, 0)], [qp.expval(qp.Z(0))], shots=shots)] * repeats
    spread = np.std(qp.execute(tapes, device, diff_method=None))
    expected = ZeroNoiseExtrapolation((1, 3)).error_inflation() / np.sqrt(shots)
    assert spread == pytest.approx(expected, rel=4 / np.sqrt(2 * repeats))


@pytest.mark.parametrize("factor", [1, 3, 5])
def test_gates_are_multiplied_exactly_and_the_values_stay(factor):
    tape = qp.tape.QuantumScript(
        [
            qp.BasisState([1], wires=[0]),
            qp.Rot(0.1, 0.2, 0.3, 0),
            qp.CRX(0.4, [0, 1]),
            qp.S(0),
            qp.CNOT([0, 1]),
        ],
        [qp.probs(wires=[0, 1])],
    )
    folded = fold(tape, factor)
    kinds = [gate.name for gate in folded.operations]
    assert kinds.count("BasisState") == 1
    assert kinds.count("Barrier") == factor - 1
    assert len(kinds) - kinds.count("BasisState") - kinds.count("Barrier") == 4 * factor
    device = qp.device("default.qubit", wires=2)
    assert qp.execute([folded], device)[0] == pytest.approx(qp.execute([tape], device)[0], abs=1e-12)


class Recorder:
    """Looks at what a device is given to execute."""

    def __init__(self, monkeypatch, device):
        self.batches = []
        original = type(device).execute

        def execute(this, circuits, execution_config=None):
            self.batches.append(circuits)
            return original(this, circuits, execution_config)

        monkeypatch.setattr(type(device), "execute", execute)


@pytest.mark.parametrize("name", ["default.mixed", "default.qubit", "lightning.qubit"])
def test_the_fold_survives_the_devices_own_preprocessing(name, monkeypatch):
    device = qp.device(name, wires=2)
    seen = Recorder(monkeypatch, device)

    def circuit():
        qp.StronglyEntanglingLayers(np.full((1, 2, 3), 0.3), wires=range(2))
        return qp.expval(qp.Z(0))

    values(ZeroNoiseExtrapolation().wrap(device), circuit)
    (batch,) = seen.batches
    counts = [sum(gate.name != "Barrier" for gate in tape.operations) for tape in batch]
    assert counts == [counts[0], 3 * counts[0], 5 * counts[0]]


def test_barriers_keep_an_optimising_transpiler_from_cancelling_the_fold(monkeypatch):
    """Aer's PennyLane device hands its circuits to Qiskit's transpiler, which cancels U† and U where it may."""
    legacy = pytest.importorskip("pennylane_qiskit.qiskit_device_legacy")
    device = qp.device("qiskit.aer", wires=2)
    transpile, sizes = legacy.transpile, []

    def counting(circuits, **options):
        compiled = transpile(circuits, **options)
        sizes.append(compiled.count_ops()["cx"])
        return compiled

    monkeypatch.setattr(legacy, "transpile", counting)
    tape = qp.tape.QuantumScript([qp.RX(0.3, 0), qp.CNOT([0, 1])], [qp.expval(qp.Z(1))], shots=10)
    qp.execute([tape], ZeroNoiseExtrapolation().wrap(device), diff_method=None)
    assert sizes == [1, 3, 5]
    sizes.clear()
    bare = fold(tape, 3)
    bare = bare.copy(operations=[gate for gate in bare.operations if gate.name != "Barrier"])
    qp.execute([bare], device, diff_method=None)
    assert sizes == [1]


def test_a_device_that_would_cancel_the_fold_is_refused():
    """pennylane-qiskit's device for machines fails on a barrier, and cancels unless told to optimise nothing."""

    class Remote(type(qp.device("default.qubit"))):
        name = "qiskit.remote"

    device = Remote(wires=1)
    device._transpile_args = {"optimization_level": 1}
    with pytest.raises(ConfigurationError, match="optimization_level=0"):
        mitigated(device, ["readout_inversion", "zero_noise_extrapolation"])
    device._transpile_args = {"optimization_level": 0}
    wrapped = mitigated(device, ["readout_inversion", "zero_noise_extrapolation"])
    tapes, _ = wrapped.expand(qp.tape.QuantumScript([qp.RX(0.1, 0)], [qp.expval(qp.Z(0))]))
    assert [len(tape.operations) for tape in tapes] == [1, 3, 5]


def test_a_batch_and_all_shifted_circuits_are_mitigated_in_one_call(monkeypatch):
    device = qp.device("default.mixed", wires=2)
    seen = Recorder(monkeypatch, device)
    noiseless = mitigated(device, "zero_noise_extrapolation")
    x = torch.tensor([0.3, 0.8], dtype=torch.float64, requires_grad=True)

    def circuit(x):
        qp.RX(x[0], wires=0)
        qp.CNOT([0, 1])
        qp.RY(x[1], wires=1)
        return qp.expval(qp.Z(1))

    node = qp.QNode(circuit, noiseless, diff_method="parameter-shift", interface="torch")
    with qp.Tracker(noiseless) as tracker:
        value = node(x)
        value.backward()
    assert [len(batch) for batch in seen.batches] == [3, 3 * 4]
    assert tracker.totals["executions"] == 15
    # <Z1> = cos x0 cos x1
    expected = [-np.sin(0.3) * np.cos(0.8), -np.cos(0.3) * np.sin(0.8)]
    assert value.item() == pytest.approx(np.cos(0.3) * np.cos(0.8), abs=1e-9)
    assert x.grad.numpy() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("extrapolation", ["richardson", "exponential"])
def test_backpropagation_goes_through(extrapolation):
    """Of (1 - 4p/3)^k cos x, extrapolated by an exponential, what is left is cos x."""
    device = ZeroNoiseExtrapolation((1, 3, 5), extrapolation).wrap(depolarised(1, 0.02))

    def circuit(x):
        qp.RX(x, wires=0)
        return qp.expval(qp.Z(0))

    x = torch.tensor(0.6, dtype=torch.float64, requires_grad=True)
    qp.QNode(circuit, device, diff_method="backprop", interface="torch")(x).backward()
    f = 1 - 4 * 0.02 / 3
    left = 1.0 if extrapolation == "exponential" else (15 * f - 10 * f**3 + 3 * f**5) / 8
    assert x.grad.item() == pytest.approx(-np.sin(0.6) * left, abs=1e-9)


def test_probabilities_are_extrapolated_and_add_up_to_one():
    def circuit():
        qp.RY(0.9, wires=0)
        qp.CNOT([0, 1])
        return qp.probs(wires=[0, 1])

    exact = np.array([np.cos(0.45) ** 2, 0, 0, np.sin(0.45) ** 2])
    raw = values(depolarised(2, 0.01), circuit)
    found = values(ZeroNoiseExtrapolation().wrap(depolarised(2, 0.01)), circuit)
    assert found.shape == (4,)
    assert found.sum() == pytest.approx(1, abs=1e-9)
    assert np.abs(found - exact).sum() < np.abs(raw - exact).sum() / 2


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"scale_factors": (1, 2)}, "odd"),
        ({"scale_factors": (-1, 1)}, "odd"),
        ({"scale_factors": (1.0, 3.0)}, "odd"),
        ({"scale_factors": (1, 1)}, "twice"),
        ({"scale_factors": (3,)}, "at least 2"),
        ({"scale_factors": (1, 3), "extrapolation": "polynomial", "order": 2}, "at least 3"),
        ({"extrapolation": "polynomial"}, "needs one"),
        ({"order": 2}, "no other"),
        ({"extrapolation": "polynomial", "order": 0}, "1 or more"),
        ({"extrapolation": "linear"}, "Available"),
        ({"asymptote": 0.5}, "exponential"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        ZeroNoiseExtrapolation(**settings)


@pytest.mark.parametrize(
    ("gate", "measurement", "settings", "said"),
    [
        (qp.BitFlip(0.1, 0), qp.expval(qp.Z(0)), {}, "BitFlip"),
        (qp.RX(0.1, 0), qp.var(qp.Z(0)), {}, "var"),
        (qp.RX(0.1, 0), qp.probs(wires=0), {"extrapolation": "exponential"}, "exponential"),
    ],
)
def test_circuits_that_cannot_be_extrapolated_are_refused(gate, measurement, settings, said):
    device = ZeroNoiseExtrapolation(**settings).wrap(qp.device("default.mixed", wires=1))
    with pytest.raises(ConfigurationError, match=said):
        qp.execute([qp.tape.QuantumScript([gate], [measurement])], device)
