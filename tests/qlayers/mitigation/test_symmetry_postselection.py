"""Samples without the circuit's symmetry are left out: closer to the exact value, by the closed form."""

from __future__ import annotations

import math

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError
from qlayers.mitigation import circuits_needed, mitigated
from qlayers.mitigation.symmetry_postselection import SymmetryPostselection
from tests.qlayers.mitigation.devices import misread

X = 0.7
PAIR = [qp.RY(X, 0), qp.CNOT([0, 1])]  # cos(x/2)|00> + sin(x/2)|11>: of even parity, with <Z0> = cos x


def run(device, gates, measurements, shots=None):
    return qp.execute([QuantumScript(gates, measurements, shots=shots)], device, diff_method=None)[0]


def test_the_worked_case():
    """Both bits flip with probability p: kept are none and two flips, which change the sign of <Z0>."""
    p = 0.1
    raw = run(misread(2, p), PAIR, [qp.expval(qp.Z(0))])
    assert raw == pytest.approx((1 - 2 * p) * math.cos(X))
    device = SymmetryPostselection().wrap(misread(2, p))
    kept = (1 - p) ** 2 + p**2
    found = run(device, PAIR, [qp.expval(qp.Z(0))])
    assert found == pytest.approx(math.cos(X) * ((1 - p) ** 2 - p**2) / kept, abs=1e-12)
    assert abs(found - math.cos(X)) < abs(raw - math.cos(X)) / 5
    assert device.kept.fraction == pytest.approx(kept)
    assert (device.kept.circuits, device.kept.shots, device.kept.kept) == (1, 0, 0)


def test_it_says_how_many_samples_were_kept():
    p, shots = 0.1, 10_000
    device = SymmetryPostselection().wrap(misread(2, p))
    found = run(device, PAIR, [qp.expval(qp.Z(0))], shots)
    kept = (1 - p) ** 2 + p**2
    assert device.kept.shots == shots
    assert abs(device.kept.kept - shots * kept) < 5 * math.sqrt(shots * kept * (1 - kept))
    assert device.kept.fraction == pytest.approx(device.kept.kept / shots)
    exact = math.cos(X) * ((1 - p) ** 2 - p**2) / kept
    assert abs(found - exact) < 5 / math.sqrt(shots * kept)


def test_all_kinds_of_results_and_other_wires():
    """A word on wires 0 and 1; wire 2 is free, and may be measured in any basis."""
    gates = [*PAIR, qp.RY(0.3, 2)]
    measurements = [qp.probs(wires=[2, 0]), qp.expval(qp.Z(0) @ qp.X(2)), qp.expval(qp.Z(2)), qp.var(qp.Z(0))]
    device = SymmetryPostselection("ZZI").wrap(qp.device("default.mixed", wires=3))
    found = run(device, gates, measurements)
    exact = run(qp.device("default.qubit", wires=3), gates, measurements)
    for value, expected in zip(found, exact, strict=True):
        assert value == pytest.approx(expected, abs=1e-9)
    assert device.kept.fraction == pytest.approx(1)


def test_the_weight_selects_more_than_the_parity():
    """One excitation shared by three qubits: two flips keep the parity, and mostly not the weight."""
    gates = [qp.X(0), qp.SingleExcitation(0.8, [0, 1]), qp.SingleExcitation(1.1, [1, 2])]
    exact = run(qp.device("default.qubit", wires=3), gates, [qp.expval(qp.Z(w)) for w in range(3)])
    errors = {}
    for symmetry in (None, "parity", "hamming_weight"):
        device = misread(3, 0.1)
        device = SymmetryPostselection(symmetry).wrap(device) if symmetry else device
        errors[symmetry] = np.abs(
            np.subtract(run(device, gates, [qp.expval(qp.Z(w)) for w in range(3)]), exact)
        ).sum()
    assert errors["hamming_weight"] < errors["parity"] < errors[None]


def test_the_right_value_is_that_of_the_circuit():
    """X on one wire of the pair makes its parity odd, which is selected then."""
    device = SymmetryPostselection().wrap(misread(2, 0.1))
    even = run(device, PAIR, [qp.expval(qp.Z(0))])
    assert run(device, [*PAIR, qp.X(1)], [qp.expval(qp.Z(0))]) == pytest.approx(even)
    assert run(misread(2, 0.1), [*PAIR, qp.X(1)], [qp.expval(qp.Z(0))]) != pytest.approx(even)
    odd = SymmetryPostselection(value=1).wrap(misread(2, 0.1))
    assert run(odd, [*PAIR, qp.X(1)], [qp.expval(qp.Z(0))]) == pytest.approx(
        run(device, PAIR, [qp.expval(qp.Z(0))])
    )
    with pytest.raises(ConfigurationError, match="value=1"):
        run(odd, PAIR, [qp.expval(qp.Z(0))])


def test_a_circuit_without_the_symmetry_is_refused():
    device = SymmetryPostselection().wrap(misread(2, 0.1))
    with pytest.raises(ConfigurationError, match="none of this circuit's"):
        run(device, [qp.RY(X, 0)], [qp.expval(qp.Z(0))])
    with pytest.raises(ConfigurationError, match="none of this circuit's"):
        run(device, [*PAIR, qp.RY(1e-4, 1)], [qp.expval(qp.Z(0))])
    with pytest.raises(ConfigurationError, match="BitFlip"):
        run(device, [*PAIR, qp.BitFlip(0.1, 0)], [qp.expval(qp.Z(0))])


def test_other_bases_on_the_symmetrys_wires_are_refused():
    device = SymmetryPostselection().wrap(misread(2, 0.1))
    with pytest.raises(ConfigurationError, match="X or Y on 0"):
        run(device, PAIR, [qp.expval(qp.X(0))])


def test_no_sample_kept_is_an_error():
    """Every bit is flipped, one is read: always odd."""
    device = SymmetryPostselection().wrap(misread(1, [1.0]))
    with pytest.raises(ConfigurationError, match="kept no sample"):
        run(device, [qp.RX(0.0, 0)], [qp.expval(qp.Z(0))], 100)


def test_after_readout_inversion_nothing_is_left_to_select():
    device = mitigated(misread(2, 0.1), ["symmetry_postselection", "readout_inversion"])
    with qp.Tracker(device) as tracker:
        assert run(device, PAIR, [qp.expval(qp.Z(0))]) == pytest.approx(math.cos(X), abs=1e-9)
    assert device.kept.fraction == pytest.approx(1)
    assert (
        tracker.totals["executions"]
        == circuits_needed(["symmetry_postselection", "readout_inversion"], 1)
        == 3
    )


def test_shifted_circuits_are_selected_too():
    p = 0.1
    device = SymmetryPostselection().wrap(misread(2, p))

    def circuit(x):
        qp.IsingXX(x, wires=[0, 1])
        return qp.expval(qp.Z(0))

    x = torch.tensor(X, dtype=torch.float64, requires_grad=True)
    qp.QNode(circuit, device, diff_method="parameter-shift", interface="torch")(x).backward()
    kept = (1 - p) ** 2 + p**2
    assert x.grad.item() == pytest.approx(-math.sin(X) * (1 - 2 * p) / kept, abs=1e-9)
    assert device.kept.circuits == 3


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"symmetry": "spin"}, "Available"),
        ({"symmetry": "II"}, "Available"),
        ({"symmetry": "ZX"}, "Available"),
        ({"value": 2}, "even"),
        ({"symmetry": "hamming_weight", "value": -1}, "number of ones"),
    ],
)
def test_bad_settings_are_refused(settings, said):
    with pytest.raises(ConfigurationError, match=said):
        SymmetryPostselection(**settings)


def test_what_does_not_fit_the_device_is_refused():
    device = qp.device("default.qubit", wires=2)
    with pytest.raises(ConfigurationError, match="one letter a wire"):
        SymmetryPostselection("ZZZ").wrap(device)
    with pytest.raises(ConfigurationError, match="more ones"):
        SymmetryPostselection("hamming_weight", 3).wrap(device)
    with pytest.raises(ConfigurationError, match="up to 20"):
        SymmetryPostselection().wrap(qp.device("default.qubit", wires=21))
    with pytest.raises(ConfigurationError, match="wires="):
        SymmetryPostselection().wrap(qp.device("default.qubit"))
