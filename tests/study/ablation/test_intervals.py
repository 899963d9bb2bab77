"""Student-t intervals against the printed table of t, and against what a wrong one would give."""

from __future__ import annotations

import math
import statistics

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.ablation.intervals import Interval, log_student_t, student_t

# Two-sided 95% points of Student's t, by degrees of freedom, as any textbook prints them.
T_TABLE = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 9: 2.262, 14: 2.145, 29: 2.045}
NORMAL = 1.960

numbers = st.lists(st.floats(-1e3, 1e3), min_size=2, max_size=30)


def by_hand(values: list[float], t: float) -> tuple[float, float]:
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    half = t * math.sqrt(variance / len(values))
    return mean - half, mean + half


@pytest.mark.parametrize("freedom", T_TABLE)
def test_it_is_the_table_of_t(freedom: int) -> None:
    values = [0.9 + 0.013 * ((7 * number) % 11) for number in range(freedom + 1)]
    found = student_t(values)
    assert found.n == freedom + 1
    assert (found.low, found.high) == pytest.approx(by_hand(values, T_TABLE[freedom]), rel=1e-4)


@pytest.mark.parametrize("wrong", ["normal", "n", "population"])
def test_the_comparison_tells_a_wrong_interval(wrong: str) -> None:
    values = [0.91, 0.95, 0.88, 0.97]
    low, high = by_hand(values, T_TABLE[3])
    half = {
        "normal": (high - low) / 2 * NORMAL / T_TABLE[3],
        "n": T_TABLE[3] * statistics.stdev(values),
        "population": T_TABLE[3] * statistics.pstdev(values) / 2,
    }[wrong]
    assert statistics.mean(values) + half != pytest.approx(high, rel=1e-4)
    assert student_t(values).high == pytest.approx(high, rel=1e-4)


def test_one_value_has_no_interval() -> None:
    assert student_t([0.5]) == Interval(1, 0.5, None, None)
    assert not student_t([0.5]).known


@pytest.mark.parametrize("values", [[], [0.5, math.nan], [math.inf, 1.0]])
def test_what_is_no_number_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        student_t(values)


@given(st.floats(-1e6, 1e6), st.integers(2, 20))
def test_equal_values_have_no_width(value: float, n: int) -> None:
    found = student_t([value] * n)
    assert found.low == found.high == found.mean == pytest.approx(value)


@given(numbers, st.floats(-100, 100), st.floats(0.1, 10))
def test_it_moves_and_scales_with_the_values(values: list[float], shift: float, scale: float) -> None:
    before, after = student_t(values), student_t([scale * value + shift for value in values])
    assert before.low is not None and after.low is not None
    assert after.mean == pytest.approx(scale * before.mean + shift, abs=1e-6)
    assert after.low == pytest.approx(scale * before.low + shift, abs=1e-5)


@given(numbers)
def test_the_mean_is_inside(values: list[float]) -> None:
    found = student_t(values)
    assert found.low is not None and found.high is not None
    assert found.low <= found.mean <= found.high
    assert found.mean == pytest.approx(statistics.fmean(values), abs=1e-9)


def test_the_logarithms_interval() -> None:
    values = [0.001, 0.01, 0.1]
    low, high = by_hand([math.log(value) for value in values], T_TABLE[2])
    found = log_student_t(values)
    assert found.mean == pytest.approx(0.01)
    assert (found.low, found.high) == pytest.approx((math.exp(low), math.exp(high)), rel=1e-3)
    assert log_student_t([0.1]) == Interval(1, pytest.approx(0.1))


def test_overlap() -> None:
    assert Interval(2, 1, 0, 2).overlaps(Interval(2, 3, 2, 4))
    assert not Interval(2, 1, 0, 1.9).overlaps(Interval(2, 3, 2, 4))
    assert Interval(2, 1, 0, 2).overlaps(Interval(1, 1)) is None
