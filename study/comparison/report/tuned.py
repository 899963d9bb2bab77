"""What was tuned, over which ranges, with which budget, and what was chosen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from study.comparison.evidence import Evidence, Outcome
from study.comparison.report.declared import text_of
from study.comparison.tuning import SEED
from study.report.columns import seconds
from study.report.sheet import NOTHING, Sheet
from study.report.words import counted


def tuning_sheet(evidence: Evidence) -> Sheet:
    """One row a setting of an entrant: its range, what was chosen on the splits, how often at an end of the range."""
    declared = evidence.declared.get("entrants", {})
    header = ["model", "setting", "range", "chosen on the splits", "at an end of its range"]
    rows, marked = [], []
    for entrant in evidence.entrants:
        search: Mapping[str, Any] = declared.get(entrant.name, {}).get("search") or {}
        judged = [one for one in evidence.of(entrant.name) if one.failure is None]
        if not search:
            rows.append([entrant.label, NOTHING, "nothing is searched", NOTHING, NOTHING])
            marked.append(False)
        for key, space in search.items():
            # With one trial there was nothing to choose from.
            tried = [one for one in judged if one.trials > 1]
            edge = sum(key in one.at_edge for one in tried)
            at_edge = f"{edge} of {len(tried)}" if tried else NOTHING
            rows.append([entrant.label, key, range_text(space), _chosen(judged, key), at_edge])
            marked.append(2 * edge > len(tried) > 0)
    caption = (
        "Search spaces. A shaded setting was chosen at an end of its range on more than half of the splits: a better "
        "value may lie beyond"
    )
    return Sheet(caption, header, [False, False, False, False, True], rows, marked)


def budget_sheet(evidence: Evidence) -> Sheet:
    """Trials and time of every entrant, all jobs together."""
    header = ["model", "trials a job", "trials in all", "failed trials", "tuning time, s"]
    rows = []
    for entrant in evidence.entrants:
        own = [one for one in evidence.outcomes if one.entrant == entrant.name]
        counts = sorted({one.trials for one in own})
        each = NOTHING if not own else str(counts[0]) if len(counts) == 1 else f"{counts[0]} to {counts[-1]}"
        spent = [one.tuning_seconds for one in own if one.tuning_seconds is not None]
        rows.append(
            [
                entrant.label,
                each,
                f"{sum(one.trials for one in own):,}",
                f"{sum(one.failed_trials for one in own):,}",
                seconds(sum(spent)) if spent else NOTHING,
            ]
        )
    return Sheet(
        "Budget, all jobs of each model together", header, [False, *[True] * 4], rows,
        [row[3] not in ("0", NOTHING) for row in rows],
    )  # fmt: skip


def budget_lines(evidence: Evidence) -> list[str]:
    """The rule that all entrants were tuned by, and whether a time cap cut it short."""
    tuning = evidence.declared.get("tuning", {})
    trials, cap = tuning.get("trials"), tuning.get("seconds")
    lines = []
    if not evidence.outcomes:
        return ["No job ended: nothing was tuned."]
    if trials is not None:
        lines.append(
            f"Every model had {counted(trials, 'trial')} on each split, scored on a validation part taken from the "
            "training part; the first trial is its configuration as it stands. The best trial's model read the test "
            "part once."
        )
        restarts = tuning.get("restarts") or 0
        if restarts:
            judged = [one for one in evidence.outcomes if one.failure is None]
            won = sum(SEED in one.chosen for one in judged)
            lines.append(
                f"The last {counted(restarts, 'trial')} of each fitted the best settings again from another seed; in "
                f"{won} of {counted(len(judged), 'job')} one of these was the best."
            )
    if cap is None:
        lines.append("No time cap was set.")
    else:
        short = sum(0 < one.trials < (trials or 0) for one in evidence.outcomes if _searched(evidence, one))
        what = f"it cut {counted(short, 'job')} short" if short else "it cut no job short"
        lines.append(f"Tuning was capped at {cap:g} s a job: {what}.")
    return lines


def range_text(space: Any) -> str:
    """As in "0.01 to 1000, logarithmic"."""
    if not isinstance(space, Mapping):
        return text_of(space)
    if space.get("values") is not None:
        return f"one of {text_of(space['values'])}"
    scale = ", logarithmic" if space.get("log") else ""
    return f"{text_of(space.get('low'))} to {text_of(space.get('high'))}{scale}"


def _searched(evidence: Evidence, outcome: Outcome) -> bool:
    return bool(evidence.declared.get("entrants", {}).get(outcome.entrant, {}).get("search"))


def _chosen(judged: Sequence[Outcome], key: str) -> str:
    values = [one.chosen[key] for one in judged if key in one.chosen]
    if not values:
        return NOTHING
    if len(set(map(str, values))) > 4 and all(isinstance(value, int | float) for value in values):
        middle = sorted(values)[len(values) // 2]
        return f"{min(values):.3g} to {max(values):.3g}, median {middle:.3g}"
    counts = Counter(f"{value:.3g}" if isinstance(value, float) else text_of(value) for value in values)
    return ", ".join(f"{value} ({count}×)" for value, count in counts.most_common())
