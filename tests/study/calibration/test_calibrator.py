"""Calibration against scikit-learn and brute force; properties of what comes out."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator

from study.calibration.calibrator import METHODS, TEMPERATURES, calibrated, temperature
from study.comparison.evidence import Predictions
from study.errors import StudyError
from study.statistics.undecided import Undecided


class Told(ClassifierMixin, BaseEstimator):
    """A fitted classifier whose probabilities are its features."""

    def fit(self, X: np.ndarray, y: np.ndarray) -> Told:
        self.classes_ = np.arange(X.shape[1])
        return self

    def predict_proba(self, X: np.ndarray) -> np.ndarray:
        return X

    def predict(self, X: np.ndarray) -> np.ndarray:
        return X.argmax(axis=1)


def made(n: int, n_classes: int, seed: int, sharpness: float = 3.0) -> tuple[np.ndarray, np.ndarray]:
    """Targets and overconfident probabilities: true ones to a power, renormalised."""
    rng = np.random.default_rng(seed)
    true = rng.dirichlet(np.ones(n_classes), n)
    targets = np.array([rng.choice(n_classes, p=row) for row in true])
    sharp = true**sharpness
    return targets, sharp / sharp.sum(axis=1, keepdims=True)


def predictions(targets: np.ndarray, outputs: np.ndarray) -> Predictions:
    return Predictions(np.arange(len(targets)), targets, outputs)


def loss(targets: np.ndarray, outputs: np.ndarray) -> float:
    return float(-np.log(outputs[np.arange(len(targets)), targets]).mean())


@pytest.mark.parametrize("n_classes", [2, 3, 5])
@pytest.mark.parametrize("method", ["temperature", "isotonic"])
def test_equals_scikit_learn(method: str, n_classes: int) -> None:
    # scikit-learn takes log(p + 1e-12) and we the log of p: probabilities here are far above that.
    targets, outputs = made(300, n_classes, seed=n_classes, sharpness=1.5)
    outputs = 0.99 * outputs + 0.01 / n_classes
    _, new = made(50, n_classes, seed=99, sharpness=1.5)
    new = 0.99 * new + 0.01 / n_classes
    reference = CalibratedClassifierCV(FrozenEstimator(Told().fit(outputs, targets)), method=method)
    reference.fit(outputs, targets)
    ours = calibrated(method, predictions(targets, outputs), new)
    assert isinstance(ours, np.ndarray)
    np.testing.assert_allclose(ours, reference.predict_proba(new), atol=2e-6)


def test_temperature_equals_brute_force_and_the_power_it_was_made_with() -> None:
    targets, outputs = made(4000, 3, seed=1, sharpness=3.0)
    found = temperature(targets, outputs)
    grid = np.exp(np.linspace(np.log(0.5), np.log(10), 20_001))
    scaled = np.array([loss(targets, _power(outputs, 1 / t)) for t in grid])
    assert found == pytest.approx(float(grid[scaled.argmin()]), rel=2e-4)
    # Softmax of log p over T is p to the power 1/T: the power 3 is undone by T = 3.
    assert found == pytest.approx(3.0, rel=0.05)


def _power(outputs: np.ndarray, exponent: float) -> np.ndarray:
    powers = outputs**exponent
    return powers / powers.sum(axis=1, keepdims=True)


def test_temperature_keeps_the_class_and_lowers_the_loss_it_is_fitted_to() -> None:
    targets, outputs = made(200, 4, seed=3)
    found = calibrated("temperature", predictions(targets, outputs), outputs)
    assert isinstance(found, np.ndarray)
    assert (found.argmax(axis=1) == outputs.argmax(axis=1)).all()
    assert loss(targets, found) < loss(targets, outputs)


def test_none_changes_nothing() -> None:
    targets, outputs = made(20, 2, seed=4)
    np.testing.assert_array_equal(calibrated("none", predictions(targets, outputs), outputs), outputs)


def test_the_search_ends_at_its_bounds() -> None:
    targets = np.array([0, 1, 0, 1])
    right = np.array([[0.9, 0.1], [0.1, 0.9]] * 2)
    assert temperature(targets, right) == pytest.approx(TEMPERATURES[0])
    assert temperature(targets, right[:, ::-1]) == pytest.approx(TEMPERATURES[1])


def test_what_no_temperature_is_best_for_is_undecided() -> None:
    """Else a model that is right on all validation rows would be made certain, and one mistake cost it dearly."""
    targets = np.array([0, 1, 0, 1])
    right = np.array([[0.9, 0.1], [0.1, 0.9]] * 2)
    for outputs, reason in ((right, "right on all"), (right[:, ::-1], "no better than chance")):
        found = calibrated("temperature", predictions(targets, outputs), outputs)
        assert isinstance(found, Undecided) and reason in found.reason


def best_at_an_end(targets: np.ndarray, outputs: np.ndarray) -> bool:
    """Whether cold always helps (the true class is nowhere below another) or heat does (it is no higher on average)."""
    logs = np.log(np.clip(outputs, np.finfo(float).eps, None))
    true = logs[np.arange(len(targets)), targets]
    return bool((true == logs.max(axis=1)).all()) or bool(true.mean() <= logs.mean() + 1e-9)


def test_a_certain_model_that_is_often_wrong_gets_its_temperature() -> None:
    """A closed form: right on 7 of 10 rows of two classes, log-loss is least where it says 0.7."""
    targets = np.array([0] * 7 + [1] * 3)
    certain = np.tile([1.0, 0.0], (10, 1))
    found = calibrated("temperature", predictions(targets, certain), certain)
    assert isinstance(found, np.ndarray)
    np.testing.assert_allclose(found, np.tile([0.7, 0.3], (10, 1)), atol=1e-6)
    one_class = predictions(np.array([0, 1] * 5), certain)
    assert isinstance(calibrated("temperature", one_class, certain), Undecided)


@given(
    seed=st.integers(0, 2**32 - 1),
    n_classes=st.integers(2, 4),
    method=st.sampled_from(METHODS),
    hard=st.booleans(),
)
def test_rows_stay_probabilities(seed: int, n_classes: int, method: str, hard: bool) -> None:
    targets, outputs = made(30, n_classes, seed)
    _, new = made(15, n_classes, seed + 1)
    if hard:  # zeros and ones
        outputs, new = (np.eye(n_classes)[x.argmax(axis=1)] for x in (outputs, new))
    found = calibrated(method, predictions(targets, outputs), new)
    if isinstance(found, Undecided):
        assert len(np.unique(targets)) < n_classes or (
            method == "temperature" and best_at_an_end(targets, outputs)
        )
        return
    assert found.shape == new.shape
    assert np.isfinite(found).all() and (found >= 0).all()
    np.testing.assert_allclose(found.sum(axis=1), 1, atol=1e-12)


def test_isotonic_never_turns_an_order_round() -> None:
    targets, outputs = made(200, 2, seed=5)
    grid = np.linspace(0, 1, 101)
    found = calibrated("isotonic", predictions(targets, outputs), np.column_stack([1 - grid, grid]))
    assert isinstance(found, np.ndarray)
    assert (np.diff(found[:, 1]) >= 0).all()


@pytest.mark.parametrize(
    ("method", "targets", "outputs", "said"),
    [
        ("temperature", [1, 1, 1], [[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]], "one class only"),
        ("isotonic", [1, 1, 1], [[0.5, 0.5], [0.2, 0.8], [0.1, 0.9]], "one class only"),
        ("isotonic", [0, 1], [[0.5, 0.3, 0.2], [0.2, 0.7, 0.1]], "no validation row has class 2"),
        ("temperature", [0, 1], [[0.5, 0.5], [0.5, 0.5]], "the same probability"),
    ],
)
def test_what_cannot_be_calibrated(method: str, targets: list[int], outputs: list, said: str) -> None:
    known = np.array(outputs)
    found = calibrated(method, predictions(np.array(targets), known), known)
    assert isinstance(found, Undecided) and said in found.reason


def test_no_rows_and_numbers_cannot_be_calibrated() -> None:
    outputs = np.array([[0.5, 0.5]])
    none = calibrated("temperature", predictions(np.array([], int), np.empty((0, 2))), outputs)
    assert isinstance(none, Undecided) and "no rows" in none.reason
    numbers = np.array([1.0, 2.0])
    assert isinstance(calibrated("isotonic", predictions(numbers, numbers), numbers), Undecided)


@pytest.mark.parametrize(
    ("method", "outputs", "said"),
    [
        ("platt", [[0.5, 0.5]], "choose among none, temperature, isotonic"),
        ("isotonic", [[0.5, 0.3, 0.2]], "have 2 classes and the outputs to calibrate 3"),
        ("isotonic", [[0.5, 0.6]], "must be probabilities"),
        ("temperature", [[float("nan"), 0.5]], "must be probabilities"),
    ],
)
def test_bad_input(method: str, outputs: list, said: str) -> None:
    targets, known = made(20, 2, seed=6)
    with pytest.raises(StudyError, match=said):
        calibrated(method, predictions(targets, known), np.array(outputs))
