"""Evidence of a study that nobody ran, with the troubles that a test asks for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd

from study.comparison.evidence import PLAIN, Condition, Entrant, Evidence, Outcome, Predictions
from study.metrics import evaluate

ENTRANTS = (
    Entrant("candidate", "Hybrid model", "candidate"),
    Entrant("separable", "Separable twin", "twin"),
    Entrant("frozen", "Frozen random circuit", "twin"),
    Entrant("logistic", "Logistic regression", "baseline"),
    Entrant("rbf_svm", "RBF-SVM", "baseline"),
    Entrant("gradient_boosting", "Gradient boosting", "baseline"),
)
SKILL = {
    "candidate": 2.4, "separable": 1.8, "frozen": 1.2, "logistic": 1.7, "rbf_svm": 2.2, "gradient_boosting": 2.0,
}  # fmt: skip
SPLITS = tuple((repeat, fold) for repeat in range(2) for fold in range(5))
N_ROWS = 200


@dataclass(frozen=True)
class Gate:
    kind: str
    name: str
    passed: bool | None
    measured: str
    asked: str
    reason: str = ""


@dataclass(frozen=True)
class Verdict:
    decision: Literal["promote", "explore", "stop"] = "explore"
    headline: str = "The hybrid model keeps up with the best baseline, but nothing shows that it is better."
    gates: tuple[Gate, ...] = (
        Gate("technical", "all jobs ended", True, "60 of 60", "all"),
        Gate(
            "statistical",
            "better than the best baseline",
            False,
            "+0.012 (-0.02 to +0.04)",
            "above 0",
            "p = 0.3",
        ),
        Gate(
            "operational", "latency", None, "", "at most 1.5 × the best baseline's", "no latency was measured"
        ),
    )
    reasons: tuple[str, ...] = ("The interval against RBF-SVM crosses 0.", "It costs 12 × the fit time.")
    best_baseline: str | None = "rbf_svm"


@dataclass(frozen=True)
class Item:
    question: str
    answer: str
    points: float
    of: float
    meaning: str


@dataclass(frozen=True)
class Fit:
    score: float = 0.45
    items: tuple[Item, ...] = (
        Item("How many rows are there?", "hundreds", 2, 3, "Small data suits kernels and small models."),
        Item(
            "Is there a strong classical baseline?", "yes | always", 0, 3, "Then there is little left to win."
        ),
    )
    advice: str = "Expect a classical model to do as well."


@dataclass
class Made:
    """A study: its evidence, its predictions by job, its trials."""

    evidence: Evidence
    kept: dict[str, tuple[Predictions, Predictions]]
    trials: pd.DataFrame
    verdict: Verdict = field(default_factory=Verdict)
    fit: Fit = field(default_factory=Fit)

    def predictions(self, outcome: Outcome) -> tuple[Predictions, Predictions] | None:
        return self.kept.get(outcome.folder)


def make(
    folder: Path,
    *,
    entrants: Sequence[Entrant] = ENTRANTS,
    splits: Sequence[tuple[int, int]] = SPLITS,
    seeds: Sequence[int] = (0, 1),
    conditions: Sequence[Condition] = (Condition(0.25), Condition(0.5), Condition(1.0, 0.1)),
    task: str = "classification",
    metric: str | None = None,
    fails: Callable[[Outcome], str | None] = lambda _: None,
    constant: Sequence[str] = (),
    tied: bool = False,
    predicted: bool = True,
    more: dict[str, Any] | None = None,
) -> Made:
    """A study whose models differ by `SKILL`.

    Args:
        folder: of the study.
        entrants: who takes part.
        splits: all (repeat, fold).
        seeds: of each.
        conditions: besides the plain one, on the first three splits.
        task: "classification" (two classes) or "regression".
        metric: the declared one.
        fails: why an outcome has no result.
        constant: entrants that predict the same for every row.
        tied: all models predict the same.
        predicted: whether predictions are kept.
        more: further fields of the evidence.
    """
    metric = metric or ("accuracy" if task == "classification" else "rmse")
    outcomes: list[Outcome] = []
    kept: dict[str, tuple[Predictions, Predictions]] = {}
    for place, entrant in enumerate(entrants):
        for condition in (PLAIN, *conditions):
            for split in splits if condition == PLAIN else splits[:3]:
                for seed in seeds if condition == PLAIN else seeds[:1]:
                    outcome = Outcome(entrant.name, *split, seed, condition, folder=f"jobs/{len(outcomes)}")
                    failure = fails(outcome)
                    if failure is not None:
                        outcomes.append(replace(outcome, failure=failure, trials=6, failed_trials=6))
                        continue
                    stream = np.random.default_rng([*split, 0 if tied else 1 + place, 0 if tied else seed])
                    skill = 0.0 if entrant.name in constant else 2.0 if tied else SKILL.get(entrant.name, 2.0)
                    skill *= condition.fraction**0.3 * (1 - condition.label_noise)
                    parts = tuple(_part(stream, task, skill, n, split[1] * n) for n in (32, N_ROWS // 5))
                    outcomes.append(_judged(outcome, parts[1], task, place, len(outcomes)))
                    if predicted and condition == PLAIN:
                        kept[outcome.folder] = parts
    evidence = Evidence(
        name="default", folder=folder, data="two_curves", task=task, metric=metric,
        greater_is_better=metric not in ("rmse", "log_loss"), classes=["no", "yes"] if task == "classification" else [],
        n_rows=N_ROWS, entrants=entrants, splits=splits, declared=declared(entrants), seal="5e41", outcomes=outcomes,
        environment={"python": "3.12", "packages": {"torch": "2.9"}, "commit": None}, fingerprint="f1a9",
        created="2026-01-01T00:00:00", overrides=["data=two_curves", "model.note=<b>a|b</b>"], seconds=900.0,
        wall_seconds=500.0, **(more or {}),
    )  # fmt: skip
    return Made(evidence, kept, _trials(outcomes))


def declared(entrants: Sequence[Entrant]) -> dict[str, Any]:
    return {
        "name": "default",
        "metric": "accuracy",
        "protocol": {
            "repeats": 2,
            "n_folds": 5,
            "seeds": [0, 1],
            "fractions": [0.25, 0.5],
            "slices": {"young": "age < 4"},
        },
        "tuning": {"trials": 6, "seconds": None},
        "calibration": {"methods": ["none", "temperature", "isotonic"]},
        "gates": {"statistical": {"rule": "not_worse", "margin": 0.05, "relative": False, "rope": 0.02}},
        "stop_loss": {"hours": 1.0, "executions": None, "usd": 0.0},
        "entrants": {
            one.name: {
                "label": one.label,
                "role": one.role,
                "overrides": [f"model={one.name}"],
                "search": _search(one),
            }
            for one in entrants
        },
    }


def _search(entrant: Entrant) -> dict[str, Any]:
    if entrant.name == "logistic":
        return {"model.C": {"low": 0.01, "high": 1000, "log": True}}
    if entrant.name == "frozen":
        return {}
    return {"model.gamma": {"low": 0.01, "high": 10, "log": True}, "model.depth": {"values": [1, 2, 3]}}


def _part(stream: np.random.Generator, task: str, skill: float, n: int, start: int) -> Predictions:
    targets = np.arange(n) % 2 if task == "classification" else stream.normal(size=n)
    noise = stream.normal(size=n)
    if task == "regression":
        return Predictions(
            start + np.arange(n), targets, targets + noise / (1 + skill) if skill else np.zeros(n)
        )
    logits = 2.5 * (skill * (targets - 0.5) + noise) if skill else np.zeros(n)
    second = 1 / (1 + np.exp(-logits))
    return Predictions(start + np.arange(n), targets, np.stack([1 - second, second], axis=1))


def _judged(outcome: Outcome, test: Predictions, task: str, place: int, number: int) -> Outcome:
    scores = evaluate(task, test.targets, test.outputs, 2)
    metrics = {key: None if np.isnan(value) else value for key, value in scores.items()}
    gamma = [0.01, 0.5, 3.0][number % 3]
    return replace(
        outcome,
        metrics=metrics,
        validation=metrics,
        slices={"young": metrics},
        n_train=int(160 * outcome.condition.fraction),
        n_test=len(test.targets),
        n_parameters=10 * (place + 1),
        fit_seconds=0.5 * (place + 1),
        tuning_seconds=4.0 * (place + 1),
        latency_seconds=0.0004 * (place + 1),
        executions=5000 if place < 3 else 0,
        steps=40 if place < 3 else None,
        peak_bytes=3_000_000,
        chosen={"model.gamma": gamma, "model.depth": 1 + number % 3},
        at_edge=["model.gamma"] if gamma == 0.01 else [],
        trials=6,
        backends={"lightning": 1e-7} if place == 0 else {},
    )


def _trials(outcomes: Sequence[Outcome]) -> pd.DataFrame:
    rows = []
    for place, one in enumerate(outcomes):
        stream = np.random.default_rng(place)
        for number in range(one.trials if one.condition == PLAIN else 0):
            row = {
                "entrant": one.entrant,
                "repeat": one.repeat,
                "fold": one.fold,
                "seed": one.seed,
                "number": number,
            }
            gamma, depth = float(10 ** stream.uniform(-2, 1)), int(stream.integers(1, 4))
            loss = float("nan") if one.failure else 0.3 + 0.05 * np.log10(gamma) ** 2 + 0.02 * depth
            row |= {"state": "FAIL" if one.failure else "COMPLETE", "loss": loss}
            if one.entrant == "logistic":
                row["model.C"] = gamma
            elif one.entrant != "frozen":
                row |= {"model.gamma": gamma, "model.depth": depth}
            rows.append(row)
    columns = ["entrant", "repeat", "fold", "seed", "number", "state", "loss"]
    return pd.DataFrame(rows) if rows else pd.DataFrame(columns=columns)
