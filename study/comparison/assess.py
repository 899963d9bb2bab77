"""One entrant on one split: tuned, fitted, judged once. In memory but for the trials' own records."""

from __future__ import annotations

import math
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.comparison.entrants import Space
from study.comparison.evidence import MOST_COMPARED, Outcome, Predictions
from study.comparison.memory import PeakMemory
from study.comparison.tuning import SEED, Values, at_edge, tune
from study.data.prepare import Part, Prepared
from study.data.sealed import sealed
from study.fitting.latency import latency_seconds
from study.fitting.learner import Learner
from study.fitting.seeding import derive
from study.metrics import evaluate
from study.run.circuits import layers_of
from study.run.stored import read_csv, read_json

LOSS = {"classification": "log_loss", "regression": "rmse"}
"""What tuning minimises on the validation part."""

Build = Callable[[Values], Learner]
Elsewhere = Callable[[Values, str], Learner]


@dataclass(frozen=True)
class Judged:
    """An outcome and the predictions behind it; those are None where there are none."""

    outcome: Outcome
    validation: Predictions | None = None
    test: Predictions | None = None


def assess(
    outcome: Outcome,
    data: Prepared,
    build: Build,
    search: Mapping[str, Space],
    first: Values,
    n_trials: int,
    *,
    place: Path,
    store: Path | None,
    name: str,
    seconds: float | None = None,
    restarts: int = 0,
    slices: Mapping[str, np.ndarray] | None = None,
    shots: Sequence[int] = (),
    elsewhere: Elsewhere | None = None,
    backends: tuple[str, ...] = (),
    before_test: Callable[[Values], None] = lambda _: None,
) -> Judged:
    """Tune on training and validation part with the test part sealed; then read the test part, once.

    Args:
        outcome: what it is about: entrant, split, seed, condition.
        data: prepared, test part included.
        build: settings → a learner that is not fitted.
        search: what is tuned, by key.
        first: the settings of the first trial.
        n_trials: how many settings are tried.
        place: a folder for the trials' models; that of the best is kept.
        store: SQLite file of the trials; None keeps them in memory.
        name: of this tuning in it.
        seconds: see `tune`.
        restarts: see `tune`.
        slices: named subsets of the test part, bool (n_test,).
        shots: numbers of measurements with which a fitted model that has circuits is judged again.
        elsewhere: settings and the name of a backend → the same learner on that backend, not fitted.
        backends: on which the model's outputs are computed again.
        before_test: called with the settings that were chosen, before the test part is read.

    Raises:
        LeakError: the learner asked for the test part.
    """
    hidden = sealed(data)
    place.mkdir(parents=True, exist_ok=True)
    learners: dict[int, Learner] = {}
    memory = PeakMemory()

    def loss(number: int, values: Values) -> float:
        folder = place / f"trial-{number}"
        shutil.rmtree(folder, ignore_errors=True)  # what a trial left that did not end
        folder.mkdir()
        learner = build(values)
        learner.fit(hidden, folder, seed=int(values.get(SEED, outcome.seed)), progress=False)
        learner.save(folder)
        _note(folder, learner)
        learners[number] = learner
        return _metrics(data, data.validation, learner.predict(data.validation.inputs))[LOSS[data.task]]

    # The same settings for entrants that share keys, and others on another split.
    sampling = derive(outcome.seed, "tuning", outcome.repeat, outcome.fold)
    tuned = tune(
        store, name, search, first, n_trials, loss, seed=sampling, seconds=seconds, restarts=restarts
    )
    spent = {
        "trials": tuned.trials,
        "failed_trials": len(tuned.failed),
        "tuning_seconds": tuned.seconds,
        "executions": sum(_noted(place / f"trial-{number}")["executions"] for number in range(tuned.trials)),
    }
    if tuned.number is None:
        reason = tuned.failed[0] if tuned.failed else "no trial was made"
        return Judged(_with(outcome, failure=reason, **spent))
    best = place / f"trial-{tuned.number}"
    learner = learners.get(tuned.number) or build(tuned.values)
    if tuned.number not in learners:
        learner.restore(best)
    validation = _predictions(data.validation, learner)
    before_test(tuned.values)
    test = _predictions(data.test, learner)
    found = _with(
        outcome,
        metrics=_finite(_metrics(data, data.test, test.outputs)),
        slices={key: _finite(_slice(data, test, rows)) for key, rows in (slices or {}).items()},
        sampled={str(count): _finite(_sampled(data, learner, count, sampling)) for count in shots}
        if layers_of(learner)
        else {},
        validation=_finite(_metrics(data, data.validation, validation.outputs)),
        n_train=len(data.train.rows),
        n_test=len(data.test.rows),
        n_parameters=learner.n_parameters,
        fit_seconds=learner.fit_seconds,
        latency_seconds=latency_seconds(learner, data.test.inputs[:1]),
        steps=_noted(best)["steps"],
        peak_bytes=memory.bytes,
        chosen=dict(tuned.values),
        at_edge=at_edge(search, tuned.values),
        backends={key: _difference(key, tuned.values, best, elsewhere, data, test) for key in backends}
        if elsewhere is not None and layers_of(learner)
        else {},
        **spent,
    )
    for folder in place.glob("trial-*"):
        if folder != best:
            shutil.rmtree(folder, ignore_errors=True)
    return Judged(found, validation, test)


def _difference(
    backend: str, values: Values, best: Path, elsewhere: Elsewhere, data: Prepared, test: Predictions
) -> float | str:
    """Of the model's outputs on another backend, the largest; or why there is none."""
    try:
        twin = elsewhere(values, backend)
        twin.restore(best)
        outputs = twin.predict(data.test.inputs[:MOST_COMPARED])
    except Exception as error:  # what another backend cannot run is a finding about it
        return " ".join(f"{type(error).__name__}: {error}".split())
    return float(np.abs(outputs - test.outputs[:MOST_COMPARED]).max())


def _sampled(data: Prepared, learner: Learner, shots: int, seed: int) -> dict[str, float]:
    from study.comparison.sampled import sampled_predictions

    return _metrics(data, data.test, sampled_predictions(learner, data.test.inputs, shots, seed))


def _note(folder: Path, learner: Learner) -> None:
    """What the fit took, kept beside the model: a learner that is restored does not know it."""
    from study.run.atomic import write_json

    executed = getattr(learner, "executed", ())
    executions = sum(int(one["executions"] + one["gradient_executions"]) for one in executed)
    steps = None
    best_epoch = learner.describe().get("best_epoch")
    if best_epoch is not None and (folder / "steps.csv").exists():
        record = read_csv(folder / "steps.csv", ["epoch"])
        steps = int((record["epoch"] <= best_epoch).sum())
    write_json(folder / "note.json", {"executions": executions, "steps": steps})


class Note(TypedDict):
    """What note.json holds."""

    executions: int
    steps: int | None


def _noted(folder: Path) -> Note:
    path = folder / "note.json"
    return read_json(path, Note) if path.exists() else {"executions": 0, "steps": None}


def _predictions(part: Part, learner: Learner) -> Predictions:
    return Predictions(part.rows, part.targets, learner.predict(part.inputs))


def _metrics(data: Prepared, part: Part, outputs: np.ndarray) -> dict[str, float]:
    return evaluate(data.task, part.targets, outputs, data.n_outputs)


def _slice(data: Prepared, test: Predictions, rows: np.ndarray) -> dict[str, float]:
    return evaluate(data.task, test.targets[rows], test.outputs[rows], data.n_outputs)


def _finite(metrics: Mapping[str, float]) -> dict[str, float | None]:
    return {name: float(value) if math.isfinite(value) else None for name, value in metrics.items()}


def _with(outcome: Outcome, **changes: Any) -> Outcome:
    import dataclasses

    return dataclasses.replace(outcome, **changes)
