"""What a rung leaves comes back; what is damaged is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from study.errors import StudyError
from study.ladder.evidence import Climbed, Drift, Found, load, save
from study.ladder.failures import kind_of

RECORD = Climbed("one", "One", "climbed", {"shots": 5}, False, 5, drift=Drift(1, [0.5], [0.6], 0.2))
FOUND = Found(np.eye(2), [np.ones((2, 3)), np.zeros((2, 1))], [np.full((2, 2), 0.5), np.ones((2, 4))])


def test_numbers_come_back_bit_for_bit(tmp_path: Path) -> None:
    save(tmp_path / "rungs", RECORD, FOUND)
    kept = load(tmp_path / "rungs", "one", 2)
    assert kept is not None and kept[1] is not None
    assert kept[0] == RECORD
    assert np.array_equal(kept[1].outputs, FOUND.outputs)
    for one, other in zip((*kept[1].inputs, *kept[1].results), (*FOUND.inputs, *FOUND.results), strict=True):
        assert np.array_equal(one, other)
    assert load(tmp_path / "rungs", "two", 2) is None


def test_a_rung_is_done_when_its_record_is_there(tmp_path: Path) -> None:
    save(tmp_path, RECORD, FOUND)
    (tmp_path / "one.json").unlink()
    assert load(tmp_path, "one", 2) is None


def test_a_damaged_file_is_named(tmp_path: Path) -> None:
    save(tmp_path, RECORD, FOUND)
    (tmp_path / "one.npz").write_bytes(b"no archive")
    with pytest.raises(StudyError, match=r"one\.npz is damaged"):
        load(tmp_path, "one", 2)
    save(tmp_path, RECORD, FOUND)
    with pytest.raises(StudyError, match=r"one\.npz is damaged .* not about 3 rows"):
        load(tmp_path, "one", 3)


class ExpiredTokenException(Exception): ...  # noqa: N818 (as the service names it)


class BudgetExceeded(ValueError): ...  # noqa: N818


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (ExpiredTokenException(), "credentials"),
        (BudgetExceeded(), "budget"),
        (ConnectionResetError(), "connection"),
        (TimeoutError(), "timeout"),
        (ValueError(), "other"),
    ],
)
def test_failures_have_a_kind(error: Exception, kind: str) -> None:
    assert kind_of(error) == kind
