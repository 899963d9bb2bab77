"""One tidy row a job, read from the job folders; what a folder lacks is said, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from study.ablation.sweep import PREFIX, Final, Job, Sweep, is_number, label, read_final, read_sweep
from study.errors import StudyError
from study.run.folder import RunFolder
from study.run.stored import read_csv, read_json

VALIDATION_FILE = "validation.json"
FINISHED, FAILED, UNFINISHED, MISSING = "finished", "failed", "unfinished", "missing"
COUNTS = ["n_parameters", "circuit_depth", "n_gates", "executions", "gradient_executions", "epochs"]
MEASURES = ["fit_seconds", "gradient_norm_start"]


@dataclass(frozen=True, eq=False)
class Collected:
    """A sweep and what is known of its jobs.

    Attributes:
        folder: the sweep folder.
        table: one row a job, in the order of `sweep.jobs`: `number`, `status` (finished, failed, unfinished or
            missing), `failure`, a column for each swept key, `val_<metric>` for each validation metric, `n_parameters`,
            `circuit_depth`, `n_gates`, `executions` (circuits run), `gradient_executions` (more of them, for
            gradients), `epochs`, `fit_seconds`, `gradient_norm_start` and `folder`, relative to the sweep folder.
        histories: metrics.csv of each job that has one, by the job's number.
        final: the chosen configuration on the test part, if it was judged.
        final_failure: why final.json could not be read.
        validation_rows: how many validation rows the jobs were judged on, each number once.
        data: the names of the data that they were trained on, each once.
    """

    folder: Path
    sweep: Sweep
    table: pd.DataFrame
    histories: Mapping[int, pd.DataFrame]
    final: Final | None
    final_failure: str | None
    validation_rows: tuple[int, ...]
    data: tuple[str, ...]

    @property
    def metrics(self) -> list[str]:
        """The validation metrics that at least one job has."""
        return [str(name).removeprefix(PREFIX) for name in self.table.columns if str(name).startswith(PREFIX)]

    def count(self, status: str) -> int:
        return int((self.table["status"] == status).sum())


def collect(sweep_folder: Path, option: str = "sweep") -> Collected:
    """Read a sweep folder and the folders of its jobs.

    Raises:
        StudyError: it is not a sweep folder. Job folders may lack anything.
    """
    sweep = read_sweep(sweep_folder, option)
    final, final_failure = read_final(sweep_folder)
    rows, validation_rows = [], []
    histories: dict[int, pd.DataFrame] = {}
    data: dict[str, None] = {}
    for job in sweep.jobs:
        folder = RunFolder(sweep_folder / job.folder)
        row, judged_on = _row(folder, job)
        history = _history(folder)
        if (name := _data_name(folder)) is not None:
            data[name] = None
        if history is not None:
            histories[job.number] = history
            row["epochs"] = len(history)
        if judged_on is not None:
            validation_rows.append(judged_on)
        rows.append(row)
    return Collected(
        sweep_folder,
        sweep,
        _table(sweep, rows),
        histories,
        final,
        final_failure,
        tuple(sorted(set(validation_rows))),
        tuple(data),
    )


def _row(folder: RunFolder, job: Job) -> tuple[dict[str, Any], int | None]:
    """What the folder of a job tells, and the number of rows it was validated on."""
    if not folder.path.is_dir():
        before = f"; before it was deleted the job had failed: {job.failure}" if job.failure else ""
        return _without(MISSING, f"its folder is gone{before}"), None
    manifest = _json(folder.manifest)
    if not isinstance(manifest, dict):
        return _without(MISSING, "manifest.json is not there or cannot be read"), None
    if manifest.get("status") == FAILED:
        return _without(FAILED, str(manifest.get("failure") or "no reason was recorded")), None
    if manifest.get("status") != FINISHED:
        return _without(UNFINISHED, "it was stopped, or is still running"), None
    validation = _json(folder.path / VALIDATION_FILE)
    if not isinstance(validation, dict) or not isinstance(validation.get("metrics"), dict):
        return _without(MISSING, f"{VALIDATION_FILE} is not there or cannot be read"), None
    metrics = {f"{PREFIX}{name}": _number(value) for name, value in validation["metrics"].items()}
    rows = validation.get("rows")
    return {"status": FINISHED, "failure": None, **metrics, **_model(manifest)}, rows if is_number(
        rows
    ) else None


def _data_name(folder: RunFolder) -> str | None:
    manifest = _json(folder.manifest)
    name = _mapping(manifest, "data").get("name") if isinstance(manifest, dict) else None
    return name if isinstance(name, str) else None


def _model(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Size and cost of the main model."""
    models = [entry for entry in _mapping(manifest, "models").values() if isinstance(entry, dict)]
    model: Mapping[str, Any] = next((entry for entry in models if entry.get("role") == "main"), {})
    circuit, execution = _mapping(model, "circuit"), _mapping(model, "execution")
    gates = [count for count in _mapping(circuit, "gates").values() if _count(count) is not None]
    return {
        "n_parameters": _count(model.get("n_parameters")),
        "circuit_depth": _count(circuit.get("circuit_depth")),
        "n_gates": sum(gates) if gates else None,
        "executions": _count(execution.get("executions")),
        "gradient_executions": _count(execution.get("gradient_executions")),
        "fit_seconds": _number(model.get("fit_seconds")),
        "gradient_norm_start": _number(model.get("initial_gradient_norm")),
    }


def _table(sweep: Sweep, rows: list[dict[str, Any]]) -> pd.DataFrame:
    metrics = list(dict.fromkeys(name for row in rows for name in row if name.startswith(PREFIX)))
    columns: dict[str, pd.Series] = {
        "number": pd.Series([job.number for job in sweep.jobs], dtype="int64"),
        "status": pd.Series([row["status"] for row in rows], dtype="str"),
        "failure": pd.Series([row["failure"] for row in rows], dtype="str"),
    }
    for key in sweep.axes:
        columns[key] = _swept(sweep.jobs, key)
    for name in [*metrics, *COUNTS, *MEASURES]:
        dtype = "Int64" if name in COUNTS else "float64"
        columns[name] = pd.Series([row.get(name) for row in rows], dtype=dtype)
    columns["folder"] = pd.Series([job.folder for job in sweep.jobs], dtype="str")
    return pd.DataFrame(columns)


def _swept(jobs: list[Job], key: str) -> pd.Series:
    """The values of a swept key, as text where they are not of one kind."""
    values = [job.values[key] for job in jobs]
    if all(isinstance(value, bool) for value in values):
        return pd.Series(values, dtype="bool")
    if all(isinstance(value, int) and not isinstance(value, bool) for value in values):
        return pd.Series(values, dtype="int64")
    if all(is_number(value) for value in values):
        return pd.Series(values, dtype="float64")
    return pd.Series([label(value) for value in values], dtype="str")


def _history(folder: RunFolder) -> pd.DataFrame | None:
    try:
        return read_csv(folder.metrics, ["epoch", "train_loss", "val_loss"])
    except StudyError:
        return None


def _json(path: Path) -> Any:
    try:
        return read_json(path)
    except StudyError:
        return None


def _mapping(node: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = node.get(key)
    return found if isinstance(found, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value < 2**63 and not isinstance(value, bool) else None


def _number(value: Any) -> Any:
    return value if is_number(value) else None


def _without(status: str, reason: str) -> dict[str, Any]:
    return {"status": status, "failure": reason}
