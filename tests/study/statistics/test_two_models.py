"""Two models on the folds of one dataset: differences, corrected t, Bayesian correlated t, bootstrap."""

from __future__ import annotations

import math

import baycomp
import numpy as np
import pytest
from scipy import integrate, special, stats

from study.errors import StudyError
from study.statistics.bootstrap import Bootstrap, bootstrap_mean
from study.statistics.corrected_t import CorrectedT, corrected_t_test
from study.statistics.correlated_bayes import PosteriorOfDifference, correlated_bayes
from study.statistics.paired import PairedDifferences, paired_differences
from study.statistics.undecided import Undecided

# Student's sleep data, as R ships it: extra hours under two drugs.
DRUG_1 = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
DRUG_2 = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]


def folds(values, n_folds=5):
    return {divmod(at, n_folds): value for at, value in enumerate(values)}


def differences(first, second) -> PairedDifferences:
    found = paired_differences(folds(first), folds(second))
    assert isinstance(found, PairedDifferences)
    return found


@pytest.fixture(scope="module")
def scores() -> tuple[np.ndarray, np.ndarray]:
    """Two repeats of five folds."""
    stream = np.random.default_rng(7)
    first = 0.9 + 0.02 * stream.normal(size=10)
    return first, first - 0.01 + 0.015 * stream.normal(size=10)


def student_density(x: float, df: int) -> float:
    return (
        math.exp(special.gammaln((df + 1) / 2) - special.gammaln(df / 2))
        / math.sqrt(df * math.pi)
        * (1 + x * x / df) ** (-(df + 1) / 2)
    )


# ---------------------------------------------------------------- paired differences


def test_differences_are_fold_by_fold_whatever_the_order():
    first = {(1, 0): 0.5, (0, 1): 0.75, (0, 0): 1.0}
    second = {(0, 0): 0.5, (0, 1): 0.75, (1, 0): 1.0}
    found = paired_differences(first, second)
    assert found == PairedDifferences(((0, 0), (0, 1), (1, 0)), (0.5, 0.0, -0.5), 1.0)
    assert (found.wins, found.losses, found.mean) == (1, 1, 0.0)
    assert found.deviation == 0.5
    assert "better on 1, worse on 1, tied on 1" in str(found)


def test_a_failed_fold_is_named_and_not_left_out():
    first = folds([0.9, 0.8, 0.7])
    second = {split: value for split, value in first.items() if split != (0, 1)}
    assert "1 of 3 folds" in str(paired_differences(first, second))
    assert "fold 1 of repeat 0" in str(paired_differences(first, second))
    assert "no finite score" in str(paired_differences(first, {**first, (0, 1): math.nan}))
    assert isinstance(paired_differences({}, {}), Undecided)


# ---------------------------------------------------------------- corrected resampled t-test


def nadeau_bengio(values: np.ndarray, ratio: float) -> tuple[float, float, float]:
    """Error, statistic and p-value: the paper's formula in sums, the p-value by integrating Student's density."""
    n = len(values)
    mean = math.fsum(values) / n
    variance = math.fsum((value - mean) ** 2 for value in values) / (n - 1)
    error = math.sqrt((1 / n + ratio) * variance)
    tail, _ = integrate.quad(student_density, abs(mean / error), np.inf, args=(n - 1,), epsabs=1e-12)
    return error, mean / error, 2 * tail


@pytest.mark.parametrize(("n_train", "n_test"), [(400, 100), (455, 114), (90, 10)])
def test_corrected_t_is_the_formula(scores, n_train, n_test):
    found = corrected_t_test(differences(*scores), n_train, n_test)
    assert isinstance(found, CorrectedT)
    error, statistic, p_value = nadeau_bengio(scores[0] - scores[1], n_test / n_train)
    np.testing.assert_allclose(
        (found.error, found.statistic, found.p_value), (error, statistic, p_value), rtol=1e-9
    )
    for end in (found.low, found.high):
        # What lies on the end of the interval is just not rejected at 1 - level.
        assert 2 * min(found.p_above(end), 1 - found.p_above(end)) == pytest.approx(0.05, abs=1e-9)
    # The check must see the usual slips: no correction, n in place of n - 1, n_test over all rows.
    for slip in (
        nadeau_bengio(scores[0] - scores[1], 0.0)[0],
        error * math.sqrt(9 / 10),
        nadeau_bengio(scores[0] - scores[1], n_test / (n_test + n_train))[0],
    ):
        assert abs(slip - found.error) > 1e-4


def test_with_no_overlap_it_is_the_paired_t_test_as_r_prints_it():
    """R's t.test of its sleep data, paired. A tiny test part takes the correction out."""
    found = corrected_t_test(differences(DRUG_1, DRUG_2), 10**15, 1)
    assert isinstance(found, CorrectedT)
    assert found.statistic == pytest.approx(-4.0621, abs=5e-5)
    assert found.p_value == pytest.approx(0.002833, abs=5e-7)
    assert (found.low, found.high) == pytest.approx((-2.4598858, -0.7001142), abs=5e-8)
    reference = stats.ttest_rel(DRUG_1, DRUG_2)
    assert (found.statistic, found.p_value) == pytest.approx(
        (reference.statistic, reference.pvalue), rel=1e-9
    )


def test_one_sided_p_value_is_scipys_where_nothing_overlaps():
    found = corrected_t_test(differences(DRUG_2, DRUG_1), 10**15, 1)
    assert isinstance(found, CorrectedT)
    for threshold in (-0.5, 0.0, 1.0):
        reference = stats.ttest_1samp(np.subtract(DRUG_2, DRUG_1), threshold, alternative="greater").pvalue
        assert found.p_above(threshold) == pytest.approx(reference, rel=1e-9)


def test_the_intervals_level_is_the_one_asked_for(scores):
    narrow, wide = (corrected_t_test(differences(*scores), 4, 1, level) for level in (0.5, 0.99))
    assert isinstance(narrow, CorrectedT)
    assert isinstance(wide, CorrectedT)
    assert wide.low < narrow.low < narrow.mean < narrow.high < wide.high
    assert "99% interval" in str(wide)


# ---------------------------------------------------------------- Bayesian correlated t-test


@pytest.mark.parametrize("rope", [0.0, 0.005, 0.02])
def test_bayesian_probabilities_are_integrals_of_the_posterior(scores, rope):
    found = correlated_bayes(differences(*scores), 455, 114, rope)
    assert isinstance(found, PosteriorOfDifference)
    values = scores[0] - scores[1]
    error, _, _ = nadeau_bengio(values, 114 / 455)

    def below(x: float) -> float:
        return integrate.quad(student_density, -np.inf, (x - values.mean()) / error, args=(9,), epsabs=1e-12)[
            0
        ]

    expected = (below(-rope), below(rope) - below(-rope), 1 - below(rope))
    np.testing.assert_allclose((found.worse, found.equivalent, found.better), expected, atol=1e-9)
    assert found.worse + found.equivalent + found.better == pytest.approx(1)


def test_on_complete_cross_validation_it_is_baycomps_own(scores):
    first, second = scores
    found = correlated_bayes(differences(first, second), 400, 100, 0.005)
    assert isinstance(found, PosteriorOfDifference)
    # baycomp subtracts the first from the second.
    reference = baycomp.two_on_single(second, first, rope=0.005, runs=2)
    np.testing.assert_allclose((found.worse, found.equivalent, found.better), reference, rtol=1e-9)
    assert found.better > found.worse
    swapped = baycomp.two_on_single(first, second, rope=0.005, runs=2)
    one_run = baycomp.two_on_single(second, first, rope=0.005, runs=1)
    for wrong in (swapped, one_run):
        assert np.abs(np.subtract(wrong, reference)).max() > 1e-3


# ---------------------------------------------------------------- bootstrap


def test_bca_is_efrons_formula(monkeypatch):
    """From scipy's resampled means, by the formulas of Efron (1987) with the jackknife's acceleration."""
    values = np.random.default_rng(3).exponential(size=40)
    kept = []
    scipys = stats.bootstrap
    monkeypatch.setattr(stats, "bootstrap", lambda *args, **kw: kept.append(scipys(*args, **kw)) or kept[-1])
    found = bootstrap_mean(values.tolist(), seed=5, n_resamples=2000)
    assert isinstance(found, Bootstrap)
    means = np.sort(kept[0].bootstrap_distribution)
    assert len(means) == 2000
    bias = special.ndtri((means < values.mean()).mean() + (means == values.mean()).mean() / 2)
    left_out = np.array([np.delete(values, at).mean() for at in range(len(values))])
    away = left_out.mean() - left_out
    acceleration = (away**3).sum() / (6 * (away**2).sum() ** 1.5)

    def end(level: float) -> float:
        z = bias + special.ndtri(level)
        return np.quantile(means, special.ndtr(bias + z / (1 - acceleration * z)))

    np.testing.assert_allclose((found.low, found.high), (end(0.025), end(0.975)), rtol=1e-6)
    plain = np.quantile(means, [0.025, 0.975])
    assert np.abs(plain - (found.low, found.high)).max() > 1e-3, "else the percentile method would pass"


def test_percentiles_approach_those_of_all_resamples():
    values = [0.0, 1.0, 3.0, 7.0]
    everything = np.array(np.meshgrid(*[values] * 4)).reshape(4, -1).mean(axis=0)
    found = bootstrap_mean(values, seed=0, method="percentile", n_resamples=20_000, level=0.8)
    assert isinstance(found, Bootstrap)
    assert (found.low, found.high) == pytest.approx(np.quantile(everything, [0.1, 0.9]), abs=0.26)
    assert found == bootstrap_mean(values, seed=0, method="percentile", n_resamples=20_000, level=0.8)


# ---------------------------------------------------------------- what cannot be concluded


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([0.9], [0.8], "at least 2 folds, and there is one"),
        ([0.9, 0.8, 0.7], [0.9, 0.8, 0.7], "all 3 folds are zero"),
        ([0.9, 0.8, 0.7], [0.8, 0.7, 0.6], "the same, +0.1"),  # 0.9 - 0.8 is not 0.8 - 0.7 in floating point
    ],
)
def test_without_spread_nothing_is_concluded(first, second, reason):
    pairs = differences(first, second)
    for found in (corrected_t_test(pairs, 4, 1), correlated_bayes(pairs, 4, 1, 0.01)):
        assert isinstance(found, Undecided)
        assert str(found).startswith("Cannot be concluded: ")
        assert reason in found.reason
    assert pairs.deviation == 0.0


def test_a_reason_is_passed_on(scores):
    reason = Undecided("the baseline failed to fit")
    assert corrected_t_test(reason, 4, 1) is reason
    assert correlated_bayes(reason, 4, 1, 0.01) is reason


@pytest.mark.parametrize(
    ("values", "reason"), [([1.0], "there is one"), ([0.5] * 9, "all 9 rows have the value 0.5")]
)
def test_a_constant_has_no_bootstrap_interval(values, reason):
    found = bootstrap_mean(values, seed=0)
    assert isinstance(found, Undecided)
    assert reason in found.reason


def test_wrong_arguments_are_refused(scores):
    pairs = differences(*scores)
    with pytest.raises(StudyError, match=r"level must lie between 0 and 1, such as 0\.95, but is 95"):
        corrected_t_test(pairs, 4, 1, 95)
    with pytest.raises(StudyError, match="n_train=4, n_test=0"):
        corrected_t_test(pairs, 4, 0)
    with pytest.raises(StudyError, match=r"rope must be 0 or more and finite, but is -0\.1"):
        correlated_bayes(pairs, 4, 1, -0.1)
    with pytest.raises(StudyError, match="level must lie"):
        bootstrap_mean([1.0, 2.0], 0, level=1.0)
