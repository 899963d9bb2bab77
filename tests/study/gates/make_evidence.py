"""Small evidence by hand: scores in, `Evidence` out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from study.comparison.evidence import Entrant, Evidence, Outcome, Split, greater_is_better

N_TRAIN, N_TEST = 80, 20


def evidence(
    scores: Mapping[str, Sequence[float | None]],
    *,
    gates: Mapping[str, Any] | None = None,
    roles: Mapping[str, str] | None = None,
    n_folds: int = 5,
    seeds: Sequence[int] = (0,),
    metric: str = "accuracy",
    more: Mapping[str, Mapping[str, Any]] | None = None,
    **others: Any,
) -> Evidence:
    """Evidence with the metric of each entrant, fold by fold; None is a failed job.

    The first entrant is the candidate and the others are baselines, unless `roles` says so. `more` are further fields
    of an entrant's outcomes. With several seeds every fold has the same metric under each.
    """
    roles = {**dict.fromkeys(scores, "baseline"), next(iter(scores)): "candidate", **(roles or {})}
    n = max(len(values) for values in scores.values())
    splits: list[Split] = [(at // n_folds, at % n_folds) for at in range(n)]
    outcomes = [
        outcome(name, split, value, seed, metric, **(more or {}).get(name, {}))
        for name, values in scores.items()
        for split, value in zip(splits, values, strict=False)
        for seed in seeds
    ]
    labels = {name: name.replace("_", " ").title() for name in scores}
    order = ("candidate", "twin", "baseline")
    names = sorted(scores, key=lambda name: order.index(roles[name]))
    return Evidence(
        name="default",
        folder=Path("."),
        data="made",
        task="classification" if metric not in ("mae", "rmse", "r2") else "regression",
        metric=metric,
        greater_is_better=greater_is_better(metric),
        classes=("a", "b"),
        n_rows=N_TRAIN + N_TEST,
        entrants=[Entrant(name, labels[name], roles[name]) for name in names],  # type: ignore[arg-type]
        splits=splits,
        seal="",
        **{
            "declared": {"gates": gates or {}, "protocol": {"seeds": list(seeds)}},
            "outcomes": outcomes,
            **others,
        },
    )


def outcome(
    entrant: str, split: Split, value: float | None, seed: int = 0, metric: str = "accuracy", **more: Any
) -> Outcome:
    fields = {
        "metrics": {} if value is None else {metric: value},
        "n_train": N_TRAIN,
        "n_test": N_TEST,
        "fit_seconds": 1.0,
        "tuning_seconds": 6.0,
        "latency_seconds": 0.001,
        "failure": "the fit diverged" if value is None else None,
    }
    return Outcome(entrant, *split, seed=seed, **{**fields, **more})


def around(mean: float, n: int = 10, spread: float = 0.01, seed: int = 0) -> list[float]:
    """Scores with exactly this mean and a standard deviation of about `spread`."""
    noise = np.random.default_rng(seed).normal(0, spread, n)
    return (mean + noise - noise.mean()).tolist()
