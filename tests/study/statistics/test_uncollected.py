"""What exists already is kept out of a collection, and only then."""

from __future__ import annotations

import gc
import weakref

import pytest

from study.statistics.holm import holm
from study.statistics.uncollected import uncollected


class Ring:
    """Garbage that only a collection finds."""

    def __init__(self) -> None:
        self.me = self


@pytest.fixture(autouse=True)
def _thawed() -> None:
    gc.unfreeze()


def test_what_was_there_is_left_alone_until_the_end() -> None:
    before = weakref.ref(Ring())
    with uncollected():
        within = weakref.ref(Ring())
        gc.collect()
        assert before() is not None
        assert within() is None
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert before() is None


def test_what_others_froze_stays_frozen() -> None:
    gc.freeze()
    try:
        frozen = gc.get_freeze_count()
        with uncollected():
            pass
        assert gc.get_freeze_count() == pytest.approx(frozen, rel=0.01)
    finally:
        gc.unfreeze()


def test_the_correction_collects_nothing_that_was_there() -> None:
    p_values = {"one": 0.01, "other": 0.04}
    holm(p_values)  # the first call imports, and collects as it does
    lost = weakref.ref(Ring())
    holm(p_values)
    assert lost() is not None
    gc.collect()
    assert lost() is None


def test_a_block_that_fails_thaws() -> None:
    with pytest.raises(ZeroDivisionError), uncollected():
        raise ZeroDivisionError
    assert gc.get_freeze_count() == 0
