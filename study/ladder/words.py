"""The numbers of a rung as they are shown, on the terminal and on the page alike."""

from __future__ import annotations

from collections.abc import Sequence

from study.ladder.evidence import CLASSICAL, Climbed
from study.ladder.judging import Interval, Judged
from study.report.columns import METRICS, PRIMARY, Column
from study.report.sheet import NOTHING
from study.report.words import counted
from study.sweep.watch import duration

TOTAL = "total variation"
PLANNED = "planned: "  # before a number that was reckoned, in a column of numbers that were seen
NOT_THE_MACHINE = "†"  # behind a metric that is not the machine's


def is_priced(judged: Sequence[Judged]) -> bool:
    """Whether a rung is on machines that others charge for."""
    return any(one.record.outside for one in judged)


def header(task: str, priced: bool) -> list[str]:
    """The columns of the ladder's table; with a price where there is any."""
    name = metric_column(task).name
    flips = ["flips"] if task == "classification" else []
    price = ["price"] if priced else []
    return ["rung", name, "minus exact", *flips, TOTAL, "error", "× sampling", "circuits", *price, "time"]


def cells(one: Judged, task: str, priced: bool) -> list[str]:
    """One row of it, as `header` has its columns."""
    record, column = one.record, metric_column(task)
    price = "" if not record.outside else dollars(float(record.execution.get("usd") or 0.0))
    if record.status == "classical":
        blank = [NOTHING] * (len(header(task, priced)) - 3 - priced)
        metric = f"{spread(one.metrics.get(PRIMARY[task]), column)} {NOT_THE_MACHINE}"
        return [labelled(record), metric, *blank, *[price][: int(priced)], _time(record.seconds)]
    if record.status != "climbed":
        failed = record.status == "failed"
        if record.outside and not failed:
            price = PLANNED + dollars(float(record.plan.get("usd") or 0.0))
        blank = [NOTHING] * (len(header(task, priced)) - 4 - priced)
        seconds = record.plan.get("seconds")
        return [
            record.label,
            "failed" if failed else "planned only",
            *blank,
            f"{record.execution.get('executions', 0):,}"
            if failed
            else f"{PLANNED}{record.plan.get('circuits', 0):,}",
            *[price][: int(priced)],
            _time(record.seconds) if failed else NOTHING if seconds is None else PLANNED + _time(seconds),
        ]
    flips = [] if task != "classification" else [NOTHING if one.flips is None else str(one.flips)]
    error = one.error
    return [
        record.label,
        spread(one.metrics.get(PRIMARY[task]), column),
        spread(one.differences.get(PRIMARY[task]), column, signed=True),
        *flips,
        NOTHING if one.circuits is None else f"{one.circuits.value:.2g}",
        NOTHING if error is None else f"{error.seen:.2g}",
        NOTHING if error is None or error.ratio is None else ratio(error.ratio),
        f"{record.execution.get('executions', 0):,}",
        *[price][: int(priced)],
        _time(record.seconds),
    ]


def labelled(record: Climbed) -> str:
    """The rung's label, which says so where its answers are not the machine's."""
    if record.status != "classical":
        return record.label
    return f"{record.label} ({counted(record.answered_classically, 'row')} classical)"


def stand_in(record: Climbed) -> str:
    """Of a rung that was answered classically: who answered what, and why."""
    model = (record.answered_by or "").removeprefix(CLASSICAL)
    n_rows = record.answered_classically
    reason = "" if record.failure is None else f": {record.failure['reason']}"
    return (
        f"{NOT_THE_MACHINE} {record.label} is no hardware result: {n_rows:,} of {counted(n_rows, 'row')} were answered "
        f"by the run's classical model {model}, as ladder.rungs.{record.name}.fallback declares, since the device gave "
        f"no answers{reason}"
    )


def metric_column(task: str) -> Column:
    """The metric that the run was judged by."""
    return next(column for column in METRICS[task] if column.key == PRIMARY[task])


def spread(interval: Interval | None, column: Column, signed: bool = False) -> str:
    """A number with its interval."""
    if interval is None:
        return NOTHING
    sign = "+" if signed and interval.value > 0 else ""
    text = f"{sign}{column.text(interval.value)}"
    if interval.low is None or interval.high is None:
        return text
    return f"{text} ({column.text(interval.low)} to {column.text(interval.high)})"


def ratio(interval: Interval) -> str:
    """How many times as large as sampling alone."""
    if interval.low is None or interval.high is None:
        return f"{interval.value:.2f}"
    return f"{interval.value:.2f} ({interval.low:.2f} to {interval.high:.2f})"


def dollars(usd: float, at_most: float = 0.0) -> str:
    """A price, and the most that it may become if that is more.

    >>> dollars(0), dollars(3.1), dollars(0.0031), dollars(1.0, 2.5)
    ('$0', '$3.10', '$0.0031', '$1.00, at most $2.50')
    """
    text = "$0" if not usd else f"${usd:,.2f}" if usd >= 0.01 else f"${usd:.2g}"
    return f"{text}, at most ${at_most:,.2f}" if at_most > usd + 0.005 else text


def _time(seconds: float | None) -> str:
    if seconds is None:
        return NOTHING
    return f"{seconds:.2g} s" if seconds < 10 else duration(seconds)
