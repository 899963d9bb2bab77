"""What the numbers can show and what they cannot, in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from study.comparison.evidence import PLAIN, Evidence, finding
from study.comparison.report.differences import Comparison, label_of
from study.comparison.report.models import metric_column
from study.comparison.report.pooled import Pairs, constant_fits
from study.comparison.report.shown import Verdict
from study.gates.gate import NOT_EXAMINED
from study.report.words import counted, listed
from study.statistics.checks import held_out_ratio
from study.statistics.paired import PairedDifferences
from study.statistics.power import Resolvable, resolvable, runs_needed
from study.statistics.rows import RowsNeeded, rows_needed
from study.statistics.undecided import Undecided

POINTS = 0.05
# So begins the reason of a gate that lacks a comparison (study/gates/statistical.py).
AGAINST = "Cannot be concluded against "
UNIT_METRICS = frozenset({"accuracy", "balanced_accuracy", "f1", "roc_auc", "r2"})


def what_can_be_seen(evidence: Evidence, comparisons: Sequence[Comparison], best: str | None) -> list[str]:
    """The smallest difference from the best baseline that so many folds resolve, and how many it takes for 5 points."""
    one = next((found for found in comparisons if found.other.name == best), None)
    if one is None:
        return [
            "There is no baseline with a score on every split, so that what the folds resolve is not known."
        ]
    if isinstance(one.paired, Undecided):
        return [f"What the folds resolve is not known: {one.paired.reason}."]
    sizes = evidence.part_sizes(evidence.candidate.name)
    if sizes is None:
        return ["What the folds resolve is not known: the candidate has no result."]
    ratio, n = held_out_ratio(*sizes), len(one.paired.values)
    against = f"against {one.other.label}"
    lines = [_resolved(evidence, one.paired, n, ratio, against)]
    wanted, words = _wanted(evidence, one)
    needed = runs_needed(wanted, one.paired.deviation, ratio=ratio)
    if isinstance(needed, Undecided):
        lines.append(f"Number of folds needed to see {words} {against}: {needed.reason}.")
    else:
        enough = "; this study has as many" if needed.runs <= n else f"; this study has {n}"
        lines.append(
            f"It takes {counted(needed.runs, 'fold')} over all repeats to see {words} {against} in 80% of studies"
            f"{enough}."
        )
    least = resolvable(n, one.paired.deviation, ratio=ratio)
    if isinstance(least, Resolvable) and least.difference > wanted:
        found = rows_needed(wanted, one.paired.deviation, n_rows=evidence.n_rows, n_splits=n, ratio=ratio)
        assert isinstance(found, RowsNeeded)
        lines.append(
            f"With this protocol it takes about {recommended_rows(found):,} rows to see {words} {against} in 80% of "
            "studies, if the spread of the differences falls with the square root of the rows."
        )
    return lines


def recommended_rows(found: RowsNeeded) -> int:
    """As the report says it: two digits, rounded up."""
    step = 10 ** max(0, math.floor(math.log10(found.rows)) - 1)
    return math.ceil(found.rows / step) * step


def accepted(evidence: Evidence) -> list[str]:
    """What the leakage checks found and the study declared to accept: scores may be too good by it."""
    return [f"Accepted before the start: {finding(one)}" for one in evidence.tolerated]


def general_limits(evidence: Evidence) -> list[str]:
    """What holds for every study of this kind."""
    return [
        f"One dataset, {evidence.data}: the intervals tell how much scores vary with its rows, not how they would "
        "on other data.",
        "Folds share training rows. Intervals and p-values are corrected for that, approximately.",
        "Comparisons are declared for the first candidate; the side views (curves, slices, heat maps, ranks) are not "
        "tested, and what stands out there may be chance.",
        "Fit times and latencies are of this machine, and of simulators where a model has a circuit.",
    ]


def what_is_open(
    evidence: Evidence, verdict: Verdict, comparisons: Sequence[Comparison], read: Mapping[str, Pairs]
) -> list[str]:
    """Everything that this study leaves undecided, with its reason."""
    void = ["The study is void, so that nothing can be concluded from any number here."]
    lines = void if evidence.leaks else []
    if evidence.stopped:
        lines.append(f"The study ended early: {evidence.stopped.rstrip('.')}.")
    if evidence.missing:
        lines.append(
            f"{counted(evidence.missing, 'job')} did not end, and {_are(evidence.missing)} in no number here."
        )
    lines += _failures(evidence)
    lines += _constant(evidence, read)
    if len(evidence.entrants) == 1:
        lines.append("There is one model only, so that nothing is compared.")
    elif not evidence.role("baseline"):
        lines.append("There is no baseline, so that no benefit over a classical model can be shown.")
    if evidence.declared.get("tuning", {}).get("trials") == 1:
        lines.append(
            "Nothing was tuned: with study.tuning.trials=1 every model ran as it is configured, and tuning might "
            "change their order."
        )
    if len(evidence.splits) == 1:
        lines.append(
            "There is one fold: how far a score varies with the rows is not known; nothing has an interval."
        )
    lines += _undecided(comparisons)
    lines += _open_gates(verdict, comparisons)
    if evidence.outcomes and len({one.seed for one in evidence.outcomes if one.condition == PLAIN}) < 2:
        lines.append("Every split has one seed, so that how much a model varies with its seed is not known.")
    if evidence.outcomes and not read:
        lines.append("No predictions were kept, so that calibration and abstention are not judged.")
    return lines or ["Nothing that was asked for was left open."]


def _resolved(evidence: Evidence, paired: PairedDifferences, n: int, ratio: float, against: str) -> str:
    least = resolvable(n, paired.deviation, ratio=ratio)
    if not isinstance(least, Resolvable):
        return f"What {counted(n, 'fold')} resolve {against} is not known: {least.reason}."
    size = (
        f"{least.difference:.1%}"
        if evidence.metric in UNIT_METRICS
        else _metric_text(evidence, least.difference)
    )
    name = metric_column(evidence.task, evidence.metric).name
    return (
        f"{counted(n, 'fold')} of {evidence.n_rows:,} rows cannot resolve differences of {name} under {size} {against} "
        f"(80% power, two-sided at 5%)."
    )


def _wanted(evidence: Evidence, one: Comparison) -> tuple[float, str]:
    name = metric_column(evidence.task, evidence.metric).name
    if evidence.metric in UNIT_METRICS:
        return POINTS, f"a difference of 5 points of {name}"
    mean = abs(float(np.mean(list(evidence.scores(one.other.name).values()))))
    return POINTS * mean, f"a difference of 5% of its {name} ({_metric_text(evidence, POINTS * mean)})"


def _metric_text(evidence: Evidence, value: float) -> str:
    return metric_column(evidence.task, evidence.metric).text(value)


def _failures(evidence: Evidence) -> list[str]:
    lines = []
    for entrant in evidence.entrants:
        own = evidence.of(entrant.name)
        failed = [one for one in own if one.failure is not None]
        if not own:
            lines.append(f"{entrant.label} has no result at all.")
        elif failed:
            rest = (
                "nothing is known of it"
                if len(failed) == len(own)
                else "folds without it are not compared, as they might be the easier ones"
            )
            lines.append(
                f"{entrant.label} failed on {len(failed)} of {counted(len(own), 'fit')} ({failed[0].failure}); {rest}."
            )
        tried = sum(one.failed_trials for one in own)
        if tried and not failed:
            lines.append(
                f"{entrant.label}: {tried} of {counted(sum(one.trials for one in own), 'trial')} failed, so that its "
                "budget was smaller than the others'."
            )
    return lines


def _constant(evidence: Evidence, read: Mapping[str, Pairs]) -> list[str]:
    counts = {name: (constant_fits(pairs), len(pairs)) for name, pairs in read.items()}
    return [
        f"{label_of(evidence, name)} predicts the same for every row on {n} of {counted(of, 'split')}: it learnt "
        "nothing there."
        for name, (n, of) in counts.items()
        if n
    ]


def _undecided(comparisons: Sequence[Comparison]) -> list[str]:
    by_reason: dict[str, list[str]] = {}
    for one in comparisons:
        if isinstance(one.test, Undecided):
            by_reason.setdefault(one.test.reason, []).append(one.other.label)
    return [
        f"Whether the candidate is better than {listed(labels)} cannot be concluded: {reason}."
        for reason, labels in by_reason.items()
    ]


def _open_gates(verdict: Verdict, comparisons: Sequence[Comparison]) -> list[str]:
    """Gates that are not decided, once a reason; what the lines on comparisons say already is not said again."""
    told = any(isinstance(one.test, Undecided) for one in comparisons)
    by_reason: dict[str, list[str]] = {}
    for gate in verdict.gates:
        if gate.passed is None and gate.measured != NOT_EXAMINED:
            reason = _clause(gate.reason or "no reason was given")
            key = "" if told and reason.startswith(AGAINST) else reason
            by_reason.setdefault(key, []).append(f"“{gate.name}”")
    lines = []
    for reason, names in sorted(by_reason.items(), key=lambda item: item[0] != ""):
        gates = f"Gate {names[0]} is" if len(names) == 1 else f"Gates {listed(names)} are"
        lines.append(f"{gates} not decided: {reason}." if reason else f"{gates} not decided because of that.")
    return lines


def _clause(reason: str) -> str:
    """A reason behind a colon."""
    return reason.removeprefix("Cannot be concluded: ").rstrip(".")


def _are(count: int) -> str:
    return "is" if count == 1 else "are"
