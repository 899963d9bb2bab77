"""Intervals of numbers that are computed from whole rows."""

from __future__ import annotations

import numpy as np
import pytest

from study.statistics.bootstrap import FEW_ROWS, Bootstrap, bootstrap_mean, bootstrap_rows
from study.statistics.undecided import Undecided

VALUES = np.random.default_rng(0).exponential(size=40)


def test_of_a_mean_it_is_the_interval_of_a_mean() -> None:
    mean = bootstrap_mean(VALUES.tolist(), 0)
    rows = bootstrap_rows(lambda drawn: VALUES[drawn].mean(axis=-1), 40, 0)
    assert isinstance(mean, Bootstrap) and isinstance(rows, Bootstrap)
    assert rows.mean == pytest.approx(VALUES.mean())
    width = mean.high - mean.low
    assert [rows.low, rows.high] == pytest.approx([mean.low, mean.high], abs=0.05 * width)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Of a root mean square, whose true value is known: 1 for standard normal numbers."""
    random = np.random.default_rng(1)
    hits = 0
    for trial in range(200):
        squares = random.normal(size=60) ** 2

        def error(drawn: np.ndarray, squares: np.ndarray = squares) -> np.ndarray:
            return np.sqrt(squares[drawn].mean(axis=-1))

        found = bootstrap_rows(error, 60, trial, n_resamples=499)
        assert isinstance(found, Bootstrap)
        hits += found.low <= 1 <= found.high
    assert hits / 200 == pytest.approx(0.93, abs=0.05)  # nominally 0.95, a little less with 60 rows


def test_of_few_rows_it_is_too_narrow() -> None:
    """What the limits of an evaluation's page say of it, for the mean of five normal numbers, which is 0."""
    random = np.random.default_rng(2)
    hits = 0
    for trial in range(300):
        found = bootstrap_mean(random.normal(size=FEW_ROWS // 2).tolist(), trial, n_resamples=499)
        assert isinstance(found, Bootstrap)
        hits += found.low <= 0 <= found.high
    assert hits / 300 == pytest.approx(5 / 6, abs=0.05)


def test_without_spread_there_is_none() -> None:
    same = np.ones(5)
    assert isinstance(bootstrap_rows(lambda drawn: same[drawn].mean(axis=-1), 5, 0), Undecided)
    assert isinstance(bootstrap_rows(lambda drawn: VALUES[drawn].mean(axis=-1), 1, 0), Undecided)
