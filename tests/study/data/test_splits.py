"""Splits: disjoint, complete, proportional, groups together, time in order, and a function of the data alone."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import StratifiedKFold, TimeSeriesSplit

from study.data.iris import Iris
from study.data.splits.base import Parts, Split
from study.data.splits.group import Group
from study.data.splits.stratified import Stratified
from study.data.splits.time import Time
from study.data.table import Table
from study.errors import StudyError
from tests.study.data.make_tables import classification_tables, mixed_frame, regression_tables, table_of

protocols = st.fixed_dictionaries(
    {
        "n_folds": st.integers(2, 6),
        "fold": st.integers(0, 5),
        "repeat": st.integers(0, 3),
        "validation_fraction": st.sampled_from([0.1, 0.2, 0.35]),
    }
).filter(lambda p: p["fold"] < p["n_folds"])
few = settings(max_examples=40)


def union(parts: Parts) -> np.ndarray:
    return np.sort(np.concatenate([parts.train, parts.validation, parts.test]))


def check_partition(parts: Parts, n_rows: int) -> None:
    assert union(parts).tolist() == list(range(n_rows))


def check_groups_together(parts: Parts, groups: np.ndarray) -> None:
    sides = [set(groups[rows]) for rows in (parts.train, parts.validation, parts.test)]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def check_time_order(parts: Parts, times: np.ndarray) -> None:
    assert times[parts.train].max() < times[parts.validation].min()
    assert times[parts.validation].max() < times[parts.test].min()


def check_proportions(parts: Parts, labels: np.ndarray, split: Split) -> None:
    """Each class within one row of its share of the test part, and within one of its share of the validation part."""
    for label in np.unique(labels):
        total = int((labels == label).sum())
        tested = int((labels[parts.test] == label).sum())
        assert abs(tested - total / split.n_folds) < 1 + 1e-9
        rest = total - tested
        held_out = int((labels[parts.validation] == label).sum())
        assert abs(held_out - split.validation_fraction * rest) <= 1


@dataclasses.dataclass(frozen=True, kw_only=True)
class Contiguous(Split):
    """A wrong split: blocks in file order, whatever the classes, groups and times."""

    def divide(self, table: Table) -> Parts:
        rest, test = np.array_split(np.arange(len(table.target)), [len(table.target) * 2 // 3])
        return Parts(rest[5:], rest[:5], test)


@few
@given(st.one_of(classification_tables(), regression_tables()), protocols)
def test_stratified_covers_every_row_once(table: Table, protocol: dict) -> None:
    check_partition(Stratified(**protocol).parts(table), len(table.target))


@few
@given(classification_tables(), protocols)
def test_stratified_keeps_class_proportions(table: Table, protocol: dict) -> None:
    split = Stratified(**protocol)
    check_proportions(split.parts(table), table.codes, split)


def test_the_proportion_check_fails_on_a_split_that_ignores_classes() -> None:
    table = Iris().load()  # sorted by class
    with pytest.raises(StudyError, match="no row in the training part"):
        Contiguous().parts(table)
    parts = Contiguous().divide(table)
    with pytest.raises(AssertionError):
        check_proportions(parts, table.codes, Stratified())


@few
@given(regression_tables(), protocols)
def test_stratified_regression_spreads_the_quantity(table: Table, protocol: dict) -> None:
    """Within each third of the target, the test part takes its share."""
    parts = Stratified(**protocol).parts(table)
    ranks = table.target.rank(method="first").to_numpy() - 1
    thirds = (ranks * 3 // len(ranks)).astype(int)
    for third in range(3):
        share = (thirds[parts.test] == third).sum() / (thirds == third).sum()
        assert abs(share - 1 / protocol["n_folds"]) < 0.2


def test_the_test_folds_are_scikit_learns_under_the_derived_seed() -> None:
    table = Iris().load()
    seed = Stratified(repeat=2).random_state(table, "test")
    folds = StratifiedKFold(5, shuffle=True, random_state=seed).split(table.features, table.target)
    for fold, (_, test) in enumerate(folds):
        assert Stratified(fold=fold, repeat=2).parts(table).test.tolist() == test.tolist()


@pytest.mark.parametrize("make", [Stratified, lambda **f: Group(group="patient", **f)])
def test_the_test_parts_of_a_repeat_cover_the_table_once(make) -> None:
    table = table_of(mixed_frame(80))
    tested = np.concatenate([make(fold=fold).parts(table).test for fold in range(5)])
    assert sorted(tested) == list(range(80))


@few
@given(st.one_of(classification_tables(), regression_tables()), protocols)
def test_groups_stay_together(table: Table, protocol: dict) -> None:
    split = Group(group="group", **protocol)
    try:
        parts = split.parts(table)
    except StudyError:  # e.g. all rows of a class in one group
        assume(False)
    check_partition(parts, len(table.target))
    check_groups_together(parts, table.features["group"].to_numpy())


def test_the_group_check_fails_on_a_split_that_ignores_groups() -> None:
    table = table_of(mixed_frame())
    with pytest.raises(AssertionError):
        check_groups_together(Stratified().parts(table), table.features["patient"].to_numpy())


def test_group_validation_is_near_the_wanted_fraction() -> None:
    table = table_of(mixed_frame(200))
    parts = Group(group="patient", validation_fraction=0.25).parts(table)
    assert len(parts.validation) / (len(parts.validation) + len(parts.train)) == pytest.approx(0.25, abs=0.03)
    assert table.codes[parts.validation].mean() == pytest.approx(0.5, abs=0.05)


@few
@given(st.one_of(classification_tables(), regression_tables()), protocols)
def test_time_order_is_strict_even_with_ties(table: Table, protocol: dict) -> None:
    split = Time(time="time", **{**protocol, "repeat": 0})
    try:
        parts = split.parts(table)
    except StudyError:  # e.g. a class that only appears later
        assume(False)
    check_time_order(parts, table.features["time"].to_numpy())


def test_the_time_check_fails_on_a_shuffled_split() -> None:
    table = table_of(mixed_frame())
    with pytest.raises(AssertionError):
        check_time_order(Stratified().parts(table), table.features["day"].to_numpy())


@pytest.mark.parametrize("n_rows", [23, 60, 61])
def test_time_windows_are_those_of_time_series_split(n_rows: int) -> None:
    table = table_of(mixed_frame(n_rows))
    order = table.features["day"].argsort().to_numpy()
    for fold, (past, future) in enumerate(TimeSeriesSplit(4).split(order)):
        parts = Time(time="day", n_folds=4, fold=fold).parts(table)
        assert parts.test.tolist() == order[future].tolist()
        assert np.concatenate([parts.train, parts.validation]).tolist() == order[past].tolist()


def test_time_without_a_column_is_file_order() -> None:
    parts = Time().parts(table_of(mixed_frame()))
    assert np.concatenate([parts.train, parts.validation, parts.test]).tolist() == list(range(20))


@pytest.mark.parametrize(
    "times",
    [
        pd.date_range("2020-01-01", periods=60, freq="h")[::-1],
        pd.date_range("2020-01-01", periods=60, freq="D", tz="Europe/Vienna")[::-1],
        [str(day.date()) for day in pd.date_range("2019-12-01", periods=60)][::-1],
        [day.date() for day in pd.date_range("2019-12-01", periods=60)][::-1],
        np.arange(60.0)[::-1],
    ],
    ids=["datetime", "zoned", "text", "date", "number"],
)
def test_time_reads_every_kind_of_moment(times) -> None:
    table = table_of(mixed_frame(60).assign(day=times))
    parts = Time(time="day", fold=4).parts(table)
    assert np.concatenate([parts.train, parts.validation, parts.test]).tolist() == list(range(59, -1, -1))


def test_splits_are_a_function_of_data_and_protocol() -> None:
    table = table_of(mixed_frame())
    same = table_of(mixed_frame())
    for split in (Stratified(), Group(group="patient"), Time(time="day")):
        once, again = split.parts(table), split.parts(same)
        assert all(
            np.array_equal(getattr(once, p), getattr(again, p)) for p in ("train", "validation", "test")
        )
    test = Stratified().parts(table).test.tolist()
    assert Stratified(validation_fraction=0.4).parts(table).test.tolist() == test
    assert Stratified(repeat=1).parts(table).test.tolist() != test
    other = table_of(mixed_frame(seed=1))
    assert Stratified().parts(other).test.tolist() != test


def test_splits_are_the_same_in_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python's own `hash` changes from process to process; nothing here may depend on it."""
    code = (
        "import json; from study.data.iris import Iris; from study.data.splits.stratified import Stratified;"
        "print(json.dumps(Stratified(repeat=3).parts(Iris().load()).test.tolist()))"
    )
    monkeypatch.setenv("PYTHONHASHSEED", "123")
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert json.loads(answer.stdout) == Stratified(repeat=3).parts(Iris().load()).test.tolist()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Stratified(fold=5), r"split.fold=5 does not exist.*0 to 4"),
        (lambda: Stratified(fold=-1), "split.fold=-1"),
        (lambda: Stratified(n_folds=1), "split.n_folds=1"),
        (lambda: Stratified(n_folds="five"), "split.n_folds='five'"),
        (lambda: Stratified(repeat=True), "split.repeat=True"),
        (lambda: Stratified(validation_fraction=1.0), "split.validation_fraction=1.0"),
        (lambda: Stratified(validation_fraction=0), "split.validation_fraction=0"),
        (lambda: Group(), "split.group=<column>"),
        (lambda: Time(repeat=1), "split.repeat=1 has no meaning"),
    ],
)
def test_impossible_protocols_are_refused_at_once(make, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        make()


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (Stratified(n_folds=31), r"n_folds=31 is more than the class 'no'.*\(30\)"),
        (Group(group="patiente"), r"not a column.*did you mean 'patient'\?.*'age', 'dose'"),
        (Group(group="ill"), "is the target"),
        (Group(group="name"), "set aside by data.drop"),
        (Group(group="site"), "has 2 groups.*at least 5"),
        (Group(group="ward"), "has 1 missing values"),
        (Time(time="colour"), "'red', which is neither a number nor a date"),
        (Time(time="site", n_folds=2), "would be empty"),
        (Time(n_folds=60), "n_folds=60 needs at least 61 rows"),
        (Time(time="class_order"), "class 'yes'.*no row in the training part"),
    ],
)
def test_splits_that_the_table_cannot_serve_are_refused(split: Split, message: str) -> None:
    frame = mixed_frame(60)
    frame["site"] = np.arange(60) % 2
    frame["ward"] = [None, *["w"] * 59]
    frame["class_order"] = (frame["ill"] == "yes") * 100 + np.arange(60)
    with pytest.raises(StudyError, match=message):
        split.parts(table_of(frame, ignored=("name",)))


def test_a_regression_needs_more_rows_than_folds() -> None:
    with pytest.raises(StudyError, match="needs more than 5 rows"):
        Stratified().parts(table_of(mixed_frame(5), "dose", "regression"))


def test_a_class_in_one_group_only_is_refused_where_it_is_tested() -> None:
    frame = mixed_frame(60).assign(
        ill=["rare"] * 6 + ["no", "yes"] * 27, patient=[0] * 6 + list(range(1, 55))
    )
    splits = [Group(group="patient", fold=fold) for fold in range(5)]
    split = next(split for split in splits if 0 in split.divide(table_of(frame)).test)
    with pytest.raises(StudyError, match=r"class 'rare' .* no row in the training part"):
        split.parts(table_of(frame))


@pytest.mark.parametrize(
    ("parts", "message"),
    [(([0, 1], [1], [2]), "row 1 is in two places"), (([0], [], [1]), "validation part.*empty")],
)
def test_parts_refuse_shared_rows_and_empty_parts(parts, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        Parts(*map(np.array, parts))


@pytest.mark.parametrize("rare", [2, 3])
def test_a_rare_class_is_on_both_sides_of_validation(rare: int) -> None:
    frame = mixed_frame(60).assign(ill=["rare"] * (rare + 1) + ["no"] * (59 - rare))
    parts = Stratified(n_folds=rare + 1, validation_fraction=0.05).parts(table_of(frame))
    codes = table_of(frame).codes
    assert set(codes[parts.train]) == set(codes[parts.validation]) == {0, 1}
