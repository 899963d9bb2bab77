"""The number of rows that is recommended has the power that it promises, and one row less has not."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.statistics.power import power_of
from study.statistics.rows import rows_needed
from study.statistics.undecided import Undecided


@given(
    difference=st.floats(0.005, 0.2),
    deviation=st.floats(0.005, 0.2),
    n_rows=st.integers(50, 5000),
    n_splits=st.integers(3, 30),
)
def test_it_is_the_smallest_with_that_power(difference, deviation, n_rows, n_splits):
    found = rows_needed(difference, deviation, n_rows=n_rows, n_splits=n_splits, ratio=0.25)

    def power(rows):
        return power_of(n_splits, difference, deviation * math.sqrt(n_rows / rows), 0.25)

    assert found.power == pytest.approx(power(found.rows)) and found.power >= 0.8 - 1e-9
    if found.rows > 1:
        assert power(found.rows - 1) < 0.8 + 1e-9


def test_half_the_difference_takes_four_times_the_rows():
    rows = [rows_needed(d, 0.04, n_rows=500, n_splits=10, ratio=0.25).rows for d in (0.02, 0.01)]
    assert rows[1] == pytest.approx(4 * rows[0], abs=4)


def test_what_cannot_be_said():
    assert isinstance(rows_needed(0.0, 0.1, n_rows=100, n_splits=10, ratio=0.25), Undecided)
    assert "spread" in rows_needed(0.1, 0.0, n_rows=100, n_splits=10, ratio=0.25).reason
    assert "at least 2" in rows_needed(0.1, 0.1, n_rows=100, n_splits=1, ratio=0.25).reason
