"""Calibration of a classifier's probabilities on its validation predictions, never on the test part."""

from __future__ import annotations

import numpy as np
from scipy import optimize, special

from study.comparison.evidence import Predictions
from study.errors import StudyError
from study.statistics.undecided import Undecided

METHODS = ("none", "temperature", "isotonic")

# A probability of 0 has no logarithm: log-probabilities are taken of at least this, as `study.metrics` does.
LEAST = float(np.finfo(np.float64).eps)

# A model that is right on every validation row has its best temperature at 0, and one that is no better than chance at
# infinity: the search ends at these. Both are far away, since a model that is certain and often wrong, as one nearest
# neighbour is, has its best temperature at 20 to 1000 times where one of well-chosen probabilities has it.
TEMPERATURES = (1e-6, 1e6)


def calibrated(method: str, fitted_on: Predictions, outputs: np.ndarray) -> np.ndarray | Undecided:
    """Probabilities after calibration; rows sum to 1.

    - none: as they are.
    - temperature: softmax(log p / T), one T for all classes, unless the best is outside `TEMPERATURES` (Guo et al.
      2017, On calibration of modern neural networks, section 4.2); the class that is predicted stays. T minimises the
      log-loss on `fitted_on`. The paper divides logits; the logarithms of probabilities are logits up to a constant a
      row, which softmax drops.
    - isotonic: a nondecreasing step function of each class's probability, one class against the rest, by scikit-learn,
      then each row over its sum (Zadrozny and Elkan 2002, Transforming classifier scores into accurate multiclass
      probability estimates). Two classes take one function, of the second class. A row of only zeros becomes uniform.
      Values may be exactly 0 or 1; `study.metrics` clips them in the log-loss.

    Args:
        method: one of METHODS.
        fitted_on: validation predictions, outputs (n, n_classes).
        outputs: probabilities to calibrate, (m, n_classes), rows summing to 1.

    Raises:
        StudyError: on another method, or on outputs that are no probabilities or of another number of classes.
    """
    if method not in METHODS:
        raise StudyError(f"calibration.methods={method!r} is none: choose among {', '.join(METHODS)}.")
    if method == "none":
        return np.asarray(outputs)
    known, given = np.asarray(fitted_on.outputs, np.float64), np.asarray(outputs, np.float64)
    if known.ndim != 2 or given.ndim != 2:
        return Undecided("calibration is of a classifier's probabilities, and these outputs are numbers")
    _check(known, given)
    targets = np.asarray(fitted_on.targets, np.int64)
    reason = _unfit(targets, known.shape[1], method)
    if reason:
        return Undecided(reason)
    if method == "temperature":
        found = temperature(targets, known)
        if isinstance(found, Undecided):
            return found
        if np.isclose(found, TEMPERATURES).any():
            how = "right on all" if found < 1 else "no better than chance on the"
            return Undecided(f"the model is {how} validation rows, so that no temperature is best")
        return _scaled(given, found)
    return _isotonic(targets, known, given)


def temperature(targets: np.ndarray, outputs: np.ndarray) -> float | Undecided:
    """The temperature that minimises the log-loss, within `TEMPERATURES`.

    The log-loss is convex in 1/T, so that it has one minimum in log T too.

    Args:
        targets: class positions, (n,).
        outputs: probabilities, (n, n_classes).
    """
    logits = _logs(outputs)
    if not np.ptp(logits, axis=1).any():
        return Undecided("the model gives all classes the same probability, which no temperature changes")
    rows = np.arange(len(targets))

    def loss(log_temperature: float) -> float:
        scaled = logits * np.exp(-log_temperature)
        return float(np.mean(special.logsumexp(scaled, axis=1) - scaled[rows, targets]))

    low, high = np.log(TEMPERATURES)
    found = optimize.minimize_scalar(loss, bounds=(low, high), method="bounded", options={"xatol": 1e-9})
    # The bounded search comes near an end of the interval and never tries it; where the loss is 0 already, ends win.
    best = min((float(low), float(high), float(found.x)), key=loss)
    return float(np.exp(best))


def _scaled(outputs: np.ndarray, at: float) -> np.ndarray:
    return np.asarray(special.softmax(_logs(outputs) / at, axis=1))


def _isotonic(targets: np.ndarray, known: np.ndarray, given: np.ndarray) -> np.ndarray:
    from sklearn.isotonic import IsotonicRegression

    def one(position: int) -> np.ndarray:
        step = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
        step.fit(known[:, position], targets == position)
        return np.asarray(step.predict(given[:, position]), np.float64)

    n_classes = known.shape[1]
    if n_classes == 2:
        second = one(1)
        return np.column_stack([1 - second, second])
    shares = np.column_stack([one(position) for position in range(n_classes)])
    total = shares.sum(axis=1, keepdims=True)
    empty = total == 0
    return np.where(empty, 1 / n_classes, shares / np.where(empty, 1, total))


def _logs(outputs: np.ndarray) -> np.ndarray:
    return np.log(np.clip(np.asarray(outputs, np.float64), LEAST, None))


def _unfit(targets: np.ndarray, n_classes: int, method: str) -> str | None:
    """Why these validation rows cannot calibrate; None if they can."""
    counts = np.bincount(targets, minlength=n_classes)
    present = int((counts > 0).sum())
    if present == 0:
        return "the validation part has no rows"
    if present == 1:
        return "the validation part has rows of one class only"
    if method == "isotonic" and present < n_classes:
        absent = ", ".join(map(str, np.flatnonzero(counts == 0)))
        return f"no validation row has class {absent}, and isotonic calibration learns each class by itself"
    return None


def _check(known: np.ndarray, given: np.ndarray) -> None:
    if known.shape[1] != given.shape[1]:
        raise StudyError(
            f"Validation predictions have {known.shape[1]} classes and the outputs to calibrate {given.shape[1]}: "
            "both must be of the same model."
        )
    for name, values in (("Validation predictions", known), ("Outputs to calibrate", given)):
        if (
            not np.isfinite(values).all()
            or (values < 0).any()
            or not np.allclose(values.sum(axis=1), 1, atol=1e-5)
        ):
            raise StudyError(f"{name} must be probabilities: finite, 0 or more, each row summing to 1.")
