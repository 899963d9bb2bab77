"""Tuning one entrant on one split: every entrant has the same number of trials, kept in SQLite as they end."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial, TrialState

from study.comparison.entrants import Space
from study.data.sealed import LeakError
from study.errors import refuse_full_disk
from study.fitting.seeding import derive
from study.run.stages import reason_of
from study.run.stored import using
from study.run.stores import make_store

N_AT_RANDOM = 10  # settings of an entrant on a split, before the sampler learns from their losses
LOST = "Put the original file back, or start a new study."
SECONDS, REASON, NUMBER = "seconds", "reason", "number"
SEED = "seed"  # the key of train.py that a restart sets

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Tuned:
    """What the trials of one entrant on one split came to.

    Attributes:
        number: of the best trial, counted from 0 in the order in which they were tried; None if all failed.
        values: the settings of the best trial, by key.
        loss: its loss on the validation part.
        trials: how many were tried.
        failed: the reasons of those that failed.
        seconds: of all trials together.
    """

    number: int | None
    values: Values
    loss: float
    trials: int
    failed: tuple[str, ...]
    seconds: float


def tune(
    store: Path | None,
    name: str,
    search: Mapping[str, Space],
    first: Values,
    n_trials: int,
    loss: Callable[[int, Values], float],
    *,
    seed: int,
    seconds: float | None = None,
    restarts: int = 0,
) -> Tuned:
    """Try `n_trials` settings, the first being `first`, the others Optuna's, and find the one with the lowest loss.

    The last `restarts` of the trials are no new settings: they fit the best ones so far again from another seed, since
    what an optimiser ends in depends on where it starts.

    Trials that an earlier process finished are not repeated, and the ones that follow are those that would have
    followed there: each has a sampler of its own, seeded by its number. Without anything to search there is one trial,
    and the restarts.

    Args:
        store: SQLite file, shared by the entrants of a study; it is made by `make_trials`. None keeps trials in memory.
        name: of this tuning in the store.
        search: what is varied, by key.
        first: values of all its keys for the first trial; outside their range they are moved to its end.
        n_trials: how many, failed ones among them.
        loss: (number of the trial, values) → loss on the validation part. What it raises makes the trial a failed one.
        seed: of the samplers, and of the restarts' seeds.
        seconds: no further trial begins when they have taken so long together; None for no limit.
        restarts: how many of the trials are restarts, fewer than `n_trials`; `values` of one hold its `seed`, too.

    Raises:
        LeakError: as `loss` raises it: no other trial would be sounder.
    """
    space = {key: distribution(one) for key, one in search.items()}
    study = optuna.create_study(storage=_storage(store), study_name=name, load_if_exists=True)
    for trial in study.get_trials(deepcopy=False, states=[TrialState.RUNNING]):
        study.tell(trial.number, state=TrialState.FAIL)  # its process is gone; it is tried again
    done = _done(study)
    total = trials_of(n_trials, restarts, bool(space))
    for number in range(len(done), total):
        if seconds is not None and number and sum(trial.user_attrs[SECONDS] for trial in done) >= seconds:
            break
        values = _values(study, space, first, number, number >= total - restarts, done, seed)
        begun = time.perf_counter()
        found, reason = None, ""
        try:
            found = float(loss(number, values))
        except LeakError:
            raise
        except Exception as error:  # a failed trial is a result
            refuse_full_disk(error)
            reason = reason_of(error)
        if found is not None and found != found:
            found, reason = None, "its loss is not a number"
        attributes = {NUMBER: number, SECONDS: time.perf_counter() - begun, REASON: reason}
        if SEED in values and SEED not in space:
            attributes[SEED] = values[SEED]
        study.add_trial(
            optuna.create_trial(
                state=TrialState.FAIL if found is None else TrialState.COMPLETE,
                value=found,
                params={key: values[key] for key in space},
                distributions=space,
                user_attrs=attributes,
            )
        )
        done = _done(study)
    return _best(done)


def trials_of(n_trials: int, restarts: int, searched: bool) -> int:
    """How many trials an entrant has: as many as any other, unless there is nothing to search."""
    return n_trials if searched else min(n_trials, 1 + restarts)


def make_trials(store: Path) -> None:
    """Create the SQLite file of the trials. Raises StudyError if there is one that is damaged."""
    make_store(store, lambda uri: optuna.storages.RDBStorage(uri).engine)
    with using(store, LOST):
        _storage(store)


def read_trials(store: Path) -> dict[str, list[FrozenTrial]]:
    """The trials that ended, by the name of their tuning. Raises StudyError if the store is missing or damaged."""
    with using(store, LOST):
        if not store.exists():
            raise FileNotFoundError(store)
        storage = _storage(store)
        return {
            study.study_name: _done(optuna.load_study(study_name=study.study_name, storage=storage))
            for study in optuna.get_all_study_summaries(storage, include_best_trial=False)
        }


def at_edge(search: Mapping[str, Space], values: Values) -> list[str]:
    """The keys whose value is at an end of its range, beyond which a better one may lie."""
    found = []
    for key, space in search.items():
        if space.values is not None:
            continue  # a choice has no inside
        low, high = float(space.low or 0), float(space.high or 0)
        near = 0.02 * (high - low) if not space.log else 0.0
        value = float(values[key])
        at_low = value <= low + near or (space.log and value <= low * (high / low) ** 0.02)
        at_high = value >= high - near or (space.log and value >= high * (low / high) ** 0.02)
        if at_low or at_high:
            found.append(key)
    return found


def distribution(space: Space) -> BaseDistribution:
    """Optuna's distribution of a declared range or choice."""
    if space.values is not None:
        return CategoricalDistribution(list(space.values))
    assert space.low is not None and space.high is not None
    if isinstance(space.low, int) and isinstance(space.high, int):
        return IntDistribution(space.low, space.high, log=space.log)
    return FloatDistribution(float(space.low), float(space.high), log=space.log)


def _storage(store: Path | None) -> optuna.storages.BaseStorage:
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    if store is None:
        return optuna.storages.InMemoryStorage()
    return optuna.storages.RDBStorage(f"sqlite:///{store}", engine_kwargs={"connect_args": {"timeout": 60}})


def _done(study: optuna.Study) -> list[FrozenTrial]:
    """Trials with a record of their own, in the order in which they were tried."""
    ended = study.get_trials(deepcopy=False, states=[TrialState.COMPLETE, TrialState.FAIL])
    return sorted((t for t in ended if NUMBER in t.user_attrs), key=lambda trial: trial.user_attrs[NUMBER])


def _suggested(study: optuna.Study, space: Mapping[str, BaseDistribution], seed: int) -> dict[str, Any]:
    study.sampler = optuna.samplers.TPESampler(seed=seed, n_startup_trials=N_AT_RANDOM)
    trial = study.ask(dict(space))
    study.tell(trial, state=TrialState.FAIL)  # only asked for; what comes of it is added with its record
    return trial.params


def _values(
    study: optuna.Study,
    space: Mapping[str, BaseDistribution],
    first: Values,
    number: int,
    restart: bool,
    done: list[FrozenTrial],
    seed: int,
) -> dict[str, Any]:
    if number == 0:
        return _within(space, first)
    best = _best(done)
    if restart and best.number is not None:
        settings = {key: best.values[key] for key in space}
        return {**settings, SEED: derive(seed, "restart", number)}
    return _suggested(study, space, derive(seed, "trial", number))


def _within(space: Mapping[str, BaseDistribution], values: Values) -> dict[str, Any]:
    return {key: _nearest(one, values[key]) for key, one in space.items()}


def _nearest(one: BaseDistribution, value: Any) -> Any:
    if isinstance(one, CategoricalDistribution):
        return value if value in one.choices else one.choices[0]
    assert isinstance(one, FloatDistribution | IntDistribution)
    kind = int if isinstance(one, IntDistribution) else float
    return kind(min(max(value, one.low), one.high))


def _best(done: list[FrozenTrial]) -> Tuned:
    seconds = sum(trial.user_attrs[SECONDS] for trial in done)
    reasons = tuple(trial.user_attrs[REASON] for trial in done if trial.state == TrialState.FAIL)
    losses = [(float(trial.value), trial) for trial in done if trial.value is not None]
    if not losses:
        return Tuned(None, {}, float("nan"), len(done), reasons, seconds)
    loss, best = min(losses, key=lambda pair: pair[0])  # of equals the first
    values = best.params | {SEED: best.user_attrs[SEED]} if SEED in best.user_attrs else best.params
    return Tuned(best.user_attrs[NUMBER], values, loss, len(done), reasons, seconds)
