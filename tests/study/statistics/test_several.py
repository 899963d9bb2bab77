"""Several datasets, models, comparisons, runs: ranks, Holm, power, variance components."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import integrate, optimize, special, stats

from study.errors import StudyError
from study.statistics.friedman import FriedmanNemenyi, critical_difference, friedman_nemenyi
from study.statistics.holm import Holm, holm
from study.statistics.power import Resolvable, RunsNeeded, power_of, resolvable, runs_needed
from study.statistics.undecided import Undecided
from study.statistics.variance import VarianceComponents, variance_components
from study.statistics.wilcoxon import SignedRanks, wilcoxon

# Demšar (2006), table 6: areas under the curve of four versions of C4.5 on 14 datasets. The paper ranks C4.5+cf before
# C4.5+m+cf on voting, where it prints 0.975 for both; the digit that was cut off is put back.
DEMSAR = {
    "C4.5": [0.763, 0.599, 0.954, 0.628, 0.882, 0.936, 0.661, 0.583, 0.775, 1, 0.940, 0.619, 0.972, 0.957],
    "C4.5+m": [0.768, 0.591, 0.971, 0.661, 0.888, 0.931, 0.668, 0.583, 0.838, 1, 0.962, 0.666, 0.981, 0.978],
    "C4.5+cf": [
        0.771,
        0.590,
        0.968,
        0.654,
        0.886,
        0.916,
        0.609,
        0.563,
        0.866,
        1,
        0.965,
        0.614,
        0.9751,
        0.946,
    ],
    "C4.5+m+cf": [
        0.798,
        0.569,
        0.967,
        0.657,
        0.898,
        0.931,
        0.685,
        0.625,
        0.875,
        1,
        0.962,
        0.669,
        0.975,
        0.970,
    ],
}
# Hollander and Wolfe (1973), page 140, as in the help page of R's friedman.test: seconds for rounding first base.
ROUNDING_TIMES = """
    5.40 5.50 5.55   5.85 5.70 5.75   5.20 5.60 5.50   5.55 5.50 5.40   5.90 5.85 5.70   5.45 5.55 5.60
    5.40 5.40 5.35   5.45 5.50 5.35   5.25 5.15 5.00   5.85 5.80 5.70   5.25 5.20 5.10   5.65 5.55 5.45
    5.60 5.35 5.45   5.05 5.00 4.95   5.50 5.50 5.40   5.45 5.55 5.50   5.55 5.55 5.35   5.45 5.50 5.55
    5.50 5.45 5.25   5.65 5.60 5.40   5.70 5.65 5.55   6.30 6.30 6.25
"""
# Davies and Goldsmith (1972), as in R's lme4: yield of six batches of dyestuff.
DYESTUFF = {
    "A": [1545, 1440, 1440, 1520, 1580],
    "B": [1540, 1555, 1490, 1560, 1495],
    "C": [1595, 1550, 1605, 1510, 1560],
    "D": [1445, 1440, 1595, 1465, 1545],
    "E": [1595, 1630, 1515, 1635, 1625],
    "F": [1520, 1455, 1450, 1480, 1445],
}


def named(values):
    return {f"dataset {at:02}": value for at, value in enumerate(values)}


# ---------------------------------------------------------------- Wilcoxon


def test_wilcoxon_has_demsars_rank_sums():
    """Table 2 of the paper: 93 for C4.5+m, 12 for C4.5, z = -2.54 (its sums, ties split)."""
    found = wilcoxon(named(DEMSAR["C4.5+m"]), named(DEMSAR["C4.5"]))
    assert isinstance(found, SignedRanks)
    assert (found.for_first, found.for_second, found.n) == (93, 12, 14)
    z = (12 - 14 * 15 / 4) / math.sqrt(14 * 15 * 29 / 24)
    assert z == pytest.approx(-2.54, abs=5e-3)
    # scipy's variance has the correction for tied ranks: two pairs of them.
    corrected = (12 - 14 * 15 / 4) / math.sqrt(14 * 15 * 29 / 24 - 2 * (2**3 - 2) / 48)
    assert found.p_value == pytest.approx(2 * stats.norm.cdf(corrected), abs=1e-6)
    assert abs(found.p_value - 2 * stats.norm.cdf(z)) > 1e-6, "else the correction would not be seen"


def test_without_ties_wilcoxon_counts_all_signs():
    differences = np.array([0.3, -0.1, 0.75, 0.55, 0.2, 1.0, -0.04, 0.9])
    found = wilcoxon(named(differences), named(np.zeros(8)))
    assert isinstance(found, SignedRanks)
    ranks = [4, 2, 6, 5, 3, 8, 1, 7]
    sums = [
        sum(r for r, s in zip(ranks, signs, strict=True) if s)
        for signs in itertools.product([0, 1], repeat=8)
    ]
    assert (found.for_first, found.for_second) == (33, 3)
    assert found.p_value == pytest.approx(2 * np.mean(np.array(sums) <= 3), abs=1e-12)


def test_wilcoxon_on_rs_depression_scores():
    """R's help page of wilcox.test: V = 40, p = 0.01953 one-sided, 0.03906 two-sided."""
    before = [1.83, 0.50, 1.62, 2.48, 1.68, 1.88, 1.55, 3.06, 1.30]
    after = [0.878, 0.647, 0.598, 2.05, 1.06, 1.29, 1.06, 3.14, 1.29]
    found = wilcoxon(named(before), named(after))
    assert isinstance(found, SignedRanks)
    assert found.for_first == 40
    assert found.p_value == pytest.approx(0.03906, abs=5e-6)


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ([0.9, 0.8], [0.9, 0.8], "tie on all 2 datasets"),
        ([0.9], [0.8], "cannot give a p-value under 1"),
        ([0.9] * 5, [0.8, 0.7, 0.6, 0.5, 0.4], "cannot give a p-value under 0.0625"),
        ([0.9, math.nan], [0.8, 0.8], "1 of 4 scores have no finite score"),
        ([0.9, 0.8], [0.8], "dataset 01: only one"),
        ([], [], "there are none"),
    ],
)
def test_wilcoxon_says_what_it_cannot_tell(first, second, reason):
    found = wilcoxon(named(first), named(second))
    assert isinstance(found, Undecided)
    assert reason in found.reason


# ---------------------------------------------------------------- Friedman and Nemenyi


def test_friedman_has_demsars_numbers():
    found = friedman_nemenyi(DEMSAR)
    assert isinstance(found, FriedmanNemenyi)
    assert list(found.ranks) == ["C4.5+m+cf", "C4.5+m", "C4.5+cf", "C4.5"]
    assert [round(rank, 3) for rank in found.ranks.values()] == [1.964, 2.000, 2.893, 3.143]
    # The paper's 9.28 has no correction for ties: a group of four, and three pairs.
    ties = 1 - ((4**3 - 4) + 3 * (2**3 - 2)) / (14 * (4**3 - 4))
    plain = 12 * 14 / (4 * 5) * (sum(rank**2 for rank in found.ranks.values()) - 4 * 25 / 4)
    assert plain == pytest.approx(9.28, abs=5e-3)
    assert found.statistic == pytest.approx(plain / ties, abs=1e-6)
    assert found.p_value == pytest.approx(stats.chi2.sf(plain / ties, 3), abs=1e-9)
    assert found.critical_difference == pytest.approx(1.25, abs=5e-3)
    # Section 3.2.2: at 0.10 (1.12) C4.5 differs from both with m; at 0.05 nothing does.
    assert found.groups == (tuple(found.ranks),)
    wider = friedman_nemenyi(DEMSAR, alpha=0.10)
    assert isinstance(wider, FriedmanNemenyi)
    assert wider.critical_difference == pytest.approx(1.12, abs=5e-3)
    assert wider.groups == (("C4.5+m+cf", "C4.5+m", "C4.5+cf"), ("C4.5+cf", "C4.5"))


def test_friedman_is_rs():
    """R: Friedman chi-squared = 11.143, df = 2, p-value = 0.003805, with ties."""
    times = np.array(ROUNDING_TIMES.split(), dtype=float).reshape(22, 3).T.tolist()
    found = friedman_nemenyi(dict(zip("abc", times, strict=True)))
    assert isinstance(found, FriedmanNemenyi)
    assert found.statistic == pytest.approx(11.143, abs=5e-4)
    assert found.p_value == pytest.approx(0.003805, abs=5e-7)


def upper_tail(q: float, k: int) -> float:
    """P(range of k standard normals > q), by its own integral."""

    def integrand(z: float) -> float:
        density = math.exp(-z * z / 2) / math.sqrt(2 * math.pi)
        return density * (special.ndtr(z) - special.ndtr(z - q)) ** (k - 1)

    inside, _ = integrate.quad(integrand, -10, 14, epsabs=1e-13, limit=200)
    return 1 - k * inside


def test_nemenyi_is_the_range_of_normals():
    found = friedman_nemenyi(DEMSAR)
    assert isinstance(found, FriedmanNemenyi)
    assert len(found.pairs) == 6
    for (first, second), p_value in found.pairs.items():
        q = abs(found.ranks[first] - found.ranks[second]) / math.sqrt(4 * 5 / (6 * 14)) * math.sqrt(2)
        assert p_value == pytest.approx(upper_tail(q, 4), abs=1e-6)


@pytest.mark.parametrize(
    ("alpha", "published"),
    [
        (0.05, [1.960, 2.343, 2.569, 2.728, 2.850, 2.949, 3.031, 3.102, 3.164]),
        (0.10, [1.645, 2.052, 2.291, 2.459, 2.589, 2.693, 2.780, 2.855, 2.920]),
    ],
)
def test_critical_values_are_demsars(alpha, published):
    """Table 5a of the paper, to its digits; and the quantile of the integral, to 1e-6."""
    for k, value in enumerate(published, start=2):
        q = critical_difference(k, 1, alpha) / math.sqrt(k * (k + 1) / 6)
        assert q == pytest.approx(value, abs=1.1e-3)
        if k in (2, 10):
            exact = optimize.brentq(lambda q, k=k: upper_tail(q, k) - alpha, 1, 6, xtol=1e-12) / math.sqrt(2)
            assert q == pytest.approx(exact, abs=1e-6)
    assert critical_difference(4, 56) == pytest.approx(critical_difference(4, 14) / 2)


def test_the_better_model_has_the_lower_rank():
    found = friedman_nemenyi({"worst": [0.1] * 9, "middle": [0.5] * 9, "best": [0.9] * 9})
    assert isinstance(found, FriedmanNemenyi)
    assert found.ranks == {"best": 1, "middle": 2, "worst": 3}
    assert list(found.ranks) == ["best", "middle", "worst"]
    assert ("best", "worst") not in {
        pair for group in found.groups for pair in itertools.combinations(group, 2)
    }


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({"a": [1.0], "b": [2.0]}, "three or more models, not 2"),
        ({}, "three or more models, not 0"),
        ({"a": [1.0], "b": [2.0], "c": [3.0]}, "at least 2 datasets, and there is one"),
        ({"a": [], "b": [], "c": []}, "at least 2 datasets, and there are none"),
        ({"a": [0.5] * 4, "b": [0.5] * 4, "c": [0.5] * 4}, "tie on all 4 datasets"),
        ({"a": [0.5] * 4, "b": [0.5, math.nan, 0.5, 0.5], "c": [0.5] * 4}, "no finite score"),
    ],
)
def test_ranks_say_what_they_cannot_tell(scores, reason):
    found = friedman_nemenyi(scores)
    assert isinstance(found, Undecided)
    assert reason in found.reason


def test_models_on_different_datasets_are_refused():
    with pytest.raises(StudyError, match="same datasets"):
        friedman_nemenyi({"a": [1.0, 2.0], "b": [1.0, 2.0], "c": [1.0]})


# ---------------------------------------------------------------- Holm


def by_hand(p_values: list[float]) -> list[float]:
    order = np.argsort(p_values)
    adjusted = np.empty(len(p_values))
    largest = 0.0
    for step, at in enumerate(order):
        largest = max(largest, min(1.0, (len(p_values) - step) * p_values[at]))
        adjusted[at] = largest
    return adjusted.tolist()


def test_holm_is_the_step_down_by_hand():
    p_values = {"depth": 0.012, "encoding": 0.011, "ansatz": 0.6, "shots": 0.04, "twin": 0.001}
    found = holm(p_values)
    assert isinstance(found, Holm)
    np.testing.assert_allclose(list(found.adjusted.values()), by_hand(list(p_values.values())), rtol=1e-12)
    assert found.rejected == ("depth", "encoding", "twin")
    bonferroni = np.minimum(1, 5 * np.array(list(p_values.values())))
    assert np.abs(bonferroni - by_hand(list(p_values.values()))).max() > 1e-2


def test_an_undecided_comparison_does_not_ease_the_others():
    reason = Undecided("tied")
    found = holm({"a": 0.02, "b": reason, "c": 0.9})
    assert isinstance(found, Holm)
    assert found.adjusted == {"a": pytest.approx(0.06), "b": reason, "c": 1.0}
    assert found.rejected == ()
    assert isinstance(holm({"b": reason}), Undecided)
    assert isinstance(holm({}), Undecided)
    with pytest.raises(StudyError, match=r"'a' must lie between 0 and 1, but is 1\.2"):
        holm({"a": 1.2})


# ---------------------------------------------------------------- power


def power_by_integral(runs: int, effect: float, ratio: float, alpha: float = 0.05) -> float:
    """Over the distribution of the sample's deviation, P(|mean| > its own limit), for equally correlated runs."""
    df = runs - 1
    limit = stats.t.isf(alpha / 2, df)
    shift = effect / math.sqrt(1 / runs + ratio)

    def integrand(u: float) -> float:
        cut = limit * u / math.sqrt(df)
        return stats.chi.pdf(u, df) * (stats.norm.cdf(shift - cut) + stats.norm.cdf(-shift - cut))

    centre = math.sqrt(df)
    return integrate.quad(integrand, max(0, centre - 9), centre + 9, epsabs=1e-11, limit=200)[0]


@pytest.mark.parametrize(
    ("runs", "effect", "ratio"),
    [(2, 0.5, 0.0), (2, 30.0, 0.1), (10, 0.8, 1 / 9), (50, 0.3, 0.0), (50, 1.2, 0.25)],
)
def test_power_is_the_integral(runs, effect, ratio):
    found = power_of(runs, effect * 0.03, 0.03, ratio)
    assert found == pytest.approx(power_by_integral(runs, effect, ratio), abs=1e-6)
    if ratio and runs > 2:
        assert abs(found - power_by_integral(runs, effect, 0.0)) > 1e-3, (
            "else the correction would not be seen"
        )


def test_the_number_of_runs_is_the_smallest():
    for ratio, difference in ((0.0, 0.012), (0.0, -0.05), (0.05, 0.03)):
        found = runs_needed(difference, 0.03, ratio=ratio)
        assert isinstance(found, RunsNeeded)
        effect = abs(difference) / 0.03
        assert found.power == pytest.approx(power_by_integral(found.runs, effect, ratio), abs=1e-6)
        assert found.power >= 0.8 > power_by_integral(found.runs - 1, effect, ratio)
    # The textbooks' case: half a deviation takes 34 pairs for a power of 80%, two-sided at 0.05.
    cohen = runs_needed(0.5, 1.0)
    assert isinstance(cohen, RunsNeeded)
    assert cohen.runs == 34


def test_the_resolvable_difference_and_the_number_of_runs_agree():
    found = resolvable(10, 0.03, ratio=1 / 9)
    assert isinstance(found, Resolvable)
    assert power_by_integral(10, found.difference / 0.03, 1 / 9) == pytest.approx(0.8, abs=1e-6)
    again = runs_needed(found.difference * (1 + 1e-9), 0.03, ratio=1 / 9)
    assert isinstance(again, RunsNeeded)
    assert again.runs == 10
    assert "10 runs cannot resolve differences under 0.0434" in str(found)


def test_the_power_is_seen_in_simulated_studies():
    """Equally correlated folds, tested as `corrected_t` does: an independent road to the same number."""
    runs, ratio, effect = 10, 1 / 9, 1.2
    stream = np.random.default_rng(0)
    n_studies = 20_000
    # Within-study variance 1 and shared variance `ratio` give a mean of variance 1/n + ratio.
    values = (
        effect + stream.normal(size=(n_studies, runs)) + math.sqrt(ratio) * stream.normal(size=(n_studies, 1))
    )
    t = values.mean(axis=1) / (values.std(axis=1, ddof=1) * math.sqrt(1 / runs + ratio))
    seen = (np.abs(t) > stats.t.isf(0.025, runs - 1)).mean()
    expected = power_of(runs, effect, 1.0, ratio)
    assert abs(seen - expected) < 4 * math.sqrt(expected * (1 - expected) / n_studies)


@pytest.mark.parametrize(
    ("found", "reason"),
    [
        (runs_needed(0.0, 0.1), "a difference of zero"),
        (runs_needed(math.nan, 0.1), "not finite"),
        (runs_needed(0.1, 0.0), "without any spread"),
        (runs_needed(0.01, 0.05, ratio=1 / 9), "stays above 0.01667; it takes more rows"),
        (runs_needed(1e-6, 0.05), "more than 100000 runs"),
        (resolvable(1, 0.1), "there is one"),
        (resolvable(10, 0.0), "without any spread"),
    ],
)
def test_power_says_what_it_cannot_tell(found, reason):
    assert isinstance(found, Undecided)
    assert reason in found.reason


def test_impossible_power_is_refused():
    for options in ({"power": 1.0}, {"power": 0.04}, {"alpha": 0.0}, {"ratio": -1.0}):
        with pytest.raises(StudyError):
            runs_needed(0.1, 0.1, **options)


# ---------------------------------------------------------------- variance components


def reml(groups: list[list[float]]) -> tuple[float, float]:
    """Maximise the restricted likelihood of (split, seed) variances, from its definition with full matrices."""
    y = np.concatenate(groups)
    same = np.equal.outer(*[np.repeat(np.arange(len(groups)), [len(g) for g in groups])] * 2).astype(float)
    one = np.ones(len(y))
    size = y.var()

    def minus(logs: np.ndarray) -> float:
        split, seed = np.exp(logs)
        V = split * same + seed * np.eye(len(y))
        inverse = np.linalg.inv(V)
        information = one @ inverse @ one
        residual = y - (one @ inverse @ y) / information
        return np.linalg.slogdet(V)[1] + math.log(information) + residual @ inverse @ residual

    start = np.log([size / 2, size / 2])
    options = {"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000}
    found = optimize.minimize(minus, start, method="Nelder-Mead", options=options)
    return tuple(np.exp(found.x))


def test_variance_components_are_lme4s_and_reml():
    """lme4's own example: batch 1764, residual 2451."""
    found = variance_components(DYESTUFF)
    assert isinstance(found, VarianceComponents)
    assert (found.split, found.seed) == pytest.approx((1764, 2451), abs=0.5)
    np.testing.assert_allclose((found.split, found.seed), reml(list(DYESTUFF.values())), rtol=1e-6)
    assert found.split_share == pytest.approx(1764 / (1764 + 2451), abs=1e-3)
    assert "42% of the variance is the split's (30 runs on 6 splits)" in str(found)


def test_splits_that_do_not_differ_have_no_variance():
    groups = {0: [1.0, 2.0, 3.0], 1: [1.5, 2.5, 2.0], 2: [3.0, 1.0, 2.1]}
    found = variance_components(groups)
    assert isinstance(found, VarianceComponents)
    assert found.split == 0
    np.testing.assert_allclose(found.seed, reml(list(groups.values()))[1], rtol=1e-6)


def test_unequal_numbers_of_seeds_are_unbiased():
    """The expectation of the mean squares, solved by hand for sizes 3, 2 and 1 (n0 = (6 - 14/6) / 2)."""
    groups = {0: [1.0, 1.2, 1.1], 1: [2.0, 2.3], 2: [0.2]}
    found = variance_components(groups)
    assert isinstance(found, VarianceComponents)
    flat = np.concatenate(list(groups.values()))
    between = sum(len(g) * (np.mean(g) - flat.mean()) ** 2 for g in groups.values()) / 2
    within = sum(((np.array(g) - np.mean(g)) ** 2).sum() for g in groups.values()) / 3
    assert found.seed == pytest.approx(within, rel=1e-9)
    assert found.split == pytest.approx((between - within) / ((6 - 14 / 6) / 2), rel=1e-9)


@pytest.mark.parametrize(
    ("scores", "reason"),
    [
        ({0: [0.5, 0.6]}, "at least 2 splits"),
        ({0: [0.5], 1: [0.6]}, "every split has one seed"),
        ({0: [0.5, 0.5], 1: [0.5, 0.5]}, "all 4 runs have the same score"),
        ({0: [0.5, math.nan], 1: [0.5, 0.5]}, "1 of 4 runs"),
        ({}, "at least 2 splits"),
    ],
)
def test_variance_says_what_it_cannot_tell(scores, reason):
    found = variance_components(scores)
    assert isinstance(found, Undecided)
    assert reason in found.reason
