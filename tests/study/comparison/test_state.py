"""How far a job came, by its folder alone."""

from __future__ import annotations

import pytest

from study.comparison.state import OUTCOME, RECORD, read_state, write_state


@pytest.mark.parametrize(
    ("recorded", "outcome", "expected"),
    [
        (None, False, "absent"),
        (None, True, "finished"),
        ("running", False, "running"),
        ("running", True, "finished"),  # killed between the outcome and the record
        ("failed", False, "failed"),
        ("finished", True, "finished"),
        ("finished", False, "running"),  # the outcome was removed
    ],
)
def test_the_outcome_decides(tmp_path, recorded, outcome, expected):
    if recorded is not None:
        write_state(tmp_path, status=recorded, begun="2026-01-01")
    if outcome:
        (tmp_path / OUTCOME).write_text("{}")
    assert read_state(tmp_path).status == expected


def test_a_record_that_cannot_be_read_is_none(tmp_path):
    (tmp_path / RECORD).write_text("{")
    assert read_state(tmp_path).status == "absent"


def test_entries_are_added_to_the_record(tmp_path):
    write_state(tmp_path, status="running", begun="a")
    write_state(tmp_path, status="failed", failure="why")
    state = read_state(tmp_path)
    assert (state.status, state.failure, state.begun) == ("failed", "why", "a")
