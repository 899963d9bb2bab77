"""A rung beside the reference, with numbers that are worked by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from qlayers import QuantumLayer
from study.ladder.evidence import Climbed, Found
from study.ladder.judging import Rows, judge

LAYER = QuantumLayer(n_qubits=2, depth=1)
INPUTS = torch.rand(8, 2)
EXACT = LAYER(INPUTS).detach().double().numpy()
TARGETS = np.array([0, 1, 0, 1, 0, 1, 0, 1])
ROWS = Rows("classification", TARGETS, 2, 0)


def found(probabilities: np.ndarray, shift: float = 0.0, inputs: float = 0.0) -> Found:
    outputs = np.stack([1 - probabilities, probabilities], axis=1)
    return Found(outputs, [INPUTS.double().numpy() + inputs], [EXACT + shift])


def record(shots: int | None = None) -> Climbed:
    return Climbed("here", "here", "climbed", {}, False, shots)


RIGHT = np.where(TARGETS == 1, 0.9, 0.1)
WRONG_TWICE = np.where(np.arange(8) < 2, 1 - RIGHT, RIGHT)


def test_differences_flips_and_distances_are_by_row() -> None:
    exact, other = found(RIGHT), found(WRONG_TWICE, shift=-0.02)
    one = judge(record(), other, exact, [LAYER], ROWS)
    assert one.metrics["accuracy"].value == pytest.approx(0.75)
    assert one.differences["accuracy"].value == pytest.approx(-0.25)
    assert one.flips == 2
    assert one.answers is not None and one.circuits is not None and one.error is not None
    assert one.answers.value == pytest.approx(2 / 8 * 0.8)
    assert one.circuits.value == pytest.approx(0.01)  # |Δ⟨Z⟩|/2
    assert (one.error.seen, one.error.largest) == (pytest.approx(0.02), pytest.approx(0.02))
    assert one.error.expected is None
    # Eight rows are too few for intervals.
    for interval in (*one.metrics.values(), *one.differences.values(), one.answers, one.circuits):
        assert (interval.low, interval.high) == (None, None)


def test_ten_rows_have_intervals() -> None:
    targets = np.arange(10) % 2
    right = np.where(targets == 1, 0.9, 0.1)
    exact, other = (
        Found(np.stack([1 - one, one], axis=1), [np.zeros((10, 2))], [np.zeros((10, 2))])
        for one in (right, np.where(np.arange(10) < 2, 1 - right, right))
    )
    one = judge(record(), other, exact, [LAYER], Rows("classification", targets, 2, 0))
    low, high = one.differences["accuracy"].low, one.differences["accuracy"].high
    assert low is not None and high is not None
    assert low < -0.2 < high <= 0


def test_the_expected_error_is_that_of_z() -> None:
    shots = 100
    one = judge(record(shots), found(RIGHT, 0.05), found(RIGHT), [LAYER], ROWS)
    assert one.error is not None and one.error.ratio is not None
    theory = np.sqrt((1 - EXACT**2).mean() / shots)
    assert one.error.expected == pytest.approx(theory)
    assert one.error.ratio.value == pytest.approx(0.05 / theory)


def test_what_sampling_does_to_mitigated_values_is_not_said() -> None:
    there = Climbed("here", "here", "climbed", {"mitigation": "readout_inversion"}, False, 100)
    one = judge(there, found(RIGHT, 0.05), found(RIGHT), [LAYER], ROWS)
    assert one.error is not None
    assert (one.error.seen, one.error.expected, one.error.ratio, one.sampling) == (
        pytest.approx(0.05),
        None,
        None,
        None,
    )


def test_circuits_that_were_given_something_else_are_not_compared() -> None:
    one = judge(record(), found(RIGHT, 0.05, inputs=0.1), found(RIGHT), [LAYER], ROWS)
    assert one.error is None
    assert one.circuits is None
    assert one.flips == 0


def test_several_circuits_a_row_are_averaged() -> None:
    rows = Rows("classification", TARGETS[:4], 2, 0)
    halves = [Found(one.outputs[:4], one.inputs, one.results) for one in (found(RIGHT, 0.05), found(RIGHT))]
    one = judge(record(100), *halves, [LAYER], rows)
    assert one.error is not None
    assert one.error.seen == pytest.approx(0.05)


def test_the_reference_and_a_rung_without_results_have_nothing_to_compare() -> None:
    exact = found(RIGHT)
    assert judge(record(), exact, exact, [LAYER], ROWS).differences == {}
    assert judge(record(), None, exact, [LAYER], ROWS).metrics == {}
    assert judge(record(), exact, None, [LAYER], ROWS).differences == {}


def test_a_regression_has_no_flips() -> None:
    targets = np.linspace(0, 1, 8)
    rows = Rows("regression", targets, 1, 0)
    exact = Found(targets + 0.1, [INPUTS.double().numpy()], [EXACT])
    other = Found(targets + 0.3, [INPUTS.double().numpy()], [EXACT])
    one = judge(record(), other, exact, [LAYER], rows)
    assert one.flips is None
    assert one.answers is None
    assert one.differences["rmse"].value == pytest.approx(0.2)
    assert one.metrics["mae"].value == pytest.approx(0.3)
