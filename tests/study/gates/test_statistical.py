"""The statistical gates: against scipy's numbers, in each of the three answers, and their false alarms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from study.comparison.evidence import Evidence
from study.gates.declaration import Statistical
from study.gates.gate import Gate
from study.gates.operational import best_baseline
from study.gates.statistical import compare_all, statistical_gates
from tests.study.gates.make_evidence import N_TEST, N_TRAIN, around, evidence


def judged(found: Evidence, **asked: Any) -> dict[str, Gate]:
    declared = Statistical(**asked)
    return {gate.name: gate for gate in statistical_gates(found, declared, compare_all(found, declared))}


def p_by_hand(first: list[float], second: list[float], threshold: float = 0.0) -> float:
    """Nadeau and Bengio's test from the formula of the paper."""
    d = np.array(first) - np.array(second)
    error = math.sqrt(d.var(ddof=1) * (1 / len(d) + N_TEST / N_TRAIN))
    return float(1 - stats.t.cdf((d.mean() - threshold) / error, len(d) - 1))


RULE, HOLM, SPLITS, REPEATS = (
    "better than every baseline",
    "survives Holm's correction",
    "enough folds",
    "the same in every repeat",
)


def test_better_than_every_baseline() -> None:
    scores = {"hybrid": around(0.95, seed=1), "svm": around(0.9, seed=2), "forest": around(0.88, seed=3)}
    gates = judged(evidence(scores))
    assert [gate.passed for gate in gates.values()] == [True] * 4
    p = {name.title(): p_by_hand(scores["hybrid"], scores[name]) for name in ("svm", "forest")}
    worst = max(p, key=lambda name: p[name])
    assert gates[RULE].measured == f"largest p = {p[worst]:.3g}, against {worst}"


def test_one_baseline_that_is_as_good_is_enough_against_it() -> None:
    scores = {"hybrid": around(0.9, seed=1), "svm": around(0.9, seed=2), "forest": around(0.7, seed=3)}
    gate = judged(evidence(scores))[RULE]
    assert gate.passed is False
    assert gate.measured == "p = 0.5 against Svm"
    assert "not shown to be better" in gate.reason


def test_holm_is_stricter_than_the_rule() -> None:
    """Two p-values of about 0.04: each is under alpha, the smaller doubled is not."""
    base = np.zeros(10) + 0.8
    noise = np.tile([-1.0, 1.0], 5) * 0.02
    gain = 0.0235
    scores = {
        "hybrid": (base + gain + noise).tolist(),
        "svm": base.tolist(),
        "forest": (base - 0.0001).tolist(),
    }
    found = evidence(scores)
    p = p_by_hand(scores["hybrid"], scores["svm"])
    assert 0.025 < p < 0.05
    gates = judged(found, every_repeat=False)
    assert gates[RULE].passed is True
    assert gates[HOLM].passed is False
    assert HOLM not in judged(found, correction="none")


def test_the_rule_and_its_correction_name_the_same_rival() -> None:
    """Adjusted p-values are often equal, at 1; the larger p-value as it was found is the one to be beaten."""
    scores = {"hybrid": around(0.9, seed=1), "svm": around(0.91, seed=3), "forest": around(0.905, seed=2)}
    p = {name: p_by_hand(scores["hybrid"], scores[name]) for name in ("svm", "forest")}
    assert 0.5 < p["svm"] < p["forest"]
    gates = judged(evidence(scores))
    assert gates[RULE].measured == f"p = {p['forest']:.3g} against Forest"
    assert gates[HOLM].measured == "largest adjusted p = 1, against Forest"
    assert "the one with Forest has p = 1." in gates[HOLM].reason


def test_of_rivals_that_are_as_hard_to_beat_the_best_baseline_is_named() -> None:
    same = around(0.9, seed=2)
    scores = {"hybrid": around(0.9, seed=1), "frozen": same, "svm": same, "forest": same}
    found = evidence(scores, roles={"frozen": "twin"})
    gates = judged(found, against="baselines_and_twins")
    best = best_baseline(found)
    assert best is not None and best.label == "Svm"
    assert gates[RULE].measured.endswith("against Svm")
    assert gates[HOLM].measured.endswith("against Svm")
    assert gates[REPEATS].measured.endswith("against Svm")


def test_rounding_makes_no_baseline_the_best() -> None:
    assert sum([0.1, 0.2, 0.3]) > sum([0.3, 0.2, 0.1]), "equal on paper"
    best = best_baseline(evidence({"hybrid": [0.2] * 3, "svm": [0.3, 0.2, 0.1], "forest": [0.1, 0.2, 0.3]}))
    assert best is not None and best.name == "svm"


@pytest.mark.parametrize(("margin", "passed"), [(0.03, True), (0.012, False)])
def test_not_worse_by_a_margin(margin: float, passed: bool) -> None:
    scores = {"hybrid": around(0.9, seed=1), "svm": around(0.91, seed=2)}
    gate = judged(evidence(scores), rule="not_worse", margin=margin)["not worse than any baseline"]
    assert gate.passed is passed
    assert (p_by_hand(scores["hybrid"], scores["svm"], -margin) <= 0.05) is passed


def test_a_relative_margin_is_a_share_of_the_baselines_metric() -> None:
    scores = {"hybrid": around(50.5, seed=1, spread=0.2), "ridge": around(50.0, seed=2, spread=0.2)}
    found = evidence(scores, metric="rmse")
    family = compare_all(found, Statistical(rule="not_worse", margin=0.02, relative=True))
    assert family.rivals[0].margin == pytest.approx(1.0)
    assert family.rivals[0].p_value == pytest.approx(
        p_by_hand([-x for x in scores["hybrid"]], [-x for x in scores["ridge"]], -1.0), rel=1e-9
    )


def test_a_lower_loss_is_better() -> None:
    scores = {"hybrid": around(0.2, seed=1), "svm": around(0.3, seed=2)}
    assert judged(evidence(scores, metric="log_loss"))[RULE].passed is True
    assert judged(evidence(scores))[RULE].passed is False


def test_twins_count_only_if_declared() -> None:
    scores = {"hybrid": around(0.95, seed=1), "twin": around(0.95, seed=2), "svm": around(0.9, seed=3)}
    found = evidence(scores, roles={"twin": "twin"})
    assert judged(found)[RULE].passed is True
    assert judged(found, against="baselines_and_twins")[RULE].passed is False


@pytest.mark.parametrize(
    ("svm", "said"),
    [
        ([None] * 10, "Svm has no score on any fold"),
        ([None, *around(0.9, 9, seed=2)], "1 of 10 folds have the score of only one"),
        (around(0.95, seed=1), "the differences of all 10 folds are zero"),
        ((np.array(around(0.95, seed=1)) - 0.25).tolist(), "the same, +0.25"),
    ],
)
def test_a_baseline_that_cannot_be_compared_blocks_and_refutes_nothing(
    svm: list[float | None], said: str
) -> None:
    hybrid = around(0.95, seed=1)
    gates = judged(evidence({"hybrid": hybrid, "svm": svm, "forest": around(0.9, seed=3)}))
    assert gates[RULE].passed is None and gates[HOLM].passed is None
    assert said in gates[RULE].reason and "Forest" not in gates[RULE].reason
    refuted = judged(evidence({"hybrid": hybrid, "svm": svm, "forest": around(0.97, seed=3)}))
    assert refuted[RULE].passed is False and refuted[HOLM].passed is False


def test_one_model_or_one_fold_concludes_nothing() -> None:
    alone = judged(evidence({"hybrid": around(0.9)}), probability=0.9)
    assert all(
        gate.passed is None and "no baseline" in gate.reason
        for name, gate in alone.items()
        if name not in (SPLITS, REPEATS)
    )
    assert alone[REPEATS].passed is None
    one = judged(evidence({"hybrid": [0.9], "svm": [0.8]}))
    assert one[SPLITS].passed is None and one[RULE].passed is None
    assert "One fold cannot show" in one[SPLITS].reason


def test_four_folds_are_too_few_unless_declared() -> None:
    found = evidence({"hybrid": around(0.9, 4, seed=1), "svm": around(0.8, 4, seed=2)}, n_folds=4)
    assert judged(found)[SPLITS].passed is None
    assert judged(found, min_splits=4)[SPLITS].passed is True


def test_a_difference_of_one_repeat_only() -> None:
    gain = [0.1] * 5 + [-0.001] * 5
    scores = {"hybrid": (np.array(around(0.9, seed=1)) + gain).tolist(), "svm": around(0.9, seed=1)}
    gate = judged(evidence(scores))[REPEATS]
    assert gate.passed is False and "In repeat 1 alone" in gate.reason
    assert REPEATS not in judged(evidence(scores, n_folds=10)), "one repeat has no other to agree with"


@pytest.mark.parametrize(("probability", "passed"), [(0.5, True), (0.999999, False)])
def test_a_declared_probability(probability: float, passed: bool) -> None:
    found = evidence({"hybrid": around(0.93, seed=1), "svm": around(0.9, seed=2)})
    gate = judged(found, probability=probability)["probable by the Bayesian test"]
    assert gate.passed is passed


def test_false_alarms_of_exchangeable_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores of a fold share its difficulty; models differ by noise with the correlation of overlapping parts.

    The bound is the 99.9% point of the binomial for 500 studies at 5%.
    """
    # statsmodels collects garbage in every correction, a tenth of a second each.
    monkeypatch.setattr("gc.collect", lambda *_: 0)
    rng = np.random.default_rng(5)
    studies, n, rho = 500, 10, N_TEST / (N_TEST + N_TRAIN)
    promoted = {1: 0, 3: 0}
    declared = Statistical(correction="none", every_repeat=False)
    for _ in range(studies):
        fold = rng.normal(0.9, 0.02, n)
        own = [
            0.01 * (math.sqrt(rho) * rng.normal() + math.sqrt(1 - rho) * rng.normal(size=n)) for _ in range(4)
        ]
        names = ["hybrid", "a", "b", "c"]
        scores = {name: (fold + noise).tolist() for name, noise in zip(names, own, strict=True)}
        for rivals in promoted:
            found = evidence({name: scores[name] for name in names[: rivals + 1]})
            gates = statistical_gates(found, declared, compare_all(found, declared))
            promoted[rivals] += all(gate.passed for gate in gates)
    allowed = stats.binom.ppf(0.999, studies, 0.05)
    assert 0 < promoted[1] <= allowed
    assert promoted[3] <= promoted[1]
