"""Planted leaks are caught and named; sound data pass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pandas as pd
import pytest
from sklearn.preprocessing import StandardScaler

from study.comparison.leakage import find_leaks
from study.data.breast_cancer import BreastCancer
from study.data.prepare import load_table
from study.data.preprocessing import Preprocessor
from study.data.splits.base import Parts, Split
from study.data.splits.stratified import Stratified
from study.data.table import Table
from study.errors import StudyError

SPLITS = [Stratified(n_folds=4, fold=fold) for fold in range(4)]


def table(features=None, n_rows=120, seed=0):
    random = np.random.default_rng(seed)
    target = pd.Series(np.tile(["no", "yes"], n_rows // 2), name="target")
    if features is None:
        features = pd.DataFrame(random.normal(5, 2, (n_rows, 4)), columns=list("abcd"))
        features["site"] = np.where(random.random(n_rows) < 0.5, "north", "south")
        features["old"] = random.random(n_rows) < 0.3
    return load_table(Table("made", features, target, "classification"))


@pytest.mark.parametrize("scale", ["standard", "minmax", "none"])
def test_sound_data_pass(scale):
    assert find_leaks(table(), SPLITS, Preprocessor(scale=scale)) == ([], [])


def test_breast_cancer_passes():
    assert find_leaks(load_table(BreastCancer()), [Stratified(n_folds=5, fold=0)], Preprocessor()) == ([], [])


def test_rows_repeated_across_folds_are_caught():
    features = table().features.copy()
    features.iloc[100:107] = features.iloc[:7].to_numpy()
    leaks, _ = find_leaks(table(features), SPLITS, Preprocessor())
    assert len(leaks) == 1 and "alike in every feature" in leaks[0] and "split=group" in leaks[0]
    # By hand: the folds of each pair.
    at = np.zeros(120, dtype=int)
    for split in SPLITS:
        at[split.parts(table(features)).test] = split.fold
    apart = [row for row in range(7) if at[row] != at[100 + row]]
    folds = sorted({at[row] for row in apart} | {at[100 + row] for row in apart})
    assert 0 < len(apart) <= 7 and len(folds) > 1
    assert f"{len(apart)} pairs of rows are alike" in leaks[0]
    assert (
        f"in {len(folds)} of 4 folds (folds {', '.join(map(str, folds[:-1]))} and {folds[-1]} of" in leaks[0]
    )
    assert f"header: {'; '.join(f'{row + 1} and {row + 101}' for row in apart)}. Remove" in leaks[0]
    leaks, accepted = find_leaks(table(features), SPLITS, Preprocessor(), ["duplicates"])
    assert leaks == [] and "alike in every feature" in accepted[0]


def test_of_many_repeated_rows_the_first_ten_pairs_are_named():
    """Half of 600 rows twice over: the count ends, and so does the list."""
    features = pd.DataFrame({"x": np.arange(600) % 2, "y": 0.5})
    target = pd.Series(np.tile(["no", "yes"], 300), name="target")
    [leak], _ = find_leaks(
        load_table(Table("few", features, target, "classification")), SPLITS, Preprocessor()
    )
    assert "more than 10,000 pairs of rows are alike" in leak and "in 4 of 4 folds" in leak
    named = leak.partition("header: ")[2].partition("; …. Remove")[0].split("; ")
    assert len(named) == 10 and all(pair.startswith("1 and ") for pair in named)


def test_rows_have_the_numbers_of_the_file_though_some_were_dropped():
    features = table().features.copy()
    features.iloc[100] = features.iloc[3].to_numpy()
    features.loc[0, "a"] = np.nan
    target = pd.Series(np.tile(["no", "yes"], 60), name="target")
    made = load_table(Table("made", features, target, "classification", missing="drop"))
    assert len(made.target) == 119
    splits = [Stratified(n_folds=10, fold=fold) for fold in range(10)]
    [leak], _ = find_leaks(made, splits, Preprocessor())
    assert "1 pair of rows is alike" in leak and "header: 4 and 101. Remove" in leak


def test_repeated_rows_on_one_side_are_no_leak():
    """A repeat of a training row in the training part is seen by nobody who must not see it."""
    made = table()
    parts = SPLITS[0].parts(made)
    features = made.features.copy()
    features.iloc[parts.train[:5]] = features.iloc[parts.train[5:10]].to_numpy()

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Fixed(Split):
        def divide(self, table: Table) -> Parts:
            return parts

    assert find_leaks(table(features), [Fixed()], Preprocessor()) == ([], [])


def test_a_scaler_fitted_before_the_study_is_caught():
    features = pd.DataFrame(
        StandardScaler().fit_transform(np.random.default_rng(1).normal(5, 2, (120, 4))), columns=list("abcd")
    )
    leaks, _ = find_leaks(table(features), SPLITS, Preprocessor())
    assert len(leaks) == 1 and "standardised before the split" in leaks[0]
    assert find_leaks(table(features), SPLITS, Preprocessor(), ["scaled"])[0] == []


def test_a_scaler_that_was_fitted_on_everything_is_caught():
    made = table()
    everything = Preprocessor().fit(made.features)

    @dataclasses.dataclass(frozen=True)
    class FittedBefore(Preprocessor):
        def fit(self, features, missing="error"):
            return everything

    leaks, _ = find_leaks(made, SPLITS, FittedBefore())
    assert len(leaks) == 1 and "over all rows and not over the training part" in leaks[0]
    assert "FittedBefore" in leaks[0]


def test_a_step_that_reads_more_than_it_is_given_is_caught(monkeypatch):
    """A preparation that hands all rows to `fit`, as many published pipelines do."""
    from study.data import prepare as module

    honest = module.Preprocessor.fit

    def leaky(self, features, missing="error"):
        whole = features.attrs.get("whole", features)
        return honest(self, whole, missing)

    real = module.load_table

    def remembering(source):
        loaded = real(source)
        loaded.features.attrs["whole"] = loaded.features.copy()
        return loaded

    monkeypatch.setattr(module, "load_table", remembering)
    monkeypatch.setattr(module.Preprocessor, "fit", leaky)
    leaks, _ = find_leaks(table(), SPLITS, Preprocessor(scale="minmax"))
    assert len(leaks) == 1 and "inputs of the training part change when rows of the test part do" in leaks[0]


def test_parts_that_share_rows_are_refused():
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Careless(Split):
        def divide(self, table: Table) -> Parts:
            rows = np.arange(len(table.target))
            return Parts(train=rows[:80], validation=rows[90:110], test=rows[90:])

    with pytest.raises(StudyError, match="must not share rows"):
        find_leaks(table(), [Careless()], Preprocessor())
