"""An evaluation's telemetry in the tracker that knows the run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from rich.console import Console

from study import build
from study.ladder.judging import Judged
from study.run import tracking
from study.run.folder import RunFolder
from study.run.manifest import read_manifest
from study.run.rebuild import stored_config
from study.run.stages import last_epoch, reason_of


def values_of(judged: Sequence[Judged]) -> dict[str, float]:
    """What a tracker is told: `ladder/<rung>/<name>`, numbers only."""
    found: dict[str, float] = {}
    for one in judged:
        record = one.record
        # What a classical model answered must not pass for the rung's.
        prefix = "classical_" if record.status == "classical" else ""
        values: dict[str, float | None] = {
            f"{prefix}{name}": interval.value for name, interval in one.metrics.items()
        }
        values |= {f"{name}_difference": interval.value for name, interval in one.differences.items()}
        values |= {
            "flips": one.flips,
            "total_variation": None if one.circuits is None else one.circuits.value,
            "error": None if one.error is None else one.error.seen,
            "seconds": record.seconds,
            "failed": float(record.status == "failed"),
            "answered_classically": record.answered_classically if record.answered_by else None,
            "drift": None if record.drift is None else record.drift.largest,
        }
        values |= {key: record.execution.get(key) for key in ("executions", "tasks", "usd", "cached")}
        values |= {key: record.circuit.get(key) for key in ("n_qubits", "circuit_depth")}
        transpiled = record.circuit.get("transpiled", {})
        values |= {f"transpiled_{key}": transpiled.get(key) for key in ("circuit_depth", "two_qubit_gates")}
        if record.shots is not None:
            values["shots"] = record.shots * record.execution.get("executions", 0)
        found |= {
            f"ladder/{record.name}/{name}": float(value)
            for name, value in values.items()
            if value is not None and np.isfinite(value)
        }
    return found


def tell(run: RunFolder, judged: Sequence[Judged], console: Console) -> None:
    """Log the rungs to the trackers that know the run; what stands in the way is said, and nothing is lost by it."""
    known = read_manifest(run)["loggers"]
    if not known:
        return
    config = stored_config(run)
    try:
        config.logger = {
            name: {**config.logger[name], "run_id": str(known[name]["run_id"])} for name in known
        }
        with tracking.quiet_trackers():
            trackers = dict(zip(config.logger, build.loggers(config), strict=True))
            tracking.conclude(trackers, values_of(judged), step=last_epoch(run))
    except Exception as error:  # the tracker's store may have been moved or removed since
        console.print(
            f"Warning: the evaluation is not in {' and '.join(known)}, which knows the run ({reason_of(error)}). "
            "Its folder has everything.",
            style="yellow",
            soft_wrap=True,
        )
