"""Differences in the metric's own units, in plain words."""

from __future__ import annotations

from study.comparison.evidence import greater_is_better
from study.statistics.corrected_t import CorrectedT

# Shares of rows or pairs: people speak of points.
IN_POINTS = frozenset({"accuracy", "balanced_accuracy", "f1", "roc_auc"})


def metric_name(metric: str) -> str:
    return metric.replace("_", " ")


def amount(size: float, metric: str) -> str:
    """A size, without a sign."""
    if metric not in IN_POINTS:
        return f"{size:.3g}"
    return f"{_rounded(100 * size)} {'point' if _rounded(100 * size) == '1.0' else 'points'}"


def signed(difference: float, metric: str) -> str:
    """A difference of the metric itself."""
    return f"{100 * difference:+.1f}" if metric in IN_POINTS else f"{difference:+.3g}"


def rounded(value: float) -> float:
    """To nine digits: what is equal on paper differs by rounding, which must not choose between models.

    >>> rounded(0.1 + 0.2) == rounded(0.3)
    True
    """
    return float(f"{value:.9g}")


def comparison(label: str, other: str, difference: float, metric: str) -> str:
    """Who is ahead.

    Args:
        label: of the first.
        other: of the second.
        difference: of scores, first minus second: positive is better, whatever the metric.
        metric: its name.
    """
    name, size = metric_name(metric), amount(abs(difference), metric)
    if difference == 0:
        return f"{label} and {other} have the same mean {name}"
    if greater_is_better(metric):
        what = f"{size} of {name}" if metric in IN_POINTS else f"{size} in {name}"
        return f"{label} is {what} {'ahead of' if difference > 0 else 'behind'} {other}"
    better = "lower (better)" if difference > 0 else "higher (worse)"
    return f"{label} has a {name} that is {size} {better} than that of {other}"


def tested(label: str, other: str, test: CorrectedT, metric: str) -> str:
    """Who is ahead, on how many folds and with which interval (of the metric itself, first minus second)."""
    low, high = (test.low, test.high) if greater_is_better(metric) else (-test.high, -test.low)
    across = ", which crosses 0" if low < 0 < high else ""
    return (
        f"{comparison(label, other, test.mean, metric)} on the same {test.n} folds "
        f"({test.level:.0%} interval {signed(low, metric)} to {signed(high, metric)}{across})"
    )


def _rounded(points: float) -> str:
    return f"{points:.1f}" if points >= 0.05 or points == 0 else f"{points:.2g}"
