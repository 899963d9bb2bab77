"""Technical and operational gates, and what all of them come to."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest

from study.comparison.evidence import Evidence
from study.errors import StudyError
from study.gates.declaration import Operational, Technical
from study.gates.gate import Gate
from study.gates.operational import operational_gates
from study.gates.technical import technical_gates
from study.gates.verdict import reach_verdict
from study.gates.words import comparison
from tests.study.gates.make_evidence import around, evidence, outcome

GOOD = {"hybrid": around(0.95, seed=1), "svm": around(0.9, seed=2)}
BAD = {"hybrid": around(0.90, seed=1), "svm": around(0.95, seed=2)}


def technical(found: Evidence, **asked: Any) -> dict[str, Gate]:
    return {gate.name: gate for gate in technical_gates(found, Technical(**asked))}


def operational(found: Evidence, **asked: Any) -> list[Gate]:
    return operational_gates(found, Operational(**{"latency_seconds": None, **asked}))


def test_failed_jobs() -> None:
    one = evidence({"hybrid": [None, *around(0.9, 9)], "svm": around(0.9)})
    assert technical(evidence(GOOD))["failed jobs"].passed is True
    assert technical(one)["failed jobs"].passed is False
    assert "the fit diverged" in technical(one)["failed jobs"].reason
    assert technical(one, failed_share=0.1)["failed jobs"].passed is True
    assert "failed jobs" not in technical(one, failed_share=None)
    assert technical(evidence(GOOD, outcomes=[]))["failed jobs"].passed is None


def test_planned_jobs_that_did_not_end() -> None:
    whole = evidence(GOOD, seeds=(0, 1))
    assert technical(whole)["complete"].passed is True
    short = evidence(GOOD, seeds=(0, 1), outcomes=whole.outcomes[:19], stopped="an hour is over")
    gate = technical(short)["complete"]
    assert gate.passed is False and gate.measured == "19 of 20 jobs"
    assert "fold 4 of repeat 1 with seed 1" in gate.reason


@pytest.mark.parametrize(
    ("backends", "passed", "said"),
    [
        ({"lightning": 1e-6, "default_qubit": 2e-5}, True, "within tolerance"),
        ({"lightning": 0.02}, False, "On lightning the outputs differ by up to 0.02"),
        ({"lightning": math.nan}, False, "lightning"),
        ({"lightning": 1e-6, "shots_1000": 0.03}, True, "within tolerance"),
        ({"lightning": "it has no such gate"}, None, "on lightning: it has no such gate."),
        ({}, None, "one backend only"),
    ],
)
def test_other_backends(backends: dict[str, Any], passed: bool | None, said: str) -> None:
    found = evidence(GOOD, more={"hybrid": {"executions": 5, "backends": backends}})
    gate = technical(found, tolerances={"shots_1000": 0.1})["agrees on other backends"]
    assert gate.passed is passed and said in gate.reason


def test_a_candidate_without_a_circuit_has_no_backends() -> None:
    assert "agrees on other backends" not in technical(evidence(GOOD))


def test_spread_over_seeds() -> None:
    found = evidence({"hybrid": [0.9] * 5}, seeds=(0, 1))
    changed = [
        outcome("hybrid", item.split, 0.9 + (0.02 if item.seed else 0.0), item.seed)
        for item in found.outcomes
    ]
    spread = evidence({"hybrid": [0.9] * 5}, seeds=(0, 1), outcomes=changed)
    name = "reproducible across seeds"
    # Two values 0.02 apart have the deviation 0.02 / sqrt(2) = 0.0141.
    assert technical(spread, seed_deviation=0.0142)[name].passed is True
    assert technical(spread, seed_deviation=0.0141)[name].passed is False
    assert technical(spread, seed_deviation=0.1)[name].measured == "standard deviation 1.4 points"
    one = technical(evidence(GOOD), seed_deviation=0.1)[name]
    assert one.passed is None and "every fold has one seed" in one.reason
    assert name not in technical(spread)


@pytest.mark.parametrize(
    ("asked", "fields", "passed", "measured"),
    [
        ({"latency_ratio": 1.5}, {"latency_seconds": 0.0014}, True, "1.4×"),
        ({"latency_ratio": 1.5}, {"latency_seconds": 0.002}, False, "2×"),
        ({"latency_ratio": 1.5}, {"latency_seconds": None}, None, "not measured"),
        ({"latency_seconds": 0.01}, {}, True, "0.001 s"),
        ({"fit_seconds": 5.0}, {"fit_seconds": 9.0}, False, "9 s"),
        ({"fit_ratio": 10.0}, {"fit_seconds": 9.0}, True, "9×"),
        ({"tuning_seconds": 5.0}, {}, False, "6 s"),
        ({"steps": 100}, {"steps": 90}, True, "90 steps"),
        ({"steps_ratio": 2.0}, {"steps": 90}, None, "not measured"),  # the baseline has no steps
        ({"peak_bytes": 1e6}, {"peak_bytes": 3_000_000}, False, "3 MB"),
        ({"memory_ratio": 2.0}, {"peak_bytes": 3_000_000}, None, "not measured"),
        ({"executions": 100}, {"executions": 90}, True, "90"),
        ({"usd_per_run": 0.0}, {"executions": 90}, True, "0 USD"),
        ({"usd_per_run": 0.1, "usd_per_execution": 0.01}, {"executions": 90}, False, "0.9 USD"),
        ({"usd_per_prediction": 0.1, "usd_per_execution": 0.01}, {"executions": 90}, True, "0.01 USD"),
        ({"usd_per_prediction": 0.1, "usd_per_execution": 0.2}, {"executions": 0}, True, "0 USD"),
    ],
)
def test_ceilings(asked: dict[str, Any], fields: dict[str, Any], passed: bool | None, measured: str) -> None:
    (gate,) = operational(evidence(GOOD, more={"hybrid": fields}), **asked)
    assert (gate.passed, gate.measured) == (passed, measured)


def test_nothing_asked_nothing_judged() -> None:
    assert operational(evidence(GOOD)) == []


def test_executions_of_failed_jobs_count() -> None:
    found = evidence({"hybrid": [0.9, None], "svm": [0.8, 0.8]}, more={"hybrid": {"executions": 90}})
    assert operational(found, executions=100)[0].measured == "180"
    none = evidence({"hybrid": [None, None], "svm": [0.8, 0.8]}, more={"hybrid": {"executions": 90}})
    assert operational(none, executions=100)[0].passed is None
    assert operational(none, usd_per_run=100)[0].passed is None


def test_a_ratio_to_nothing_cannot_be_concluded() -> None:
    zero = evidence(GOOD, more={"svm": {"fit_seconds": 0.0}})
    assert operational(zero, fit_ratio=2.0)[0].passed is None
    both = evidence(GOOD, more={"svm": {"fit_seconds": 0.0}, "hybrid": {"fit_seconds": 0.0}})
    assert operational(both, fit_ratio=2.0)[0].passed is True
    alone = evidence({"hybrid": GOOD["hybrid"]})
    assert operational(alone, fit_ratio=2.0)[0].measured == "no baseline"


def test_promote() -> None:
    verdict = reach_verdict(evidence(GOOD))
    assert verdict.decision == "promote"
    assert verdict.best_baseline == "svm"
    assert verdict.headline == (
        "Promote Hybrid: it is better than every tuned baseline and passes every gate that was declared."
    )
    assert verdict.reasons[0].startswith(
        "Hybrid is 5.0 points of accuracy ahead of Svm on the same 10 folds (95% interval +"
    )
    assert "one-sided p = " in verdict.reasons[0]


@pytest.mark.parametrize("role", ["baseline", "twin"])
def test_who_never_had_a_score_is_named_whatever_the_others_show(role: str) -> None:
    """The rule is refuted by the other baseline, so that no gate is left open by this one."""
    scores = {**BAD, "forest": [None] * 10}
    verdict = reach_verdict(evidence(scores, roles={"forest": role}))
    assert verdict.decision == "stop"
    [told] = [reason for reason in verdict.reasons if "Forest" in reason]
    assert told == (
        "Forest has no score on any fold and is in no test: 10 of its 10 jobs failed, such as with: the fit diverged."
    )


def test_what_was_not_tuned_is_not_called_tuned() -> None:
    found = dataclasses.replace(evidence(GOOD), declared={**evidence(GOOD).declared, "tuning": {"trials": 1}})
    assert reach_verdict(found).headline == (
        "Promote Hybrid: it is better than every baseline, none of which was tuned (study.tuning.trials=1), and passes "
        "every gate that was declared."
    )


def test_a_ceiling_that_is_broken_keeps_from_promoting() -> None:
    verdict = reach_verdict(evidence(GOOD, gates={"operational": {"fit_seconds": 0.5}}))
    assert verdict.decision == "explore"
    assert (
        verdict.headline
        == f"Keep exploring Hybrid: of {len(verdict.gates)} gates 1 not passed (time of a fit)."
    )
    assert "The time of a fit is 1 s, and 0.5 s is allowed." in verdict.reasons


def test_stop_where_a_baseline_is_ahead() -> None:
    verdict = reach_verdict(evidence(BAD))
    assert verdict.decision == "stop"
    assert verdict.headline.startswith(
        "Stop: Hybrid is 5.0 points of accuracy behind Svm on the same 10 folds (95% interval -"
    )


def test_behind_by_less_than_the_margin_is_no_stop() -> None:
    gates = {"statistical": {"margin": 0.2}}
    assert reach_verdict(evidence(BAD, gates=gates)).decision == "explore"


def test_two_folds_are_not_enough_to_stop() -> None:
    scores = {"hybrid": [0.5, 0.51], "svm": [0.9, 0.911]}
    verdict = reach_verdict(evidence(scores))
    assert verdict.decision == "explore"
    told = "Hybrid is behind Svm with confidence, and these are too few folds (2 of 5) to stop."
    assert told in verdict.reasons
    close = reach_verdict(evidence({"hybrid": [0.5, 0.9], "svm": [0.9, 0.6]}))
    assert "too few folds (" not in " ".join(close.reasons)


def test_losses_are_told_in_their_own_units() -> None:
    scores = {
        "hybrid": around(57.0, spread=0.5, seed=1),
        "ridge": around(54.0, spread=0.5, seed=2),
    }
    verdict = reach_verdict(evidence(scores, metric="rmse"))
    assert verdict.headline.startswith(
        "Stop: Hybrid has a rmse that is 3 higher (worse) than that of Ridge on the same 10 folds "
        "(95% interval +"
    )
    differences = np.array(scores["hybrid"]) - np.array(scores["ridge"])
    assert differences.mean() == pytest.approx(3)


@pytest.mark.parametrize(
    ("difference", "metric", "said"),
    [
        (0.019, "accuracy", "A is 1.9 points of accuracy ahead of B"),
        (-0.01, "balanced_accuracy", "A is 1.0 point of balanced accuracy behind B"),
        (0.12, "r2", "A is 0.12 in r2 ahead of B"),
        (0.12, "log_loss", "A has a log loss that is 0.12 lower (better) than that of B"),
        (0.0, "mae", "A and B have the same mean mae"),
    ],
)
def test_words(difference: float, metric: str, said: str) -> None:
    assert comparison("A", "B", difference, metric) == said


def test_stop_loss_without_and_with_a_sign_of_gain() -> None:
    def stopped(hybrid: float, svm: float) -> Evidence:
        whole = evidence({"hybrid": around(hybrid, seed=1, spread=0.1), "svm": around(svm, seed=2)})
        return evidence(
            {"hybrid": around(hybrid, seed=1, spread=0.1), "svm": around(svm, seed=2)},
            outcomes=[
                item
                for item in whole.outcomes
                if item.repeat == 0 and (item.fold < 3 or item.entrant != "svm")
            ],
            stopped="The study has taken 60 min",
        )

    behind = reach_verdict(stopped(0.7, 0.9))
    assert behind.decision == "stop"
    assert "without a sign of gain. The study has taken 60 min. So far Hybrid is" in behind.headline
    assert reach_verdict(stopped(0.99, 0.5)).decision == "explore"
    nothing = evidence(GOOD, outcomes=[], stopped="The study has taken 60 min")
    assert reach_verdict(nothing).decision == "explore"


def test_a_leak_makes_the_study_void() -> None:
    verdict = reach_verdict(evidence(GOOD, leaks=["Rows 3 and 7 are equal and in different folds"]))
    assert verdict.decision == "stop"
    assert verdict.headline == "Stop: the study is void, because a leak was found."
    assert verdict.reasons == ("Rows 3 and 7 are equal and in different folds.",)
    two = reach_verdict(evidence(GOOD, leaks=["One.", "Two."]))
    assert two.headline == "Stop: the study is void, because 2 leaks were found."
    assert two.reasons == ("One.", "Two.")


def test_a_void_study_lists_the_gates_that_it_did_not_examine() -> None:
    gates = {"operational": {"fit_seconds": 0.5}, "technical": {"seed_deviation": 0.1}}
    judged = reach_verdict(evidence(GOOD, gates=gates))
    for outcomes in ({}, {"outcomes": []}):
        void = reach_verdict(evidence(GOOD, gates=gates, leaks=["leak: rows 3 and 7 are alike"], **outcomes))
        assert [(gate.name, gate.asked) for gate in void.gates] == [
            (gate.name, gate.asked) for gate in judged.gates
        ]
        assert {(gate.passed, gate.measured) for gate in void.gates} == {(None, "not examined")}
        assert void.reasons == ("Rows 3 and 7 are alike.",)


def test_what_the_p_value_of_not_worse_is_of_is_said() -> None:
    gates = {"statistical": {"rule": "not_worse", "margin": 0.2}}
    reason = reach_verdict(evidence(BAD, gates=gates)).reasons[0]
    assert (
        "; that it is worse by more than the margin of 20.0 points can be excluded, one-sided p = " in reason
    )
    gates["statistical"]["margin"] = 0.01
    reasons = reach_verdict(evidence(BAD, gates=gates)).reasons
    assert (
        "; that it is worse by more than the margin of 1.0 point cannot be excluded, one-sided p"
        in reasons[0]
    )
    assert sum("5.0 points of accuracy behind" in reason for reason in reasons) == 1
    assert "margin" not in reach_verdict(evidence(GOOD)).reasons[0]


def test_an_interval_across_0_is_said_to_be_one() -> None:
    close = {"hybrid": around(0.9, seed=1, spread=0.1), "svm": around(0.905, seed=2, spread=0.1)}
    assert ", which crosses 0" in reach_verdict(evidence(close)).reasons[0]
    assert "crosses 0" not in " ".join(reach_verdict(evidence(BAD)).reasons)


def test_twins_are_told() -> None:
    scores = {**GOOD, "frozen": around(0.94, seed=4)}
    verdict = reach_verdict(evidence(scores, roles={"frozen": "twin"}))
    assert any("its twin Frozen" in reason for reason in verdict.reasons)


@pytest.mark.parametrize(
    "scores",
    [
        {"hybrid": around(0.9)},
        {"hybrid": [0.9], "svm": [0.8]},
        {"hybrid": [0.5] * 10, "svm": [0.5] * 10},
        {"hybrid": [0.5] * 10, "svm": around(0.9)},
        {"hybrid": [None] * 10, "svm": around(0.9)},
        {"hybrid": around(0.9), "svm": [None] * 10},
        {"hybrid": [None] * 10, "svm": [None] * 10},
    ],
)
def test_what_numbers_do_not_allow_is_said(scores: dict[str, list[float | None]]) -> None:
    verdict = reach_verdict(evidence(scores))
    assert verdict.decision in ("explore", "stop")
    if verdict.headline.startswith("Keep exploring"):
        assert any("Cannot be concluded" in reason for reason in verdict.reasons)
    elif verdict.decision == "explore":
        assert verdict.headline.startswith("Nothing could be concluded")


@pytest.mark.parametrize(("n_seeds", "told"), [(1, "All of its 10 jobs"), (2, "All of its 20 jobs")])
def test_a_candidate_that_always_failed_is_no_case_to_explore(n_seeds: int, told: str) -> None:
    scores = {"hybrid": [None] * 10, "svm": around(0.9), "forest": around(0.8)}
    verdict = reach_verdict(evidence(scores, seeds=range(n_seeds)))
    assert verdict.decision == "explore"
    assert verdict.headline == (
        "Nothing could be concluded: Hybrid never produced a score, so that there is no evidence for it or against it."
    )
    assert verdict.reasons == (f"{told} failed, such as with: the fit diverged.",)
    assert {gate.name for gate in verdict.gates if gate.passed is False} == {"failed jobs"}


def test_no_job_or_no_value_of_the_metric_is_no_score_either() -> None:
    nothing = evidence(GOOD, outcomes=[], stopped="The study has taken 60 min")
    verdict = reach_verdict(nothing)
    assert verdict.headline.startswith("Nothing could be concluded")
    assert verdict.reasons[0] == "None of its jobs ended."
    assert " ".join(verdict.reasons).count("The study has taken 60 min") == 1
    undefined = evidence(GOOD, more={"hybrid": {"metrics": {"accuracy": None}}})
    assert reach_verdict(undefined).reasons[0] == "10 ended without a value of accuracy."


def test_a_candidate_that_scored_once_is_judged_by_its_gates() -> None:
    """With one seed of two failed there is no score of the fold, and still there is evidence."""
    whole = evidence(GOOD, seeds=(0, 1))
    failed = [
        dataclasses.replace(item, metrics={}, failure="out of memory")
        if item.seed and item.entrant == "hybrid"
        else item
        for item in whole.outcomes
    ]
    verdict = reach_verdict(dataclasses.replace(whole, outcomes=failed))
    assert verdict.headline.startswith("Keep exploring Hybrid")


@pytest.mark.parametrize("others", [{}, {"forest": [0.5] * 10}])
def test_ties_are_told_once(others: dict[str, list[float]]) -> None:
    verdict = reach_verdict(evidence({"hybrid": [0.5] * 10, "svm": [0.5] * 10, **others}))
    said = " ".join(verdict.reasons)
    assert said.count("Svm: the differences of all 10 folds are zero") == 1
    assert said.count("the differences of all 10 folds are zero") == 1 + len(others)
    assert verdict.reasons[0].startswith("Cannot be concluded against Svm: ")
    assert "no comparison has a p-value" not in said


def test_no_candidate() -> None:
    verdict = reach_verdict(evidence({"svm": around(0.9)}, roles={"svm": "baseline"}))
    assert verdict.decision == "explore" and "no candidate" in verdict.headline


def test_gates_that_are_none_are_refused() -> None:
    with pytest.raises(StudyError, match=r"gates\.statistical\.alpah"):
        reach_verdict(evidence(GOOD, gates={"statistical": {"alpah": 0.05}}))
