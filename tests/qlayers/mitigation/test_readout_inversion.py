"""Readout errors are undone: exactly where values are exact, within the standard error where they are sampled."""

from __future__ import annotations

import copy
import math
import pickle

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from qlayers.mitigation import circuits_needed, mitigated
from qlayers.mitigation.readout_inversion import Calibration, ReadoutInversion
from tests.qlayers.mitigation.devices import misread

INTO_ONE, INTO_ZERO = [0.1, 0.05, 0.2], [0.02, 0.15, 0.3]


def gates() -> list[qp.operation.Operator]:
    return [
        qp.RY(0.4, 0), qp.RX(1.1, 1), qp.RY(2.0, 2), qp.CNOT([0, 1]), qp.CNOT([1, 2]), qp.RX(0.3, 0),
    ]  # fmt: skip


MEASUREMENTS = [
    qp.expval(qp.Z(0)),
    qp.expval(qp.Z(0) @ qp.Z(2)),
    qp.expval(qp.X(1)),
    qp.expval(qp.Y(0) @ qp.X(1) @ qp.Z(2)),
    qp.expval(0.5 * qp.Z(0) - 2 * qp.X(0) @ qp.Z(1) + 3 * qp.Identity(0)),
    qp.var(qp.Z(1)),
    qp.var(2 * qp.Z(0) @ qp.Y(2)),
    qp.expval(qp.Y(2)),
    qp.probs(op=qp.X(1)),
    qp.probs(wires=[2, 0]),
    qp.probs(),
]


@pytest.mark.parametrize("measurement", MEASUREMENTS, ids=str)
def test_exact_values_come_out_exactly(measurement):
    tape = QuantumScript(gates(), [measurement])
    exact = qp.execute([tape], qp.device("default.qubit", wires=3))[0]
    noisy = misread(3, INTO_ONE, INTO_ZERO)
    found = qp.execute([tape], ReadoutInversion().wrap(noisy))[0]
    assert found == pytest.approx(exact, abs=1e-9)


def test_what_is_undone_was_there():
    """One qubit by hand: <Z> = cos x becomes (1 - a - b) cos x + b - a."""
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))])
    raw = qp.execute([tape], misread(1, [0.1], [0.02]))[0]
    assert raw == pytest.approx((1 - 0.1 - 0.02) * math.cos(0.4) + 0.02 - 0.1)


def test_several_measurements_in_several_bases_share_their_circuits():
    tape = QuantumScript(gates(), MEASUREMENTS[:4] + MEASUREMENTS[-2:])
    exact = qp.execute([tape], qp.device("default.qubit", wires=3))[0]
    device = ReadoutInversion().wrap(misread(3, INTO_ONE, INTO_ZERO))
    with qp.Tracker(device) as tracker:
        found = qp.execute([tape], device)[0]
    for value, expected in zip(found, exact, strict=True):
        assert value == pytest.approx(expected, abs=1e-9)
    bases = len(qp.transforms.split_non_commuting(tape)[0])
    assert tracker.totals["batches"] == 1
    assert tracker.totals["executions"] == bases + 2 == circuits_needed("readout_inversion", bases)


def test_samples_agree_within_a_standard_error_that_is_inflated_as_said():
    """Of a word of k Paulis on a state where it is 0: 1/(1-2p)^k standard errors 1/√shots."""
    p, shots, repeats = 0.1, 500, 200
    for k in (1, 2):
        observable = qp.Z(0) if k == 1 else qp.Z(0) @ qp.Z(1)
        tape = QuantumScript([qp.H(0)], [qp.expval(observable)], shots=shots)
        device = ReadoutInversion(calibration_shots=10**6).wrap(misread(2, p, seed=5))
        values = np.array(qp.execute([tape] * repeats, device, diff_method=None))
        expected = 1 / (1 - 2 * p) ** k / math.sqrt(shots)
        assert values.std() == pytest.approx(expected, rel=4 / math.sqrt(2 * repeats))
        assert abs(values.mean()) < 4 * expected / math.sqrt(repeats)


def test_sampled_values_are_not_biased_where_the_raw_ones_are():
    p, shots = 0.1, 200_000
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))], shots=shots)
    raw = qp.execute([tape], misread(1, p, seed=1))[0]
    found = qp.execute([tape], ReadoutInversion().wrap(misread(1, p, seed=1)))[0]
    assert abs(raw - math.cos(0.4)) > 0.1
    # Three readings of p/(1-2p) at most enter: the circuit's and those of the two calibrations.
    assert abs(found - math.cos(0.4)) < 5 * 3 / (1 - 2 * p) / math.sqrt(shots)


def test_quasi_probabilities_are_not_clipped():
    """Read without error where the calibration saw 10 %: -1/8 and 9/8."""
    calibration = Calibration()
    calibration.learn({0: 0.1}, {0: 0.9})
    assert calibration.correct(np.array([1.0, 0.0]), (0,)) == pytest.approx([9 / 8, -1 / 8])


def test_the_inverse_is_the_tensor_product():
    calibration = Calibration()
    calibration.learn(dict(enumerate(INTO_ONE)), {w: 1 - b for w, b in enumerate(INTO_ZERO)})
    confusion = np.ones((1, 1))
    for wire in (2, 0, 1):
        a, b = INTO_ONE[wire], INTO_ZERO[wire]
        confusion = np.kron(confusion, [[1 - a, b], [a, 1 - b]])
    true = np.random.default_rng(0).dirichlet(np.ones(8), size=4)
    assert calibration.correct(true @ confusion.T, (2, 0, 1)) == pytest.approx(true)


@pytest.mark.parametrize(("every", "batches"), [(None, [7, 5, 5]), (5, [7, 7, 7]), (6, [7, 5, 7])])
def test_it_calibrates_when_that_is_due(every, batches):
    device = ReadoutInversion(calibrate_every=every).wrap(misread(1, 0.1))
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))])
    for expected in batches:
        with qp.Tracker(device) as tracker:
            qp.execute([tape] * 5, device)
        assert tracker.totals["executions"] == expected


def test_a_failed_calibration_is_made_again():
    device = ReadoutInversion().wrap(misread(1, 0.1))
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))])
    working, device.inner.execute = device.inner.execute, lambda *_: 1 / 0
    with pytest.raises(ZeroDivisionError):
        qp.execute([tape], device)
    device.inner.execute = working
    assert qp.execute([tape], device)[0] == pytest.approx(math.cos(0.4))


def test_the_cost_is_multiplied_out():
    assert ReadoutInversion().cost(10) == 12
    assert ReadoutInversion(calibrate_every=4).cost(10) == 16
    assert ReadoutInversion().cost(0) == 0
    assert circuits_needed(["readout_inversion", "zero_noise_extrapolation"], 10) == 32


@pytest.mark.parametrize("method", ["parameter-shift", "backprop"])
def test_gradients_are_those_of_the_exact_values(method):
    device = ReadoutInversion().wrap(misread(2, 0.1))

    def circuit(x):
        qp.RX(x[0], wires=0)
        qp.CNOT([0, 1])
        qp.RY(x[1], wires=1)
        return qp.expval(qp.Z(1)), qp.expval(qp.X(1))

    x = torch.tensor([0.3, 0.8], dtype=torch.float64, requires_grad=True)
    node = qp.QNode(circuit, device, diff_method=method, interface="torch")
    sum(node(x)).backward()
    # <Z1> = cos x0 cos x1, <X1> = cos x0 sin x1
    expected = [
        -math.sin(0.3) * (math.cos(0.8) + math.sin(0.8)),
        math.cos(0.3) * (math.cos(0.8) - math.sin(0.8)),
    ]
    assert x.grad.numpy() == pytest.approx(expected, abs=1e-9)


def test_the_device_inside_is_left_as_it_is_and_copies_are_independent():
    inner = qp.device("default.qubit", wires=1, seed=0)
    device = mitigated(inner, ["readout_inversion", "zero_noise_extrapolation"])
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))])
    qp.execute([tape], device)
    assert type(inner) is type(qp.device("default.qubit"))
    for other in (copy.deepcopy(device), pickle.loads(pickle.dumps(device))):
        assert other.inner.calibration.times == 1
        assert qp.execute([tape], other)[0] == pytest.approx(math.cos(0.4))
        assert other.inner.inner is not inner
        assert other.inner.calibration is not device.inner.calibration
    assert device.name == "zero_noise_extrapolation(readout_inversion(default.qubit))"
    assert mitigated(inner, ()) is inner


def test_a_device_of_pennylanes_older_kind_goes_too():
    pytest.importorskip("braket.pennylane_plugin")
    device = mitigated(qp.device("braket.local.qubit", wires=2), ["readout_inversion"])
    tape = QuantumScript(
        [qp.RY(0.4, 0), qp.CNOT([0, 1])], [qp.expval(qp.Z(1)), qp.expval(qp.X(0))], shots=4000
    )
    z, x = qp.execute([tape], device, diff_method=None)[0]
    assert abs(z - math.cos(0.4)) < 5 * math.sin(0.4) / math.sqrt(4000)
    assert abs(x) < 5 / math.sqrt(4000)


@pytest.mark.parametrize("p", [0.5, 0.7])
def test_readout_that_tells_nothing_is_refused(p):
    device = ReadoutInversion().wrap(misread(1, p))
    with pytest.raises(ConfigurationError, match="below 1/2"):
        qp.execute([QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))])], device)


@pytest.mark.parametrize(
    "settings", [{"calibrate_every": 0}, {"calibration_shots": -1}, {"calibrate_every": 1.5}]
)
def test_bad_settings_are_refused(settings):
    with pytest.raises(ConfigurationError, match="whole number"):
        ReadoutInversion(**settings)


@pytest.mark.parametrize(
    ("measurement", "said"),
    [
        (qp.counts(wires=0), "CountsMP"),
        (qp.expval(qp.Projector([1], wires=0)), "Pauli words"),
        (qp.expval(qp.Hermitian(np.array([[1.0, 0.5], [0.5, 0.0]]), wires=0)), "Pauli words"),
    ],
)
def test_measurements_that_cannot_be_corrected_are_refused(measurement, said):
    device = ReadoutInversion().wrap(qp.device("default.qubit", wires=1))
    with pytest.raises(ConfigurationError, match=said):
        qp.execute([QuantumScript([qp.RY(0.4, 0)], [measurement], shots=10)], device, diff_method=None)


def test_several_numbers_of_shots_and_a_device_without_wires_are_refused():
    tape = QuantumScript([qp.RY(0.4, 0)], [qp.expval(qp.Z(0))], shots=[10, 20])
    with pytest.raises(ConfigurationError, match="one number of shots"):
        qp.execute([tape], ReadoutInversion().wrap(qp.device("default.qubit", wires=1)), diff_method=None)
    with pytest.raises(ConfigurationError, match="wires="):
        ReadoutInversion().wrap(qp.device("default.qubit"))
