"""Conditions: fewer rows nested in each other, labels with as much noise as was asked for, test rows untouched."""

from __future__ import annotations

import numpy as np
import pytest

from study.comparison.conditions import under
from study.comparison.evidence import PLAIN, Condition
from study.data.breast_cancer import BreastCancer
from study.data.diabetes import Diabetes
from study.data.prepare import load_table, prepare
from study.data.preprocessing import Preprocessor
from study.data.splits.stratified import Stratified

TABLES = {"classification": load_table(BreastCancer()), "regression": load_table(Diabetes())}
SPLIT = Stratified(n_folds=5, fold=1)


@pytest.mark.parametrize("task", TABLES)
def test_the_plain_condition_is_the_split_itself(task):
    changed, given = under(PLAIN, TABLES[task], SPLIT)
    expected, found = SPLIT.parts(TABLES[task]), given.parts(changed)
    for part in ("train", "validation", "test"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    assert changed.target.equals(TABLES[task].target)


@pytest.mark.parametrize("task", TABLES)
def test_fractions_are_nested_and_in_proportion(task):
    table = TABLES[task]
    whole = SPLIT.parts(table)
    before: dict[str, set[int]] = {"train": set(), "validation": set()}
    for fraction in (0.1, 0.3, 0.7):
        changed, given = under(Condition(fraction=fraction), table, SPLIT)
        parts = given.parts(changed)
        np.testing.assert_array_equal(parts.test, whole.test)
        for part in before:
            rows = set(getattr(parts, part).tolist())
            assert before[part] <= rows <= set(getattr(whole, part).tolist())
            assert len(rows) == pytest.approx(fraction * len(getattr(whole, part)), abs=6)
            before[part] = rows
        if task == "classification":
            share = table.codes[parts.train].mean()
            assert share == pytest.approx(table.codes[whole.train].mean(), abs=0.03)


def test_as_many_labels_change_as_were_asked_for_and_none_of_the_test_part():
    table = TABLES["classification"]
    changed, given = under(Condition(label_noise=0.2), table, SPLIT)
    parts = given.parts(changed)
    known = np.concatenate([parts.train, parts.validation])
    moved = changed.codes != table.codes
    assert moved[known].sum() == round(0.2 * len(known)) and not moved[parts.test].any()
    again, _ = under(Condition(label_noise=0.2), table, SPLIT)
    np.testing.assert_array_equal(again.codes, changed.codes)
    other, _ = under(Condition(label_noise=0.2), table, Stratified(n_folds=5, fold=2))
    assert (other.codes != changed.codes).any()


def test_noise_of_a_quantity_has_the_deviation_that_was_asked_for():
    table = TABLES["regression"]
    changed, given = under(Condition(label_noise=0.5), table, SPLIT)
    parts = given.parts(changed)
    noise = changed.target.to_numpy() - table.target.to_numpy()
    assert (noise[parts.test] == 0).all()
    deviation = table.target.to_numpy()[parts.train].std()
    # The standard deviation of n normal numbers has a standard error of 1 / √(2n), here 4 %.
    assert noise[parts.train].std() == pytest.approx(0.5 * deviation, rel=0.2)


def test_prepared_data_follow_the_condition():
    table = TABLES["classification"]
    changed, given = under(Condition(fraction=0.25), table, SPLIT)
    data = prepare(changed, given, Preprocessor())
    np.testing.assert_allclose(data.train.inputs.mean(axis=0), 0, atol=1e-9)
    assert len(data.train.rows) == len(given.parts(changed).train)
