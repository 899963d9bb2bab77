"""Folders of finished studies that nobody ran, with scores that a test chooses."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from study.comparison.evidence import Outcome
from study.gates.seal import seal

LABELS = {
    "candidate": "Hybrid",
    "separable": "Separable circuit",
    "logistic": "Logistic regression",
    "rbf_svm": "RBF-SVM",
    "k_nearest": "k-NN",
}
N_FOLDS = 5


def role_of(name: str) -> str:
    return {"candidate": "candidate", "separable": "twin"}.get(name, "baseline")


def make_study(
    folder: Path,
    data: str,
    means: Mapping[str, float],
    *,
    metric: str = "balanced_accuracy",
    failed: Mapping[str, Sequence[int]] | None = None,
    declared: Mapping[str, Any] | None = None,
    unfinished: bool = False,
    search: Mapping[str, Any] | None = None,
    more: Mapping[str, Any] | None = None,
) -> Path:
    """Write a study with the mean scores `means`, by entrant, over five folds.

    Args:
        folder: where the study's folder goes.
        data: name of the dataset, of which the fingerprint is made.
        means: in the metric's own direction.
        metric: that was declared.
        failed: folds that an entrant failed on.
        declared: further entries of what was sealed.
        unfinished: whether the last job did not end.
        search: search spaces that are not the ones of other studies, by entrant.
        more: further entries of study.json.
    """
    place = folder / f"{data}-made"
    task = "regression" if metric in ("rmse", "mae", "r2") else "classification"
    sealed = {
        "name": "made",
        "protocol": {"repeats": 1, "n_folds": N_FOLDS, "seeds": [0]},
        "tuning": {"trials": 3, "seconds": None},
        "gates": {},
        "entrants": {
            name: {
                "label": LABELS[name],
                "role": role_of(name),
                "overrides": [f"model={name}"],
                "search": (search or {}).get(name, {"model.C": {"low": 0.1, "high": 10.0}}),
            }
            for name in means
        },
        **(declared or {}),
    }
    jobs = [(name, fold) for fold in range(N_FOLDS) for name in means]
    whole = {
        "format": 1, "name": "made", "created": f"2026-01-01T00:00:00 {data}",
        "overrides": ["study=made", f"data={data}"],
        "declared": sealed, "seal": seal(sealed), "data": data, "task": task, "metric": metric,
        "classes": [] if task == "regression" else ["no", "yes"], "n_rows": 100, "fingerprint": f"print of {data}",
        "entrants": [{"name": name, "label": LABELS[name], "role": role_of(name)} for name in means],
        "left_out": {}, "splits": [[0, fold] for fold in range(N_FOLDS)],
        "jobs": [
            {
                "number": number, "entrant": name, "repeat": 0, "fold": fold, "seed": 0, "fraction": 1.0,
                "label_noise": 0.0, "folder": f"jobs/{name}-{fold}",
            }
            for number, (name, fold) in enumerate(jobs)
        ],
        "leaks": [], "tolerated": [], "environment": {"code": {"digest": "one"}}, **(more or {}),
    }  # fmt: skip
    place.mkdir(parents=True)
    (place / "study.json").write_text(json.dumps(whole))
    for name, fold in jobs[: -1 if unfinished else None]:
        failure = "did not converge" if fold in (failed or {}).get(name, ()) else None
        # Two folds above the mean and two below, by as much.
        value = means[name] * (1 + 0.01 * (fold - 2))
        outcome = Outcome(
            name, 0, fold, metrics={} if failure else {metric: value}, n_train=64, n_test=20, latency_seconds=0.001,
            trials=3, failure=failure, folder=f"jobs/{name}-{fold}",
        )  # fmt: skip
        job = place / "jobs" / f"{name}-{fold}"
        job.mkdir(parents=True)
        (job / "outcome.json").write_text(json.dumps({**outcome.to_dict(), "seal": whole["seal"]}))
    return place
