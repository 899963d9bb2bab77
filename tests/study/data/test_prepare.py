"""From a dataset to arrays: the checks before, the policy for gaps, and nothing learned from the test part."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from study.data.breast_cancer import BreastCancer
from study.data.contract import Contract
from study.data.diabetes import Diabetes
from study.data.prepare import Prepared, load_table, prepare
from study.data.preprocessing import Preprocessor
from study.data.splits.base import Parts, Split
from study.data.splits.group import Group
from study.data.splits.stratified import Stratified
from study.data.splits.time import Time
from study.data.table import Table
from study.errors import StudyError
from tests.study.data.make_tables import mixed_frame, table_of


@dataclasses.dataclass(frozen=True, kw_only=True)
class Fixed(Split):
    """The same rows whatever their values, so that values can be changed under it."""

    def divide(self, table: Table) -> Parts:
        third = len(table.target) // 3
        rows = np.arange(len(table.target))
        return Parts(rows[:third], rows[third : 2 * third], rows[2 * third :])


def check_no_leak(make: Callable[[Table, Split, Preprocessor], Prepared], scale: str) -> None:
    """Whatever is learned stays the same when every value outside the training part changes."""
    frame = mixed_frame(60)
    changed = frame.copy()
    changed.loc[20:, ["age", "dose"]] = [999, -1e6]
    changed.loc[20:, "colour"] = np.where(np.arange(40) % 2, "violet", "pink")
    changed.loc[20:, "smoker"] = True
    before = make(table_of(frame), Fixed(), Preprocessor(scale))
    after = make(table_of(changed), Fixed(), Preprocessor(scale))
    assert (before.preprocessor, before.contract) == (after.preprocessor, after.contract)
    assert before.train.inputs.tobytes() == after.train.inputs.tobytes()
    assert before.test.inputs.tobytes() != after.test.inputs.tobytes()


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_nothing_is_learned_outside_the_training_part(scale: str) -> None:
    check_no_leak(prepare, scale)


def scaled_on_everything(table: Table, split: Split, preprocessor: Preprocessor) -> Prepared:
    return dataclasses.replace(
        prepare(table, split, preprocessor), preprocessor=preprocessor.fit(table.features)
    )


def contract_on_everything(table: Table, split: Split, preprocessor: Preprocessor) -> Prepared:
    return dataclasses.replace(prepare(table, split, preprocessor), contract=Contract.of(table.features))


@pytest.mark.parametrize("wrong", [scaled_on_everything, contract_on_everything])
def test_the_leak_check_fails_where_something_is_learned_from_all_rows(wrong) -> None:
    with pytest.raises(AssertionError):
        check_no_leak(wrong, "standard")


def test_training_inputs_are_standardised_and_the_others_are_not() -> None:
    prepared = prepare(BreastCancer(), Stratified(), Preprocessor())
    np.testing.assert_allclose(prepared.train.inputs.mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(prepared.train.inputs.std(axis=0), 1, atol=1e-12)
    assert np.abs(prepared.test.inputs.mean(axis=0)).max() > 1e-3


def test_classification_fields() -> None:
    prepared = prepare(BreastCancer(), Stratified(fold=3), Preprocessor())
    table = BreastCancer().load()
    assert (prepared.n_inputs, prepared.n_outputs, prepared.classes) == (30, 2, ["benign", "malignant"])
    assert (prepared.task, prepared.name, prepared.fingerprint) == (
        "classification",
        "breast_cancer",
        table.fingerprint,
    )
    assert prepared.test.targets.dtype == np.int64
    labels = np.array(prepared.classes)[prepared.test.targets]
    assert labels.tolist() == table.target.iloc[prepared.test.rows].tolist()
    again = prepared.preprocessor.transform(table.features.iloc[prepared.test.rows])
    assert again.tobytes() == prepared.test.inputs.tobytes()


def test_regression_targets_stay_in_their_units() -> None:
    prepared = prepare(Diabetes(), Stratified(), Preprocessor())
    assert (prepared.n_outputs, prepared.classes) == (1, [])
    assert prepared.train.targets.dtype == np.float64
    expected = Diabetes().load().target.iloc[prepared.train.rows]
    assert prepared.train.targets.tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("split", "column"), [(Group(group="patient"), "patient"), (Time(time="day"), "day")]
)
def test_the_column_of_the_split_is_no_feature(split: Split, column: str) -> None:
    prepared = prepare(table_of(mixed_frame()), split, Preprocessor())
    assert column not in prepared.feature_names
    assert column not in prepared.contract.names
    assert prepared.contract.ignored == ("ill", column)


def test_a_split_column_may_hold_what_no_feature_could() -> None:
    days = pd.date_range("2020-01-01", periods=60)
    frame = mixed_frame().assign(day=days, patient=[f"patient number {i // 2}" for i in range(60)])
    prepare(table_of(frame.drop(columns="patient")), Time(time="day"), Preprocessor())
    prepare(table_of(frame.drop(columns="day")), Group(group="patient"), Preprocessor())


def gappy() -> pd.DataFrame:
    frame = mixed_frame(60)
    frame["dose"] = frame["dose"].mask(frame.index.isin([0, 7]))
    frame.loc[11, "dose"] = np.inf
    frame.loc[20, "colour"] = None
    return frame


def test_error_names_columns_counts_and_policies() -> None:
    with pytest.raises(
        StudyError, match=r"of 60 rows\) in 'dose' \(3\), 'colour' \(1\).*drop.*mean, median or most_freq"
    ):
        load_table(table_of(gappy()))


def test_drop_removes_rows_before_the_split_and_counts_them() -> None:
    prepared = prepare(table_of(gappy(), missing="drop"), Stratified(), Preprocessor())
    assert prepared.dropped_rows == 4
    rows = np.concatenate([prepared.train.rows, prepared.validation.rows, prepared.test.rows])
    assert sorted(rows) == sorted(set(range(60)) - {0, 7, 11, 20})
    positions = np.concatenate([prepared.parts.train, prepared.parts.validation, prepared.parts.test])
    assert sorted(positions) == list(range(56))
    kept = gappy().drop(index=[0, 7, 11, 20]).reset_index(drop=True)
    assert prepared.fingerprint == load_table(table_of(kept)).fingerprint


@pytest.mark.parametrize("policy", ["mean", "median", "most_frequent"])
def test_filling_policies_keep_every_row_and_learn_the_fill_from_training_rows(policy: str) -> None:
    prepared = prepare(table_of(gappy(), missing=policy), Fixed(), Preprocessor("none"))
    dose = gappy()["dose"].replace(np.inf, np.nan)[:20]
    expected = {"mean": dose.mean(), "median": dose.median(), "most_frequent": dose.min()}[policy]
    assert prepared.train.inputs[[0, 7, 11], 1] == pytest.approx([expected] * 3)
    assert prepared.dropped_rows == 0


def broken(**columns) -> Table:
    return table_of(mixed_frame(60).assign(**columns))


N = np.arange(60)
BAD_TABLES = {
    "constant target": (broken(ill="no"), "target 'ill'.*constant: all 60 rows hold 'no'"),
    "constant quantity": (
        table_of(mixed_frame().assign(dose=1.0), "dose", "regression"),
        "target 'dose'.*constant",
    ),
    "one sample in a class": (
        broken(ill=["once", *(["no", "yes"] * 30)[:59]]),
        r"1 of 3 classes with a single sample \('once'\).*at least two",
    ),
    "gap in the target": (broken(ill=[None, *["no", "yes"] * 29, "no"]), "target 'ill'.* 1 missing"),
    "text for a quantity": (table_of(mixed_frame(), "ill", "regression"), "'ill'.*not numeric"),
    "free text": (
        broken(note=[f"visit no. {i} went well" for i in N]),
        r"'note' holds 60.*data\.drop=\['note'\]",
    ),
    "dates as text": (
        broken(seen=[f"2020-01-{i % 28 + 1:02}" for i in N]),
        r"'seen'.*dates.*split\.time=seen",
    ),
    "dates": (broken(seen=pd.date_range("2020", periods=60)), r"'seen' holds dates or times.*data\.drop"),
    "durations": (broken(took=pd.to_timedelta(N, unit="s")), "'took' holds dates or times"),
    "lists": (broken(path=[[i, i] for i in N]), "'path' holds lists"),
    "bytes": (broken(raw=[b"x"] * 60), "'raw' holds raw bytes"),
    "complex": (broken(z=N * 1j), "'z' holds complex"),
    "numbers with a slip": (
        broken(dose=[*map(str, N[:-1] / 7), "1,5"]),
        "nearly all are numbers, but '1,5' is none",
    ),
    "a question mark among ages": (
        broken(age=["?", *map(str, 20 + N[1:] % 12)]),
        r"nearly all are numbers, but '\?' is",
    ),
    "all gaps": (
        dataclasses.replace(broken(gone=np.nan), missing="mean"),
        r"'gone' holds no value at all",
    ),
    "all rows dropped": (dataclasses.replace(broken(gone=np.nan), missing="drop"), "leaves no row.*'gone'"),
    "duplicate columns": (
        Table(
            "t", pd.DataFrame(np.ones((4, 2)), columns=["a", "a"]), pd.Series([0, 1, 0, 1]), "classification"
        ),
        "several columns named 'a'",
    ),
    "no rows": (Table("t", pd.DataFrame({"a": []}), pd.Series([], dtype=int), "classification"), "no rows"),
    "no columns": (
        Table("t", pd.DataFrame(index=range(20)), pd.Series(N[:20] % 2), "classification"),
        "no feature",
    ),
    "unknown policy": (dataclasses.replace(broken(), missing="zero"), "data.missing='zero'"),
    "not a dataset": ("iris", "data is a str"),
}


@pytest.mark.parametrize("case", BAD_TABLES)
def test_bad_data_is_refused_with_one_clear_message(case: str) -> None:
    source, message = BAD_TABLES[case]
    with pytest.raises(StudyError, match=message) as caught:
        prepare(source, Stratified(), Preprocessor())
    assert "\n" not in str(caught.value)


def test_the_number_of_categories_is_limited_by_a_declared_number() -> None:
    codes = pd.Series([f"c{i % 30}" for i in range(300)])
    table = Table("t", codes.to_frame("code"), pd.Series(np.arange(300) % 2), "classification")
    assert prepare(table, Stratified(), Preprocessor()).n_inputs == 30
    with pytest.raises(StudyError, match=r"30 different texts.*preprocessing\.max_categories=29"):
        prepare(table, Stratified(), Preprocessor(max_categories=29))


def test_column_names_that_are_no_text_become_text() -> None:
    features = pd.DataFrame(np.random.default_rng(0).normal(size=(40, 2)))
    prepared = prepare(
        Table("t", features, pd.Series(np.arange(40) % 2), "classification"), Stratified(), Preprocessor()
    )
    assert prepared.feature_names == ["0", "1"]


def test_drop_and_fixed_parts_exclude_each_other() -> None:
    fixed = Parts(np.arange(20), np.arange(20, 40), np.arange(40, 60))
    with pytest.raises(StudyError, match="brings its own split"):
        load_table(table_of(gappy(), missing="drop", fixed_parts=fixed))


@pytest.mark.parametrize("code", ["{:02}", "d{}"], ids=["digits", "letter and digits"])
def test_codes_are_categories(code: str) -> None:
    codes = pd.DataFrame({"code": [code.format(row % 20) for row in range(90)]})
    table = Table("t", codes, pd.Series(np.arange(90) // 2 % 2), "classification")
    assert prepare(table, Fixed(), Preprocessor()).n_inputs == 20
