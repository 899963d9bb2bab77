"""What a study found: one outcome an entrant, split and condition. Gates and report rest on this and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import with_config

Role = Literal["candidate", "twin", "baseline"]
Split = tuple[int, int]  # (repeat, fold)
LEAK = "leak:"
"""So begins what a leakage check found, in whichever file it stands."""

MOST_COMPARED = (
    20  # rows of a test part whose outputs are computed again on another backend: some run them one by one
)


@with_config(extra="forbid")
@dataclass(frozen=True)
class Entrant:
    """A model of a study.

    Attributes:
        name: in files and tables.
        label: for people.
        role: a candidate is what the study is about; a twin is the candidate with one thing changed; a baseline is a
            classical model by itself.
    """

    name: str
    label: str
    role: Role


@with_config(extra="forbid")
@dataclass(frozen=True, order=True)
class Condition:
    """What the entrants were given besides the fold. The default is the comparison itself, others are its side views.

    Attributes:
        fraction: of the training rows that were used.
        label_noise: share of the training labels that were replaced (regression: noise in deviations of the target).
        shots: how often the circuits of the fitted model are measured for the test part; 0 for exact values.
    """

    fraction: float = 1.0
    label_noise: float = 0.0
    shots: int = 0


PLAIN = Condition()


@with_config(extra="forbid")
@dataclass(frozen=True)
class Outcome:
    """One entrant tuned, fitted and judged on one split under one condition, or why it was not.

    Attributes:
        metrics: on the test part; None where it does not define one.
        slices: the same on named subsets of the test part.
        sampled: metrics with circuits measured so many times, by the number as text; empty without a circuit.
        validation: metrics of the chosen trial on the validation part.
        n_train: rows that it was fitted on.
        n_test: rows that it was judged on.
        n_parameters: trained numbers.
        fit_seconds: of the chosen trial.
        tuning_seconds: of all trials together.
        latency_seconds: one prediction for one row, median.
        executions: circuit executions of all trials, gradients included; 0 without a circuit.
        steps: optimiser steps until the chosen epoch; None for a model without.
        peak_bytes: the most memory that its arrays took; None where it was not measured.
        chosen: the settings that tuning chose, by key.
        at_edge: of these, those at an end of their range.
        trials: how many were tried, failed ones among them.
        failed_trials: how many of them failed.
        backends: largest difference of the model's outputs on the test part from those of another backend, by its name;
            text where it could not run there.
        folder: of the job, from the study's folder.
        failure: why there is no result; None if there is one.
    """

    entrant: str
    repeat: int
    fold: int
    seed: int = 0
    condition: Condition = PLAIN
    metrics: Mapping[str, float | None] = field(default_factory=dict)
    slices: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    sampled: Mapping[str, Mapping[str, float | None]] = field(default_factory=dict)
    validation: Mapping[str, float | None] = field(default_factory=dict)
    n_train: int = 0
    n_test: int = 0
    n_parameters: int | None = None
    fit_seconds: float | None = None
    tuning_seconds: float | None = None
    latency_seconds: float | None = None
    executions: int = 0
    steps: int | None = None
    peak_bytes: int | None = None
    chosen: Mapping[str, Any] = field(default_factory=dict)
    at_edge: Sequence[str] = ()
    trials: int = 0
    failed_trials: int = 0
    backends: Mapping[str, float | str] = field(default_factory=dict)
    folder: str = ""
    failure: str | None = None

    @property
    def split(self) -> Split:
        return self.repeat, self.fold

    def to_dict(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Predictions:
    """What one entrant said on one split, row by row.

    Attributes:
        rows: position in the table, (n,).
        targets: class positions or numbers, (n,).
        outputs: probabilities (n, n_classes) or numbers (n,).
    """

    rows: np.ndarray
    targets: np.ndarray
    outputs: np.ndarray


@dataclass(frozen=True)
class Evidence:
    """Everything that a study found, as far as it came.

    Attributes:
        name: of the study's option, such as "default".
        folder: the study's own.
        data: name of the dataset.
        task: "classification" or "regression".
        metric: the one that the study declared.
        greater_is_better: of that metric.
        classes: labels; empty in a regression.
        n_rows: of the dataset.
        entrants: candidates first, then twins, then baselines.
        splits: all (repeat, fold) that were planned.
        declared: the study as it was sealed before it began, plain values: protocol, tuning, gates, stop_loss and more.
        seal: digest of `declared`.
        outcomes: of the jobs that ended.
        missing: jobs that did not end, such as after a stop-loss.
        stopped: why the study ended early; None if it did not.
        environment: versions, machine, commit, as the manifest has them.
        fingerprint: of the data.
        created: when the study began, ISO format.
        overrides: the command line.
        leaks: what the leakage checks found, one sentence each; a study with any has no verdict.
        tolerated: findings of these checks that the study declared to accept.
        left_out: entrants that were asked for and take no part, with the reason.
        seconds: of computing, all jobs together.
        wall_seconds: from the start to the end, over all sittings.
    """

    name: str
    folder: Path
    data: str
    task: str
    metric: str
    greater_is_better: bool
    classes: Sequence[str]
    n_rows: int
    entrants: Sequence[Entrant]
    splits: Sequence[Split]
    declared: Mapping[str, Any]
    seal: str
    outcomes: Sequence[Outcome]
    missing: int = 0
    stopped: str | None = None
    environment: Mapping[str, Any] = field(default_factory=dict)
    fingerprint: str = ""
    created: str = ""
    overrides: Sequence[str] = ()
    leaks: Sequence[str] = ()
    tolerated: Sequence[str] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    wall_seconds: float = 0.0

    def of(self, entrant: str, condition: Condition = PLAIN) -> list[Outcome]:
        """Outcomes of an entrant under a condition, failed ones among them, in the order of splits and seeds.

        With `shots` they are those of the comparison itself that were measured so often, with the metrics found then.
        """
        judged = replace(condition, shots=0)
        found = [
            outcome for outcome in self.outcomes if outcome.entrant == entrant and outcome.condition == judged
        ]
        if condition.shots:
            key = str(condition.shots)
            found = [
                replace(outcome, condition=condition, metrics=outcome.sampled[key])
                for outcome in found
                if key in outcome.sampled
            ]
        return sorted(found, key=lambda outcome: (outcome.split, outcome.seed))

    def scores(
        self, entrant: str, metric: str | None = None, condition: Condition = PLAIN
    ) -> dict[Split, float]:
        """Score of each split, the mean over its seeds, negated where lower is better; splits without one left out.

        Args:
            entrant: its name.
            metric: the declared one by default.
            condition: the comparison itself by default.
        """
        name = metric or self.metric
        sign = 1.0 if greater_is_better(name) else -1.0
        by_split: dict[Split, list[float]] = {}
        failed = set()
        for outcome in self.of(entrant, condition):
            value = outcome.metrics.get(name)
            if outcome.failure is not None or value is None:
                failed.add(outcome.split)
            else:
                by_split.setdefault(outcome.split, []).append(sign * float(value))
        return {split: float(np.mean(values)) for split, values in by_split.items() if split not in failed}

    def part_sizes(self, entrant: str, condition: Condition = PLAIN) -> tuple[int, int] | None:
        """Rows fitted on and judged on, summed over the fits that ended: their ratio is a fold's. None without any."""
        ended = [one for one in self.of(entrant, condition) if one.failure is None]
        n_train, n_test = sum(one.n_train for one in ended), sum(one.n_test for one in ended)
        return (n_train, n_test) if n_train and n_test else None

    def role(self, role: Role) -> list[Entrant]:
        """Entrants of a role, in order."""
        return [entrant for entrant in self.entrants if entrant.role == role]

    @property
    def candidate(self) -> Entrant:
        """The first candidate: what the verdict is about."""
        return self.role("candidate")[0]


def finding(text: str) -> str:
    """What a leakage check found, as a sentence for people: without its mark.

    >>> finding("leak: rows 3 and 7 are alike")
    'Rows 3 and 7 are alike.'
    """
    text = text.removeprefix(LEAK).strip()
    text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "!", "?")) else f"{text}."


LOWER_IS_BETTER = frozenset({"calibration_error", "log_loss", "mae", "rmse"})


def greater_is_better(metric: str) -> bool:
    """Whether a metric of `study.metrics` is better when it is greater."""
    return metric not in LOWER_IS_BETTER
