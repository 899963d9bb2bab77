"""Promote, keep exploring, or stop, with the reasons in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from study.comparison.evidence import Entrant, Evidence, Outcome, finding
from study.gates.declaration import Gates, Statistical, declared_gates
from study.gates.gate import NOT_EXAMINED, Gate
from study.gates.operational import best_baseline, operational_gates
from study.gates.statistical import Comparison, Family, compare_all, statistical_gates
from study.gates.technical import FAILED_JOBS, technical_gates
from study.gates.words import amount, comparison, metric_name, tested
from study.statistics.corrected_t import CorrectedT
from study.statistics.undecided import Undecided

__all__ = ["Decision", "Gate", "Verdict", "reach_verdict"]

Decision = Literal["promote", "explore", "stop"]


@dataclass(frozen=True)
class Verdict:
    """What a study comes to.

    Attributes:
        decision: promote if every gate that was asked has passed; stop if a baseline is ahead with confidence, the
            stop-loss struck without a sign of gain, or the study is void; else explore, also where the candidate never
            produced a score, so that nothing could be concluded.
        headline: one sentence.
        gates: technical, statistical, operational.
        reasons: sentences with numbers, the weightiest first.
        best_baseline: the one of the highest mean score; None where none has any.
    """

    decision: Decision
    headline: str
    gates: tuple[Gate, ...]
    reasons: tuple[str, ...]
    best_baseline: str | None


def reach_verdict(evidence: Evidence) -> Verdict:
    """Judge the first candidate by the gates that were declared.

    A study with leaks is void: whatever its numbers say, the decision is stop, and no gate is judged; the gates are
    those that were declared, as not examined.

    Raises:
        StudyError: if the declared gates are none.
    """
    asked = declared_gates(evidence.declared.get("gates", {}))
    best = best_baseline(evidence)
    best_name = best.name if best else None
    if evidence.leaks:
        leaks = f"{len(evidence.leaks)} leaks" if len(evidence.leaks) > 1 else "a leak"
        headline = f"Stop: the study is void, because {leaks} were found"
        headline = headline if len(evidence.leaks) > 1 else headline.replace("were", "was")
        return Verdict(
            "stop",
            f"{headline}.",
            _not_examined(evidence, asked),
            tuple(dict.fromkeys(finding(leak) for leak in evidence.leaks)),
            best_name,
        )
    if not evidence.role("candidate"):
        reason = "Cannot be concluded: the study has no candidate, so that there is nothing to promote."
        return Verdict("explore", f"Keep exploring. {reason}", (), (reason,), best_name)
    family = compare_all(evidence, asked.statistical)
    gates = (
        *technical_gates(evidence, asked.technical),
        *statistical_gates(evidence, asked.statistical, family),
        *operational_gates(evidence, asked.operational),
    )
    if never_scored(evidence):
        return Verdict("explore", _nothing(evidence), gates, _without_a_score(evidence, gates), best_name)
    decision, headline = _decide(evidence, asked.statistical, family, gates, best)
    reasons = _reasons(evidence, asked.statistical, family, gates, best)
    return Verdict(decision, headline, gates, reasons, best_name)


def never_scored(evidence: Evidence) -> bool:
    """Whether no job of the candidate has a value of the declared metric, so that a verdict has nothing to rest on."""
    return not any(
        job.failure is None and job.metrics.get(evidence.metric) is not None
        for job in evidence.of(evidence.candidate.name)
    )


def _not_examined(evidence: Evidence, asked: Gates) -> tuple[Gate, ...]:
    """The declared gates of a void study, without a look at its numbers."""
    if not evidence.role("candidate"):
        return ()
    # Whether the candidate executes circuits is all that gates need to know of the jobs, to tell which are asked.
    bare = [
        Outcome(one.entrant, one.repeat, one.fold, one.seed, executions=one.executions, backends=one.backends)
        for one in evidence.outcomes
    ]
    unseen = replace(evidence, outcomes=bare, stopped=None)
    gates = (
        *technical_gates(unseen, asked.technical),
        *statistical_gates(unseen, asked.statistical, compare_all(unseen, asked.statistical)),
        *operational_gates(unseen, asked.operational),
    )
    return tuple(
        replace(gate, passed=None, measured=NOT_EXAMINED, reason="The study is void.") for gate in gates
    )


def _baseline(evidence: Evidence) -> str:
    if evidence.declared.get("tuning", {}).get("trials") == 1:
        return "baseline, none of which was tuned (study.tuning.trials=1),"
    return "tuned baseline"


def _decide(
    evidence: Evidence,
    asked: Statistical,
    family: Family,
    gates: Sequence[Gate],
    best: Entrant | None,
) -> tuple[Decision, str]:
    label = evidence.candidate.label
    if all(gate.passed for gate in gates):
        rule = "better than every" if asked.rule == "better" else "not worse than any"
        return (
            "promote",
            f"Promote {label}: it is {rule} {_baseline(evidence)} and passes every gate that was declared.",
        )
    # With fewer folds than declared no confidence is claimed in either direction.
    enough = len(evidence.scores(evidence.candidate.name)) >= asked.min_splits
    if family.ahead and enough:
        item = family.ahead[0]
        assert isinstance(item.test, CorrectedT)
        return "stop", f"Stop: {tested(label, item.other.label, item.test, evidence.metric)}."
    if evidence.stopped:
        gain = _gain(evidence, best)
        if gain is not None and gain <= 0:
            return "stop", (
                f"Stop: the study ended early without a sign of gain. {_sentence(evidence.stopped)} So far "
                f"{comparison(label, best.label if best else '', gain, evidence.metric)}."
            )
    failed = [gate.name for gate in gates if gate.passed is False]
    unknown = [gate.name for gate in gates if gate.passed is None]
    parts = [f"{len(failed)} not passed ({'; '.join(failed)})"] if failed else []
    parts += [f"{len(unknown)} not decided ({'; '.join(unknown)})"] if unknown else []
    return "explore", f"Keep exploring {label}: of {len(gates)} gates {' and '.join(parts)}."


def _gain(evidence: Evidence, best: Entrant | None) -> float | None:
    """Mean difference to the best baseline on the folds that both have; an indication, no test."""
    if best is None:
        return None
    first, second = evidence.scores(evidence.candidate.name), evidence.scores(best.name)
    common = sorted(set(first) & set(second))
    return float(np.mean([first[split] - second[split] for split in common])) if common else None


def _reasons(
    evidence: Evidence, asked: Statistical, family: Family, gates: Sequence[Gate], best: Entrant | None
) -> tuple[str, ...]:
    """The best baseline, then gates that did not pass, then those that could not be judged, then the twins."""
    reasons = []
    said = ""
    for item in family.rivals:
        if best is not None and item.other.name == best.name:
            reasons.append(_undecided_by(item, gates) or _told(evidence, item, asked))
            if isinstance(item.test, CorrectedT):
                # A gate that failed by the same comparison would say it again.
                said = tested(evidence.candidate.label, item.other.label, item.test, evidence.metric)[:-1]
    n_folds = len(evidence.scores(evidence.candidate.name))
    if family.ahead and n_folds < asked.min_splits:
        reasons.append(
            f"{evidence.candidate.label} is behind {family.ahead[0].other.label} with confidence, and these are too "
            f"few folds ({n_folds} of {asked.min_splits}) to stop."
        )
    for passed in (False, None):
        reasons += [
            _sentence(gate.reason)
            for gate in gates
            if gate.passed is passed and not (said and gate.reason.startswith(said))
        ]
    reasons += _ended_early(evidence, reasons)
    reasons += _in_no_test(evidence)
    reasons += [_told(evidence, item, asked) for item in family.beside if evidence.scores(item.other.name)]
    return tuple(dict.fromkeys(reasons))


def _undecided_by(item: Comparison, gates: Sequence[Gate]) -> str | None:
    """What a gate that could not be judged for want of this comparison says of it already; None if none does."""
    if not isinstance(item.test, Undecided):
        return None
    clause = item.test.reason
    return next(
        (_sentence(gate.reason) for gate in gates if gate.passed is None and clause in gate.reason), None
    )


def _nothing(evidence: Evidence) -> str:
    """The headline of a study whose candidate has no score: it is no half-won case, and reads like none."""
    return (
        f"Nothing could be concluded: {evidence.candidate.label} never produced a score, so that there is no evidence "
        "for it or against it."
    )


def _without_a_score(evidence: Evidence, gates: Sequence[Gate]) -> tuple[str, ...]:
    """Why there is no score, and the gates that did not pass; all others are open for this one reason."""
    jobs = evidence.of(evidence.candidate.name)
    failures = [job.failure for job in jobs if job.failure is not None]
    reasons = []
    if failures:
        some = "Its one job" if len(jobs) == 1 else f"{len(failures)} of its {len(jobs)} jobs"
        share = f"All of its {len(jobs)} jobs" if len(failures) == len(jobs) > 1 else some
        reasons.append(f"{share} failed, such as with: {failures[0]}")
    if len(failures) < len(jobs):
        reasons.append(f"{len(jobs) - len(failures)} ended without a value of {metric_name(evidence.metric)}")
    if not jobs:
        reasons.append("None of its jobs ended")
    # The gate of the failed jobs would say the first again.
    reasons += [gate.reason for gate in gates if gate.passed is False and gate.name != FAILED_JOBS]
    reasons += _ended_early(evidence, reasons)
    reasons += _in_no_test(evidence)
    return tuple(dict.fromkeys(map(_sentence, reasons)))


def _in_no_test(evidence: Evidence) -> list[str]:
    """A sentence for each entrant besides the candidate that no test can have in it, and why."""
    lines = []
    for entrant in evidence.entrants:
        if entrant.name == evidence.candidate.name or evidence.scores(entrant.name):
            continue
        jobs = evidence.of(entrant.name)
        failures = [job.failure for job in jobs if job.failure is not None]
        if failures:
            why = f"{len(failures)} of its {len(jobs)} jobs failed, such as with: {failures[0]}"
        elif jobs:
            why = f"its {len(jobs)} jobs ended without a value of {metric_name(evidence.metric)}"
        else:
            why = "none of its jobs ended"
        lines.append(_sentence(f"{entrant.label} has no score on any fold and is in no test: {why}"))
    return lines


def _ended_early(evidence: Evidence, reasons: Sequence[str]) -> list[str]:
    """That it did and why, unless a gate's reason says so already."""
    stopped = evidence.stopped
    return (
        [f"The study ended early: {_sentence(stopped)}"]
        if stopped and not any(stopped in one for one in reasons)
        else []
    )


def _told(evidence: Evidence, item: Comparison, asked: Statistical) -> str:
    twin = "its twin " if item.other.role == "twin" else ""
    if isinstance(item.test, CorrectedT):
        value = item.p_value
        p = "" if isinstance(value, Undecided) else f", one-sided p = {value:.3g}"
        if not isinstance(value, Undecided) and asked.rule == "not_worse":
            can = "can" if value <= asked.alpha else "cannot"
            margin = amount(item.margin, evidence.metric)
            p = f"; that it is worse by more than the margin of {margin} {can} be excluded{p}"
        text = tested(evidence.candidate.label, f"{twin}{item.other.label}", item.test, evidence.metric)
        return f"{text[:-1]}{p})."
    return f"Against {twin}{item.other.label} nothing can be concluded: {item.test.reason}."


def _sentence(text: str) -> str:
    text = text.strip()
    return text if text.endswith((".", "!", "?")) else f"{text}."
