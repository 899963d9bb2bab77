"""The rows that are taken up the ladder."""

from __future__ import annotations

import numpy as np
import pytest

from study.errors import StudyError
from study.ladder.rows import choose_rows


@pytest.mark.parametrize("rows", [1, 2, 7, 30, 99])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_class_has_its_share_up_to_one_row(rows: int, seed: int) -> None:
    targets = np.repeat([0, 1, 2], [50, 40, 9])
    np.random.default_rng(3).shuffle(targets)
    chosen = choose_rows(targets, rows, seed)
    assert len(set(chosen)) == rows
    assert list(chosen) == sorted(chosen)
    for label, size in ((0, 50), (1, 40), (2, 9)):
        assert abs((targets[chosen] == label).sum() - rows * size / 99) < 1


def test_numbers_are_covered_from_low_to_high() -> None:
    targets = np.random.default_rng(0).permutation(np.linspace(-1, 1, 200))
    found = np.sort(targets[choose_rows(targets, 20, 5)])
    step = 2 / 199
    assert np.all(np.diff(found) <= 11 * step)  # every tenth, up to rounding
    assert found[0] <= -1 + 10 * step
    assert found[-1] >= 1 - 10 * step


def test_the_choice_is_the_seeds() -> None:
    targets = np.arange(100) % 2
    assert np.array_equal(choose_rows(targets, 10, 1), choose_rows(targets, 10, 1))
    assert not np.array_equal(choose_rows(targets, 10, 1), choose_rows(targets, 10, 2))
    assert np.array_equal(choose_rows(targets, None, 1), np.arange(100))


def test_more_than_there_are_is_refused() -> None:
    with pytest.raises(StudyError, match=r"rows=11 .* 10 rows.*rows=null"):
        choose_rows(np.zeros(10), 11, 0)
