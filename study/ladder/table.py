"""The ladder as a table for other programs: one row a rung."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from qlayers.spending.prices import dollars
from study.ladder.judging import Interval, Judged
from study.report.exported import as_csv


def ladder_table(judged: Sequence[Judged]) -> pd.DataFrame:
    """One row a rung; an interval takes three columns, its number, `_low` and `_high`."""
    return pd.DataFrame([_row(one) for one in judged])


def written(table: pd.DataFrame) -> str:
    """The table as CSV: six significant digits, since outputs are in single precision; prices and counts exactly.

    ladder.json has every number as it was computed.
    """
    shown = table.copy()
    for name in shown.select_dtypes("float"):
        shown[name] = shown[name].map(dollars if name in PRICES else _rounded)
    return as_csv(shown)


def _rounded(value: float) -> float:
    return value if value.is_integer() else float(f"{value:.6g}")


def _row(one: Judged) -> dict[str, Any]:
    record = one.record
    row: dict[str, Any] = {
        "rung": record.name,
        "label": record.label,
        "status": record.status,
        "outside": record.outside,
        "device": record.execution.get("device"),
        "evaluated_by": record.execution.get("batching"),
        "gradient_method": record.execution.get("gradient_method"),
        "shots": record.shots,
    }
    for name, interval in one.metrics.items():
        row |= _spread(name, interval)
    for name, interval in one.differences.items():
        row |= _spread(f"{name}_difference", interval)
    row["flips"] = one.flips
    row |= _spread("total_variation_answers", one.answers)
    row |= _spread("total_variation_circuits", one.circuits)
    row["total_variation_by_sampling"] = one.sampling
    error = one.error
    row |= {
        "error": None if error is None else error.seen,
        "largest_error": None if error is None else error.largest,
        "error_by_sampling": None if error is None else error.expected,
    }
    row |= _spread("error_to_sampling", None if error is None else error.ratio)
    row |= {
        name: record.execution.get(name) for name in ("executions", "tasks", "usd", "cached", "fell_back")
    }
    row |= {"seconds": record.seconds, "row_seconds": record.row_seconds}
    row |= {f"planned_{name}": record.plan.get(name) for name in PLANNED}
    row |= {name: record.circuit.get(name) for name in ("n_qubits", "circuit_depth")}
    transpiled = record.circuit.get("transpiled", {})
    row |= {f"transpiled_{name}": transpiled.get(name) for name in TRANSPILED}
    row |= {"answered_by": record.answered_by, "answered_classically": record.answered_classically}
    row["drift"] = None if record.drift is None else record.drift.largest
    row["drift_limit"] = None if record.drift is None else record.drift.limit
    failure = record.failure or {}
    row |= {"failure_kind": failure.get("kind"), "failure": failure.get("reason")}
    return row


PRICES = ("usd", "planned_usd", "planned_usd_at_most")
PLANNED = ("circuits", "shots", "tasks", "usd", "usd_at_most", "seconds", "values_sent")
TRANSPILED = ("circuit_depth", "two_qubit_gates", "estimated_fidelity")


def _spread(name: str, interval: Interval | None) -> dict[str, float | None]:
    if interval is None:
        return {name: None, f"{name}_low": None, f"{name}_high": None}
    return {name: interval.value, f"{name}_low": interval.low, f"{name}_high": interval.high}
