"""Sweep folders made on disk without training anything: a formula stands in for each job's outcome."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

CLASSIFICATION = ("accuracy", "balanced_accuracy", "f1", "roc_auc", "calibration_error", "log_loss")
REGRESSION = ("mae", "rmse", "r2")

Values = Mapping[str, Any]


def make_sweep(
    root: Path,
    axes: Mapping[str, Sequence[Any]],
    *,
    task: str = "classification",
    outcome: Callable[[Values], float | None] | None = None,
    status: Callable[[Values], str] = lambda values: "finished",
    final: bool = False,
    epochs: int = 4,
) -> Path:
    """A sweep folder below `root` and the job folders that it names.

    Args:
        root: stands for output_dir.
        axes: every swept key and its values.
        task: classification or regression.
        outcome: the primary validation metric of a job; None makes it undefined. Without it, a random one.
        status: finished, failed, running, gone (no folder) or hollow (a folder with nothing in it).
        final: write final.json as well.
        epochs: rows of metrics.csv.
    """
    metric = "balanced_accuracy" if task == "classification" else "rmse"
    combinations = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
    jobs = []
    sweep = root / "sweeps" / "made-0a1b2c3d"
    (sweep).mkdir(parents=True)
    for number, values in enumerate(combinations):
        digest = hashlib.sha256(json.dumps(values).encode()).hexdigest()
        folder = root / "jobs" / f"made-hybrid-{digest[:8]}"
        noise = random.Random(digest)
        value = noise.uniform(0.6, 0.99) if outcome is None else outcome(values)
        make_job(folder, values, status(values), task, metric, value, noise, epochs)
        relative = os.path.relpath(folder, sweep)
        jobs.append({"number": number, "values": values, "folder": relative, "digest": digest})
    plan = {
        "format": 1,
        "created": "2026-11-21T00:00:00+00:00",
        "overrides": [f"{key}={','.join(map(str, values))}" for key, values in axes.items()],
        "axes": dict(axes),
        "task": task,
        "metric": metric,
        "greater_is_better": task == "classification",
        "jobs": jobs,
    }
    write(sweep / "sweep.json", plan)
    if final:
        write(sweep / "final.json", make_final(axes, task, metric))
    return sweep


def make_job(
    folder: Path,
    values: Values,
    status: str,
    task: str,
    metric: str,
    value: float | None,
    noise: random.Random,
    epochs: int,
) -> None:
    if status == "gone":
        return
    folder.mkdir(parents=True)
    if status == "hollow":
        return
    depth = values.get("depth", 2)
    depth = depth if isinstance(depth, int) else 2
    model = {
        "status": "fitted",
        "role": "main",
        "label": "hybrid",
        "n_parameters": 20 + 12 * depth,
        "fit_seconds": noise.uniform(1, 9),
        "initial_gradient_norm": noise.uniform(0.5, 2) / 4**depth,
        "circuit": {"circuit_depth": 3 + 5 * depth, "gates": {"CNOT": 4 * depth, "RY": 4, "Rot": 4 * depth}},
        "execution": {
            "executions": noise.randrange(500, 900) * depth, "gradient_executions": 10 * depth
        },
    }  # fmt: skip
    failure = "the loss is not finite after epoch 2" if status == "failed" else None
    write(
        folder / "manifest.json",
        {"status": status, "failure": failure, "data": {"name": "made"}, "models": {"hybrid": model}},
    )
    rows = ["epoch,train_loss,val_loss,gradient_norm,seconds"]
    for epoch in range(epochs if status == "finished" else 2):
        loss = 0.7 * 0.8**epoch + noise.uniform(0, 0.02)
        rows.append(f"{epoch},{loss},{loss + 0.05},{noise.uniform(0.1, 1)},0.1")
    (folder / "metrics.csv").write_text("\n".join(rows) + "\n")
    if status == "finished":
        names = CLASSIFICATION if task == "classification" else REGRESSION
        metrics = {name: noise.uniform(0.1, 0.9) for name in names} | {metric: value}
        write(folder / "validation.json", {"rows": 91, "metrics": metrics})


def make_final(axes: Mapping[str, Sequence[Any]], task: str, metric: str) -> dict[str, Any]:
    questions = {key: values[-1] for key, values in axes.items() if key != "seed"}
    names = CLASSIFICATION if task == "classification" else REGRESSION

    def model(
        name: str, role: str, value: float | None, seed: int = 0, failure: str | None = None
    ) -> dict[str, Any]:
        metrics = {} if failure else {each: 0.5 for each in names} | {metric: value}
        return {
            "name": name, "role": role, "seed": seed, "metrics": metrics, "n_parameters": 44, "fit_seconds": 1.5,
            "latency_seconds": 0.002, "failure": failure,
        }  # fmt: skip

    models = [
        *(model("hybrid", "main", 0.9 + 0.01 * seed, seed) for seed in axes.get("seed", [0])),
        model("logistic", "control", 0.97),
        model("rbf_svm", "control", None, failure="it ran out of memory"),
    ]
    return {
        "chosen": questions,
        "reason": f"best mean validation {metric.replace('_', ' ')}: 0.95",
        "over": ["seed"],
        "splits": [{"split": {"fold": 0, "repeat": 0}, "rows": 114, "models": models}],
    }


def write(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=2))
