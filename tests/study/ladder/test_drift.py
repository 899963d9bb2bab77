"""The reference circuit says when a machine is another one at the end, and rarely otherwise."""

from __future__ import annotations

import numpy as np
import torch

from qlayers import QuantumLayer
from qlayers.backends.shots import Shots
from study.ladder import drift
from study.ladder.evidence import Drift
from tests.study.ladder.backends import Sampled

FEATURES = torch.tensor([[0.4, 1.1]])


def layer(shots: int | None) -> QuantumLayer:
    torch.manual_seed(5)
    exact = QuantumLayer(n_qubits=2, depth=2)
    return exact if shots is None else exact.on(Sampled(shots=shots, seed=1))


def checked(there: QuantumLayer, circuits: int = 2) -> Drift:
    start, end = (drift.measure(there, FEATURES, circuits) for _ in range(2))
    return drift.compared(there, FEATURES, start, end)


def test_an_exact_machine_stays_the_same() -> None:
    there = layer(None)
    start = drift.measure(there, FEATURES, 3)
    assert start.shape == (3, 2)
    assert not drift.compared(there, FEATURES, start, drift.measure(there, FEATURES, 3)).drifted
    assert drift.compared(there, FEATURES, start, start + 1e-3).drifted


def test_false_alarms_are_as_rare_as_declared() -> None:
    there = layer(200)
    # 1 % of 200 is 2; more than 8 would have a probability of 2 in 10 000.
    assert sum(checked(there).drifted for _ in range(200)) <= 8


def test_a_machine_that_turns_is_found_out() -> None:
    there = layer(2000)
    start = drift.measure(there, FEATURES, 2)
    with torch.no_grad():
        there.weights += 0.3
    found = drift.compared(there, FEATURES, start, drift.measure(there, FEATURES, 2))
    assert found.drifted
    assert found.largest > found.limit


def test_a_quantity_that_never_varied_has_a_limit_above_one_count() -> None:
    there = layer(100)
    start, end = np.ones((1, 2)), np.full((1, 2), 1 - 2 / 100)
    assert not drift.compared(there, FEATURES, start, end).drifted


def test_the_reference_circuit_is_not_mitigated() -> None:
    there = layer(None).on(Shots(shots=200, mitigation=["readout_inversion", "zero_noise_extrapolation"]))
    drift.measure(there, FEATURES, 3)
    assert there.execution.executions == 3
    with torch.no_grad():
        there(FEATURES)
    assert there.execution.executions == 3 + 2 + 3
