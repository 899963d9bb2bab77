"""The tables of an evaluation's page."""

from __future__ import annotations

from collections.abc import Sequence

from study.ladder.certainty import shows_intervals
from study.ladder.judging import Judged
from study.ladder.scorecard import Card
from study.ladder.words import cells, dollars, header, is_priced, labelled, spread
from study.report.columns import METRICS
from study.report.sheet import NOTHING, Sheet, plain_sheet, without_empty_end
from study.sweep.watch import duration


def ladder_sheet(judged: Sequence[Judged], task: str) -> Sheet:
    """The ladder as on the terminal; rungs that failed or were answered classically are marked."""
    priced = is_priced(judged)
    names = header(task, priced)
    return Sheet(
        "The rungs, each compared with the exact one on the same rows",
        names,
        [number > 0 for number in range(len(names))],
        [cells(one, task, priced) for one in judged],
        [one.record.status in ("failed", "classical") for one in judged],
    )


def metrics_sheet(judged: Sequence[Judged], task: str) -> Sheet:
    """Every metric of every rung that was climbed."""
    columns = METRICS[task]
    rows = [
        [one.record.label, *(spread(one.metrics.get(column.key), column) for column in columns)]
        for one in judged
        if one.record.status == "climbed"
    ]
    intervals = "; those made of a score a row with their intervals" if shows_intervals(judged) else ""
    return plain_sheet(
        f"Every metric{intervals}",
        ["rung", *(c.name for c in columns)],
        rows,
    )


def plan_sheet(judged: Sequence[Judged]) -> Sheet | None:
    """What the rungs that were planned only would take; None where there is none."""
    rows = []
    for record in (one.record for one in judged if one.record.status == "planned"):
        plan = record.plan
        seconds, depth, fidelity = (
            plan.get(key) for key in ("seconds", "circuit_depth", "estimated_fidelity")
        )
        rows.append(
            [
                record.label,
                *(f"{plan.get(key, 0):,}" for key in ("circuits", "shots", "tasks", "program_sets")),
                dollars(float(plan.get("usd") or 0.0), float(plan.get("usd_at_most") or 0.0)),
                NOTHING if seconds is None else duration(seconds),
                NOTHING if depth is None else f"{depth}",
                NOTHING if fidelity is None else f"{fidelity:.3f}",
                f"{plan.get('values_sent', 0):,}",
            ]
        )
    names = [
        "rung",
        "circuits",
        "shots",
        "tasks",
        "program sets",
        "price",
        "time, no queue",
        "circuit depth there",
    ]
    names += ["estimated fidelity", "angles sent"]
    return plain_sheet("Planned only: nothing of this was sent", names, rows) if rows else None


def execution_sheet(judged: Sequence[Judged]) -> Sheet:
    """How each rung ran, and what was reckoned beforehand."""
    names = [
        "rung",
        "device",
        "batches",
        "shots",
        "circuits",
        "tasks",
        "at hand",
        "price",
        "time",
        "reckoned",
    ]
    rows = []
    for one in judged:
        record, ran = one.record, one.record.execution
        if record.status == "planned":
            continue
        reckoned = record.plan.get("seconds")
        rows.append(
            [
                labelled(record),
                str(ran.get("device", NOTHING)),
                str(ran.get("batching") or NOTHING),
                "exact" if record.shots is None else f"{record.shots:,}",
                f"{ran.get('executions', 0):,}",
                f"{ran.get('tasks', 0):,}",
                f"{ran.get('cached', 0):,}",
                dollars(float(ran.get("usd") or 0.0)),
                NOTHING if record.seconds is None else duration(record.seconds),
                NOTHING if reckoned is None else duration(reckoned),
            ]
        )
    return plain_sheet("Executions; the drift check is among them", names, rows, text_columns=3)


def circuit_sheet(judged: Sequence[Judged]) -> Sheet | None:
    """The circuit before and after it is written in a machine's own gates; None where no rung has a machine."""
    rows = []
    for one in judged:
        circuit = one.record.circuit
        there = circuit.get("transpiled")
        if there:
            rows.append(
                [
                    one.record.label,
                    str(there["machine"]),
                    f"{circuit['n_qubits']}",
                    f"{circuit['circuit_depth']}",
                    f"{there['circuit_depth']}",
                    f"{there['two_qubit_gates']}",
                    f"{there['estimated_fidelity']:.3f}",
                ]
            )
    names = [
        "rung",
        "machine",
        "qubits",
        "circuit depth",
        "there",
        "two-qubit gates there",
        "estimated fidelity",
    ]
    return plain_sheet("The circuit of one row in each machine's own gates", names, rows, 2) if rows else None


def drift_sheet(judged: Sequence[Judged]) -> Sheet | None:
    """The reference circuit at the start and the end of each rung."""
    rows = [
        [
            one.record.label,
            f"{one.record.drift.largest:.2g}",
            f"{one.record.drift.limit:.2g}",
            "drifted" if one.record.drift.drifted else "the same",
        ]
        for one in judged
        if one.record.drift is not None
    ]
    if not rows:
        return None
    marked = [row[-1] == "drifted" for row in rows]
    names = ["rung", "largest difference", "limit of sampling", "finding"]
    caption = "The reference circuit, measured at the start and at the end of each rung"
    return Sheet(caption, names, [False, True, True, False], rows, marked)


def failure_sheet(judged: Sequence[Judged]) -> Sheet | None:
    """Failures by kind."""
    failed = [one.record for one in judged if one.record.failure is not None]
    if not failed:
        return None
    rows = [
        [labelled(record), record.failure["kind"], record.failure["reason"]]
        for record in failed
        if record.failure
    ]
    names = ["rung", "kind", "reason"]
    caption = "Rungs that failed, or whose device gave no answers; they are climbed again by the same command"
    return Sheet(caption, names, [False] * 3, rows, [True] * len(rows))


def score_sheets(cards: Sequence[Card]) -> list[Sheet]:
    """What the workload would take on each machine, and what the machine asks for."""
    took = [
        [
            card.label,
            NOTHING if card.usd is None else dollars(card.usd),
            NOTHING if card.tasks is None else f"{card.tasks:,}",
            NOTHING if card.seconds is None else duration(card.seconds),
            NOTHING if card.circuit_depth is None else str(card.circuit_depth),
            NOTHING if card.two_qubit_gates is None else str(card.two_qubit_gates),
            NOTHING if card.estimated_fidelity is None else f"{card.estimated_fidelity:.3f}",
            NOTHING if card.median_two_qubit_fidelity is None else f"{card.median_two_qubit_fidelity:.4f}",
            card.refused or "",
        ]
        for card in cards
    ]
    names = ["machine", "price", "tasks", "time, no queue", "circuit depth there", "two-qubit gates there"]
    names += ["estimated fidelity", "median two-qubit fidelity", "refused"]
    first = Sheet(
        "This workload on each machine",
        names,
        [False, *[True] * 7, False],
        took,
        [card.refused is not None for card in cards],
    )
    asks = [
        [
            card.label,
            card.as_of or NOTHING,
            card.status or NOTHING,
            card.technology or NOTHING,
            NOTHING if card.n_qubits is None else str(card.n_qubits),
            NOTHING if card.shots is None else f"{card.shots[0]:,} to {card.shots[1]:,}",
            NOTHING
            if card.program_sets is None
            else f"{card.program_sets[0]:,} circuits, {card.program_sets[1]:,} shots",
            "; ".join(card.windows) or NOTHING,
            card.region or NOTHING,
            card.account or NOTHING,
        ]
        for card in cards
    ]
    names = [
        "machine",
        "figures of",
        "status then",
        "technology",
        "qubits",
        "shots of a task",
        "program set",
        "runs, UTC",
        "region",
        "account",
    ]
    second = Sheet("Limits, windows and constraints", names, [False] * 10, asks, [False] * len(asks))
    return [without_empty_end(first), second]
