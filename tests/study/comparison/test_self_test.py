"""The procedure tried on itself, in small; benchmarks/promotion.py does it in full."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from study.comparison import self_test
from study.statistics.paired import paired_differences

STUDIES = 12


@pytest.fixture(scope="module")
def equal():
    return [self_test.one_study(number, 80, n_baselines=1) for number in range(STUDIES)]


@pytest.mark.slow
def test_exchangeable_models_are_seldom_promoted(equal):
    promoted = sum(one.promoted for one in equal)
    # With a rate of 5 % more than this comes once in 1000 runs of the test; a rule without the correction for
    # overlapping folds promotes about one study in five.
    assert promoted <= stats.binom.ppf(0.999, STUDIES, 0.05)


@pytest.mark.slow
def test_they_are_exchangeable_and_not_identical(equal):
    differences = [
        np.mean(
            paired_differences(one.evidence.scores("candidate"), one.evidence.scores("baseline 1")).values
        )
        for one in equal
    ]
    assert np.count_nonzero(differences) > STUDIES / 2
    assert stats.ttest_1samp(differences, 0).pvalue > 0.001
    for one in equal:
        assert all(outcome.trials == self_test.TRIALS for outcome in one.evidence.outcomes)
        assert len({str(outcome.chosen) for outcome in one.evidence.outcomes}) > 3, "tuning chose nothing"


@pytest.mark.slow
def test_a_better_model_is_promoted():
    """Baselines that are right only by chance, so that every study must see it."""
    promoted = [self_test.one_study(number, 200, worse=0.45, n_baselines=2).promoted for number in range(3)]
    assert promoted == [True] * 3


def test_the_coin_takes_off_what_it_says():
    """wrong · (2 · accuracy - 1), within four standard errors of 4000 rows."""
    from study.data.moons import Moons
    from study.data.prepare import prepare
    from study.data.preprocessing import Preprocessor
    from study.data.splits.stratified import Stratified

    data = prepare(
        Moons(n_samples=10_000, noise=self_test.NOISE, seed=0), Stratified(n_folds=2), Preprocessor()
    )
    accuracy = []
    for wrong in (0.0, 0.1):
        learner = self_test.Drawn("x", wrong, self_test.FIRST)
        learner.fit(data, None, seed=0, progress=False)
        accuracy.append(float((learner.predict(data.test.inputs).argmax(axis=1) == data.test.targets).mean()))
    expected = accuracy[0] - 0.1 * (2 * accuracy[0] - 1)
    error = np.sqrt(0.1 * 0.9 / len(data.test.targets))
    assert accuracy[1] == pytest.approx(expected, abs=4 * error)
