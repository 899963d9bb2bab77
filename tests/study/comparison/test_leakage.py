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
    leaks, accepted = find_leaks(table(features), SPLITS, Preprocessor(), ["duplicates"])
    assert leaks == [] and "alike in every feature" in accepted[0]


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
