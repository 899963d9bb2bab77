"""Abstention by hand and by brute force."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.calibration.abstention import RiskCoverage, Threshold, risk_coverage, threshold_for
from study.errors import StudyError
from study.statistics.undecided import Undecided

# Confidences 0.9, 0.8, 0.8, 0.6; the second and the fourth are wrong.
TARGETS = np.array([0, 1, 0, 0])
OUTPUTS = np.array([[0.9, 0.1], [0.8, 0.2], [0.8, 0.2], [0.4, 0.6]])


def test_the_curve_by_hand() -> None:
    curve = risk_coverage(TARGETS, OUTPUTS)
    assert isinstance(curve, RiskCoverage)
    np.testing.assert_allclose(curve.coverage, [0.25, 0.75, 1.0])
    np.testing.assert_allclose(curve.risk, [0, 1 / 3, 1 / 2])
    np.testing.assert_allclose(curve.threshold, [0.9, 0.8, 0.6])
    assert curve.area == pytest.approx(0.25 * 0 + 0.5 / 3 + 0.25 / 2)


@pytest.mark.parametrize(("risk", "value", "coverage"), [(0.0, 0.9, 0.25), (0.4, 0.8, 0.75), (0.5, 0.6, 1.0)])
def test_a_threshold_by_hand(risk: float, value: float, coverage: float) -> None:
    found = threshold_for(risk, TARGETS, OUTPUTS)
    assert isinstance(found, Threshold)
    assert (found.value, found.coverage, found.n) == (value, coverage, 4)
    assert found.risk <= risk


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40), digits=st.sampled_from([1, 12]))
def test_every_point_is_what_its_threshold_gives(seed: int, n: int, digits: int) -> None:
    rng = np.random.default_rng(seed)
    outputs = np.round(rng.dirichlet(np.ones(3), n), digits)
    targets = rng.integers(0, 3, n)
    curve = risk_coverage(targets, outputs)
    assert isinstance(curve, RiskCoverage)
    for coverage, risk, threshold in zip(curve.coverage, curve.risk, curve.threshold, strict=True):
        answered = outputs.max(axis=1) >= threshold
        assert coverage == pytest.approx(answered.mean())
        assert risk == pytest.approx((outputs.argmax(axis=1) != targets)[answered].mean())
    assert curve.coverage[-1] == 1
    assert (np.diff(curve.threshold) < 0).all()
    if digits == 12:  # no ties: the mean of the risks of the 1, 2, … surest rows
        assert curve.area == pytest.approx(curve.risk.mean())
    found = threshold_for(0.2, targets, outputs)
    allowed = curve.coverage[curve.risk <= 0.2]
    assert isinstance(found, Undecided) if not len(allowed) else found.coverage == allowed.max()  # type: ignore[union-attr]


def test_what_cannot_be_concluded() -> None:
    wrong = threshold_for(0.1, 1 - TARGETS[:1], OUTPUTS[:1])
    assert isinstance(wrong, Undecided) and "100.0%" in wrong.reason
    assert isinstance(risk_coverage(np.array([1.0]), np.array([1.0])), Undecided)
    assert isinstance(risk_coverage(np.array([], int), np.empty((0, 2))), Undecided)
    assert isinstance(risk_coverage(np.array([0]), np.array([[np.nan, 1.0]])), Undecided)


def test_bad_input() -> None:
    with pytest.raises(StudyError, match="risk must lie from 0 to 1"):
        threshold_for(5, TARGETS, OUTPUTS)
    with pytest.raises(StudyError, match="3 targets cannot be compared with 4"):
        risk_coverage(TARGETS[:3], OUTPUTS)
