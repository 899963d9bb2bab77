"""Tuning: the same number of trials for everybody, the best of them, and the same ones after an interruption."""

from __future__ import annotations

import math

import pytest

from study.comparison.entrants import Space
from study.comparison.tuning import at_edge, make_trials, read_trials, tune
from study.data.sealed import LeakError

SEARCH = {
    "lr": Space(low=1e-3, high=1.0, log=True),
    "depth": Space(low=1, high=6),
    "kind": Space(values=["a", "b"]),
}
FIRST = {"lr": 0.1, "depth": 3, "kind": "b"}


def bowl(number, values):
    return math.log10(values["lr"] / 0.03) ** 2 + (values["depth"] - 4) ** 2 + (values["kind"] == "b")


def test_the_best_of_all_trials_is_found_and_the_first_is_the_given_one(tmp_path):
    tried = []

    def loss(number, values):
        tried.append((number, dict(values)))
        return bowl(number, values)

    found = tune(tmp_path / "store.sqlite", "x", SEARCH, FIRST, 12, loss, seed=0)
    assert [number for number, _ in tried] == list(range(12)) and found.trials == 12
    assert tried[0][1] == FIRST
    losses = [bowl(number, values) for number, values in tried]
    assert found.loss == min(losses) and found.values == tried[losses.index(min(losses))][1]
    assert found.loss < losses[0], "else the others were for nothing"
    for _, values in tried:
        assert 1e-3 <= values["lr"] <= 1 and values["depth"] in range(1, 7) and values["kind"] in "ab"


def test_of_equal_losses_the_first_counts(tmp_path):
    assert tune(None, "x", SEARCH, FIRST, 4, lambda *_: 1.0, seed=0).number == 0


def test_a_tuning_that_was_killed_goes_on_with_the_trials_that_would_have_come(tmp_path):
    whole, parts = [], []
    tune(
        tmp_path / "a.sqlite", "x", SEARCH, FIRST, 14, lambda n, v: whole.append((n, v)) or bowl(n, v), seed=3
    )

    class Killed(BaseException):
        pass

    def until(number, values):
        if number == 11:  # TPE has begun to learn from what it saw
            raise Killed
        parts.append((number, values))
        return bowl(number, values)

    with pytest.raises(Killed):
        tune(tmp_path / "b.sqlite", "x", SEARCH, FIRST, 14, until, seed=3)
    done = len(parts)
    found = tune(
        tmp_path / "b.sqlite", "x", SEARCH, FIRST, 14, lambda n, v: parts.append((n, v)) or bowl(n, v), seed=3
    )
    assert done == 11 and parts == whole, "finished trials are not repeated, and the others are the same"
    assert found.trials == 14


def test_a_failed_trial_is_counted_and_told(tmp_path):
    def loss(number, values):
        if number in (0, 2):
            raise ValueError("singular matrix")
        return float("nan") if number == 3 else bowl(number, values)

    found = tune(None, "x", SEARCH, FIRST, 5, loss, seed=0)
    assert found.trials == 5 and found.number in (1, 4)
    assert found.failed == ("singular matrix", "singular matrix", "its loss is not a number")


def test_nothing_but_failures_is_a_result(tmp_path):
    def loss(number, values):
        raise RuntimeError("no")

    found = tune(None, "x", SEARCH, FIRST, 3, loss, seed=0)
    assert found.number is None and found.trials == 3 and found.failed[0] == "RuntimeError: no"


def test_a_leak_ends_the_tuning():
    def loss(number, values):
        raise LeakError("leak: x")

    with pytest.raises(LeakError, match="leak: x"):
        tune(None, "x", SEARCH, FIRST, 3, loss, seed=0)


def test_without_a_search_there_is_one_trial():
    assert tune(None, "x", {}, {}, 8, lambda *_: 2.0, seed=0).trials == 1


def test_restarts_are_the_last_of_the_trials_and_fit_the_best_settings_from_other_seeds(tmp_path):
    tried = []

    def loss(number, values):
        tried.append(dict(values))
        lucky = 0.5 if values.get("seed") == max(one.get("seed", 0) for one in tried) > 0 else 0.0
        return bowl(number, values) - lucky

    found = tune(tmp_path / "store.sqlite", "x", SEARCH, FIRST, 7, loss, seed=0, restarts=3)
    settings = [{key: one[key] for key in SEARCH} for one in tried]
    assert len(tried) == 7 == found.trials
    assert [("seed" in one) for one in tried] == 4 * [False] + 3 * [True]
    best = min(settings[:4], key=lambda one: bowl(0, one))
    assert settings[4:] == 3 * [best]
    assert len({one["seed"] for one in tried[4:]}) == 3
    assert found.number >= 4 and found.values == tried[found.number], "the seed that won is in the choice"


def test_restarts_after_an_interruption_have_the_seeds_that_they_would_have_had(tmp_path):
    whole, parts = [], []
    tune(
        tmp_path / "a.sqlite", "x", SEARCH, FIRST, 6, lambda n, v: whole.append(v) or bowl(n, v), seed=1,
        restarts=2,
    )  # fmt: skip

    class Killed(BaseException):
        pass

    def until(number, values):
        if number == 5:
            raise Killed
        parts.append(values)
        return bowl(number, values)

    with pytest.raises(Killed):
        tune(tmp_path / "b.sqlite", "x", SEARCH, FIRST, 6, until, seed=1, restarts=2)
    tune(
        tmp_path / "b.sqlite", "x", SEARCH, FIRST, 6, lambda n, v: parts.append(v) or bowl(n, v), seed=1,
        restarts=2,
    )  # fmt: skip
    assert parts == whole


def test_without_a_search_restarts_are_all_there_is_to_try():
    seeds = []
    found = tune(
        None, "x", {}, {}, 8, lambda n, v: seeds.append(v.get("seed")) or -float(n), seed=0, restarts=2
    )
    assert found.trials == 3 and seeds[0] is None and found.values == {"seed": seeds[2]}


def test_a_time_cap_ends_the_tuning_after_the_trial_that_reached_it(monkeypatch):
    clock = iter(range(0, 1000, 10))
    monkeypatch.setattr("study.comparison.tuning.time.perf_counter", lambda: float(next(clock)))
    assert tune(None, "x", SEARCH, FIRST, 9, bowl, seed=0, seconds=25).trials == 3


def test_trials_are_read_back_by_the_name_of_their_tuning(tmp_path):
    store = tmp_path / "store.sqlite"
    make_trials(store)
    for name, count in (("x", 3), ("y", 2)):
        tune(store, name, SEARCH, FIRST, count, bowl, seed=0)
    trials = read_trials(store)
    assert {name: len(found) for name, found in trials.items()} == {"x": 3, "y": 2}
    assert trials["x"][0].params == FIRST and trials["x"][0].value == pytest.approx(bowl(0, FIRST))


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({"lr": 1.0, "depth": 3, "kind": "a"}, ["lr"]),
        ({"lr": 1.01e-3, "depth": 1, "kind": "a"}, ["lr", "depth"]),
        ({"lr": 0.03, "depth": 5, "kind": "b"}, []),
    ],
)
def test_settings_at_the_end_of_their_range_are_named(values, expected):
    assert at_edge(SEARCH, values) == expected
