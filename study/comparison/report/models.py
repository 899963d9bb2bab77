"""Every model × every metric, and what each model cost."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median

from study.comparison.evidence import PLAIN, Entrant, Evidence, Outcome, greater_is_better
from study.comparison.report.differences import mean_of
from study.gates.operational import typical
from study.report.columns import METRICS, Column, milliseconds, seconds, significant, whole
from study.report.sheet import NOTHING, Sheet
from study.statistics.corrected_t import CorrectedT

# Of what is not measured a split, but once a model.
Amount = Callable[[Outcome], float | None]


def metric_column(task: str, key: str) -> Column:
    """How a metric is called and written; one that no table of ours declares is called by its key."""
    for column in METRICS[task]:
        if column.key == key:
            return column
    name = key.replace("_", " ")
    return Column(key, name, name, greater_is_better(key), significant)


def metrics_of(evidence: Evidence) -> list[Column]:
    """The declared metric, then all others that some outcome has."""
    found = dict.fromkeys(key for outcome in evidence.outcomes for key in outcome.metrics)
    known = [column.key for column in METRICS[evidence.task] if column.key in found]
    keys = dict.fromkeys([evidence.metric, *known, *found])
    return [metric_column(evidence.task, key) for key in keys]


def score_sheet(evidence: Evidence, pooled: bool = False) -> Sheet:
    """One row a model: the mean of each metric with its interval.

    Args:
        evidence: of the study.
        pooled: whether the report has the calibration error of all test parts together as well, another number.
    """
    columns = metrics_of(evidence)
    header = ["model", *(_named(column) for column in columns), "splits", "role"]
    rows, marked = [], []
    for entrant in evidence.entrants:
        cells = [score_text(evidence, entrant, column, "\n") for column in columns]
        rows.append([entrant.label, *cells, splits_text(evidence, entrant), entrant.role])
        marked.append(any(one.failure is not None for one in evidence.of(entrant.name)))
    caption = (
        "Scores on the test parts: mean over splits and 95% interval, corrected for training parts that share rows; "
        "the declared metric comes first; ↑ higher is better, ↓ lower is. An interval may reach past the end of "
        "its scale, such as an accuracy above 1. A shaded row has jobs that failed"
    )
    if pooled and any(column.key == "calibration_error" for column in columns):
        caption += (
            ". The calibration error is the mean of the folds' own; the one of all folds pooled, before and after "
            "calibration, is under “Are the probabilities what they say?”"
        )
    return Sheet(caption, header, [False, *[True] * (len(header) - 2), False], rows, marked)


def _most_memory(evidence: Evidence, entrant: Entrant) -> str:
    most = typical(evidence, entrant, "peak_bytes")
    return NOTHING if most is None else f"{most / 1e6:.1f}"


def cost_sheet(evidence: Evidence) -> Sheet:
    """One row a model: what it took."""
    header = [
        "model", "parameters", "fit time, s", "tuning time, s", "latency, ms/row", "optimiser steps", "peak memory, MB",
        "circuit executions", "failed jobs",
    ]  # fmt: skip
    rows = [
        [
            entrant.label,
            middle(evidence, entrant, lambda one: one.n_parameters, whole),
            middle(evidence, entrant, lambda one: one.fit_seconds, seconds),
            middle(evidence, entrant, lambda one: one.tuning_seconds, seconds),
            middle(evidence, entrant, lambda one: one.latency_seconds, milliseconds),
            middle(evidence, entrant, lambda one: one.steps, whole),
            _most_memory(evidence, entrant),
            whole(sum(one.executions for one in all_of(evidence, entrant))),
            f"{sum(one.failure is not None for one in all_of(evidence, entrant))} "
            f"of {len(all_of(evidence, entrant))}",
        ]
        for entrant in evidence.entrants
    ]
    marked = [
        any(one.failure is not None for one in all_of(evidence, entrant)) for entrant in evidence.entrants
    ]
    caption = (
        "Cost: medians over the splits; tuning time is of all trials of a split together, latency of one row; "
        "peak memory is the most that a job added to its process, and rough: a job finds free what others took before "
        "it; "
        "executions and failures are of all jobs, those of learning curves and label noise among them"
    )
    return Sheet(caption, header, [False, *[True] * (len(header) - 1)], rows, marked)


def failure_sheet(evidence: Evidence) -> Sheet | None:
    """Why jobs failed, once a reason and model; None if none did."""
    counts: dict[tuple[str, str], int] = {}
    for entrant in evidence.entrants:
        for one in all_of(evidence, entrant):
            if one.failure is not None:
                key = (entrant.label, one.failure)
                counts[key] = counts.get(key, 0) + 1
    rows = [[label, str(count), reason] for (label, reason), count in counts.items()]
    if not rows:
        return None
    return Sheet(
        "Jobs without a result", ["model", "jobs", "reason"], [False, True, False], rows, [True] * len(rows)
    )


def slice_sheet(evidence: Evidence) -> Sheet | None:
    """The declared metric on each named subset of the test parts; None without any."""
    plain = [one for one in evidence.outcomes if one.condition == PLAIN]
    names = list(dict.fromkeys(name for one in plain for name in one.slices))
    if not names:
        return None
    column = metric_column(evidence.task, evidence.metric)
    rows = []
    for entrant in evidence.entrants:
        cells = []
        for name in names:
            values = [
                value
                for one in evidence.of(entrant.name)
                if (value := one.slices.get(name, {}).get(evidence.metric)) is not None
            ]
            few = f" ({len(values)} fits)" if len(values) < len(evidence.of(entrant.name)) else ""
            cells.append(f"{column.text(sum(values) / len(values))}{few}" if values else NOTHING)
        rows.append([entrant.label, *cells])
    return Sheet(
        f"Mean {column.name} on named subsets of the test parts; fits whose subset defines none are left out",
        ["model", *names], [False, *[True] * len(names)], rows, [False] * len(rows),
    )  # fmt: skip


def score_text(evidence: Evidence, entrant: Entrant, column: Column, between: str = " ") -> str:
    """As in "0.953 (0.931 to 0.975)", the mean alone where there is no interval; `between` stands after the mean."""
    found = mean_of(evidence, entrant.name, column.key)
    if found is None:
        return NOTHING
    mean, test = found
    if not isinstance(test, CorrectedT):
        return column.text(mean)
    return f"{column.text(mean)}{between}({column.text(test.low)} to {column.text(test.high)})"


def splits_text(evidence: Evidence, entrant: Entrant) -> str:
    """Splits with a score of those planned."""
    return f"{len(evidence.scores(entrant.name))} of {len(evidence.splits)}"


def middle(evidence: Evidence, entrant: Entrant, amount: Amount, text: Callable[[float], str]) -> str:
    """The median over the splits of the comparison itself."""
    values = [value for one in evidence.of(entrant.name) if (value := amount(one)) is not None]
    return text(float(median(values))) if values else NOTHING


def all_of(evidence: Evidence, entrant: Entrant) -> Sequence[Outcome]:
    """Its outcomes under every condition."""
    return [one for one in evidence.outcomes if one.entrant == entrant.name]


def _named(column: Column) -> str:
    return f"{column.name} {'↑' if column.higher_is_better else '↓'}"
