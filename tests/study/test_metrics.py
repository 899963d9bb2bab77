from __future__ import annotations

import math

import numpy as np
import pytest
from sklearn import metrics as reference

from study.metrics import calibration_bins, evaluate, undefined


def classification(n=200, n_classes=3, seed=0, digits=None):
    """Random targets of unequal frequency and probabilities that know something about them."""
    rng = np.random.default_rng(seed)
    targets = rng.choice(n_classes, size=n, p=np.arange(1, n_classes + 1) / np.arange(1, n_classes + 1).sum())
    scores = rng.normal(size=(n, n_classes)) + 0.7 * np.eye(n_classes)[targets]
    probabilities = np.exp(scores) / np.exp(scores).sum(axis=1, keepdims=True)
    if digits is not None:  # ties
        probabilities = np.maximum(probabilities.round(digits), 1e-3)
        probabilities /= probabilities.sum(axis=1, keepdims=True)
    return targets, probabilities


@pytest.mark.parametrize("n_classes", [2, 3, 7])
@pytest.mark.parametrize("digits", [None, 1])
@pytest.mark.parametrize("seed", range(5))
def test_classification_equals_scikit_learn(n_classes, digits, seed):
    targets, probabilities = classification(n_classes=n_classes, seed=seed, digits=digits)
    chosen = probabilities.argmax(axis=1)
    found = evaluate("classification", targets, probabilities, n_classes)
    two = n_classes == 2
    expected = {
        "accuracy": reference.accuracy_score(targets, chosen),
        "balanced_accuracy": reference.balanced_accuracy_score(targets, chosen),
        "f1": reference.f1_score(targets, chosen, average="binary" if two else "macro"),
        "roc_auc": reference.roc_auc_score(
            targets, probabilities[:, 1] if two else probabilities, multi_class="ovr"
        ),
        "calibration_error": expected_calibration_error(targets, probabilities),
        "log_loss": reference.log_loss(targets, probabilities, labels=range(n_classes)),
    }
    assert list(found) == list(expected)
    if digits is not None:
        # A probability on the edge of a bin falls to either side with the last digit of the edge.
        del expected["calibration_error"]
    for name, value in expected.items():
        assert found[name] == pytest.approx(value, rel=1e-6, abs=1e-9), name


def expected_calibration_error(targets, probabilities, n_bins=15):
    """Guo et al. (2017, arXiv:1706.04599), equation 3, row by row."""
    bins = {}
    for target, row in zip(targets, probabilities, strict=True):
        bins.setdefault(max(math.ceil(row.max() * n_bins) - 1, 0), []).append(
            (row.max(), target == row.argmax())
        )
    return sum(abs(sum(p - hit for p, hit in rows)) for rows in bins.values()) / len(targets)


def test_numbers_worked_by_hand():
    targets = np.array([0, 0, 0, 1])
    positive = np.array([0.1, 0.4, 0.8, 0.6])
    found = evaluate("classification", targets, np.stack([1 - positive, positive], axis=1), 2)
    assert found["accuracy"] == pytest.approx(3 / 4)
    assert found["balanced_accuracy"] == pytest.approx((2 / 3 + 1) / 2)
    assert found["f1"] == pytest.approx(2 / 3)  # precision 1/2, recall 1
    assert found["roc_auc"] == pytest.approx(2 / 3)  # 0.6 is above two of three
    assert found["log_loss"] == pytest.approx(-math.log(0.9 * 0.6 * 0.2 * 0.6) / 4)
    # Bins of width 1/15: 0.9 alone, gap 0.1; twice 0.6 of which both are right, gap 0.4; 0.8 alone, wrong, gap 0.8.
    assert found["calibration_error"] == pytest.approx((0.1 + 2 * 0.4 + 0.8) / 4)


def test_certainty():
    sure = np.array([[1.0, 0.0], [0.0, 1.0]])
    right = evaluate("classification", np.array([0, 1]), sure, 2)
    assert (right["log_loss"], right["calibration_error"], right["roc_auc"]) == (0.0, 0.0, 1.0)
    wrong = evaluate("classification", np.array([1, 0]), sure, 2)
    assert wrong["log_loss"] == pytest.approx(-math.log(np.finfo(float).eps))
    assert (wrong["calibration_error"], wrong["roc_auc"]) == (1.0, 0.0)


def test_certain_rows_share_a_bin_with_nearly_certain_ones():
    """0.95 and 1, one of them right: one bin, whose gap is |0.975 - 0.5|. Apart they would be 0.05 and 1 off."""
    shares = np.array([[0.05, 0.95], [0.0, 1.0]])
    assert evaluate("classification", np.array([1, 0]), shares, 2)["calibration_error"] == pytest.approx(
        0.475
    )


def test_a_confidence_on_an_edge_belongs_to_the_bin_below():
    """0.6 is an edge: with 0.55 it makes a bin, right once, |0.575 - 0.5|; with 0.65 it would not."""
    edges, bins = calibration_bins(np.array([0.55, 0.6, 0.65, 0.0, 1.0, 14 / 15]))
    assert bins.tolist() == [8, 8, 9, 0, 14, 13]
    assert len(edges) == 16
    assert (edges[0], edges[-1]) == (0.0, 1.0)
    positive = np.array([0.55, 0.6, 0.65])
    found = evaluate("classification", np.array([1, 0, 1]), np.stack([1 - positive, positive], axis=1), 2)
    assert found["calibration_error"] == pytest.approx((2 * 0.075 + 0.35) / 3)


@pytest.mark.parametrize("seed", range(3))
def test_regression_equals_scikit_learn(seed):
    rng = np.random.default_rng(seed)
    targets = 1e6 + 10 * rng.normal(size=50)  # far from zero, where sums of squares lose digits
    predictions = targets + rng.normal(size=50)
    found = evaluate("regression", targets, predictions, 1)
    assert found == pytest.approx(
        {
            "mae": reference.mean_absolute_error(targets, predictions),
            "rmse": reference.root_mean_squared_error(targets, predictions),
            "r2": reference.r2_score(targets, predictions),
        },
        rel=1e-6,
    )


def test_an_absent_class_leaves_some_metrics_undefined_and_says_so():
    targets, probabilities = classification(n_classes=3)
    kept = targets != 0
    targets, probabilities = targets[kept], probabilities[kept]
    found = evaluate("classification", targets, probabilities, 3)
    reasons = undefined("classification", targets, 3)
    assert reasons == dict.fromkeys(("balanced_accuracy", "f1", "roc_auc"), "no row has class 0")
    assert {name for name, value in found.items() if math.isnan(value)} == set(reasons)
    assert found["accuracy"] == pytest.approx(reference.accuracy_score(targets, probabilities.argmax(axis=1)))


def test_other_degenerate_parts():
    constant = evaluate("regression", np.array([2.0, 2.0]), np.array([1.0, 3.0]), 1)
    assert constant["mae"] == 1.0
    assert math.isnan(constant["r2"])
    assert undefined("regression", np.array([2.0, 2.0]), 1) == {"r2": "the targets do not vary"}
    one = evaluate("regression", np.array([2.0]), np.array([1.0]), 1)
    assert math.isnan(one["r2"])
    for task, predictions in (("regression", np.empty(0)), ("classification", np.empty((0, 2)))):
        found = evaluate(task, np.empty(0, dtype=int), predictions, 2)
        assert all(math.isnan(value) for value in found.values())
    never = evaluate("classification", np.array([0, 1]), np.array([[0.9, 0.1], [0.9, 0.1]]), 2)
    assert never["f1"] == 0.0  # the positive class is there and never found


@pytest.mark.parametrize(
    ("task", "targets", "predictions", "message"),
    [
        ("classification", [0, 1], [[0.5, 0.5]], r"\(2, 2\)"),
        ("classification", [0, 1], [[0.5, 0.6], [1.0, 0.0]], "sum to 1"),
        ("classification", [0, 1], [[1.5, -0.5], [1.0, 0.0]], "at least 0"),
        ("regression", [0.0, 1.0], [[0.0], [1.0]], "predictions"),
        ("regression", [0.0, 1.0], [0.0, math.nan], "not finite"),
        ("ranking", [0.0], [0.0], "ranking"),
    ],
)
def test_what_is_no_prediction_is_refused(task, targets, predictions, message):
    with pytest.raises(ValueError, match=message):
        evaluate(task, np.array(targets), np.array(predictions), 2)
