"""What a study is going to do: its entrants, splits, conditions and jobs, sealed before the first one starts."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
from omegaconf import DictConfig, OmegaConf

from study import build
from study.comparison.composing import EntrantComposer
from study.comparison.entrants import EntrantSpec, check_search, entrant_spec
from study.comparison.evidence import PLAIN, Condition, Entrant
from study.comparison.leakage import find_leaks
from study.comparison.state import read_state
from study.config.construction import check_construction
from study.config.leaving import check_leaving, only_planned, paid
from study.config.variables import inert
from study.data.prepare import load_table
from study.data.splits.base import Split
from study.data.table import Table
from study.errors import StudyError
from study.fitting.paid import NOTHING_TO_TRAIN_ON
from study.metric_names import CLASSIFICATION_METRICS, REGRESSION_METRICS
from study.report.columns import PRIMARY
from study.run.description import located
from study.run.environment import REPORTING, code_digest
from study.run.identity import NOT_DECISIVE, NOT_IN_A_JOB
from study.sweep.state import State

# Shown or judged, but no part of what jobs compute: an edit of them must not make another study of it unseen.
NOT_COMPUTED = ("gates", "stop_loss", "fit", "calibration")
# How a study is run, and where it writes, is no part of what it declares: it may be changed while it is under way.
NOT_SEALED = ("max_hours", "confirmed", "threads", "folder")
# Where a study writes changes nothing of it, and what a run alone has is not there.
NOT_DECIDING = (*NOT_DECISIVE, *NOT_IN_A_JOB)
ROLES = ("candidate", "twin", "baseline")


@dataclass(frozen=True)
class Planned:
    """One job: an entrant on a split under a condition."""

    number: int
    entrant: str
    repeat: int
    fold: int
    seed: int
    condition: Condition
    folder: Path
    words: tuple[str, ...]

    @property
    def overrides(self) -> tuple[str, ...]:
        """By which a launcher composes and names it."""
        return (*self.words, f"job={self.number}")

    @property
    def state(self) -> State:
        """As of now."""
        return read_state(self.folder)

    def to_dict(self) -> dict[str, Any]:
        """For study.json."""
        return {
            "number": self.number,
            "entrant": self.entrant,
            "repeat": self.repeat,
            "fold": self.fold,
            "seed": self.seed,
            "fraction": self.condition.fraction,
            "label_noise": self.condition.label_noise,
            "folder": f"jobs/{self.folder.name}",
        }


@dataclass(frozen=True)
class Plan:
    """A study before it begins.

    Attributes:
        specs: of the entrants that take part, by name, candidates first.
        left_out: entrants that do not, with the reason.
        table: the data as loaded.
        splits: one a (repeat, fold).
        declared: everything that is sealed, plain values.
        leaks: what the leakage checks found.
        tolerated: findings that the study accepts.
        folder: the study's own, named by the digest of what its jobs compute.
    """

    config: DictConfig
    specs: Mapping[str, EntrantSpec]
    left_out: Mapping[str, str]
    table: Table
    splits: Sequence[Split]
    metric: str
    declared: Mapping[str, Any]
    jobs: Sequence[Planned]
    leaks: Sequence[str]
    tolerated: Sequence[str]
    folder: Path

    @property
    def entrants(self) -> list[Entrant]:
        """As evidence names them."""
        return [Entrant(name, spec.label, spec.role) for name, spec in self.specs.items()]


def make_plan(config: DictConfig, composer: EntrantComposer, words: Sequence[str], base: Path) -> Plan:
    """Read the data once, compose every entrant, look for leaks, and list the jobs.

    Args:
        config: of the study, checked.
        composer: of its entrants.
        words: the command line without Hydra's own.
        base: where it was given.

    Raises:
        StudyError: naming what is wrong; nothing is written yet.
    """
    config = located(config, base)
    study = config.study
    table = load_table(build.dataset(config))
    if table.fixed_parts is not None:
        raise StudyError(
            f"The data module {table.name!r} brings its own training, validation and test parts, which are one split: "
            "a study takes several, as one cannot show whether a difference is more than chance. Give the rows as a "
            "table, such as data=file, or compare on the one split with train.py."
        )
    metric = _metric(study.metric, table.task)
    splits = _splits(config, table)
    for name, expression in study.protocol.slices.items():
        slice_of(table, name, expression)
    specs, left_out, entrants = _entrants(config, composer, table)
    leaks, tolerated = find_leaks(table, splits, build.preprocessor(config), study.protocol.accept)
    declared = _declared(config, specs)
    identity = json.dumps(
        [
            {key: value for key, value in declared.items() if key not in NOT_COMPUTED},
            entrants,
            table.fingerprint,
            code_digest(
                without=(*REPORTING, "study/comparison/report/", "study/gates/", "study/calibration/")
            ),
        ],
        sort_keys=True,
        default=str,
    )
    digest = hashlib.sha256(identity.encode()).hexdigest()[:8]
    folder = (
        Path(config.output_dir) / "studies" / f"{table.name}-{study.name}-{digest}"
        if study.folder is None
        else (base / Path(study.folder).expanduser()).resolve()
    )
    jobs = _jobs(study, specs, splits, folder, tuple(words))
    return Plan(config, specs, left_out, table, splits, metric, declared, jobs, leaks, tolerated, folder)


def slice_of(table: Table, name: str, expression: str) -> pd.Series:
    """Which rows a named slice has, bool (n_rows,).

    Raises:
        StudyError: the expression is not one about the columns.
    """
    try:
        found = table.features.eval(expression)
        if not (isinstance(found, pd.Series) and found.dtype == bool):
            raise ValueError("it does not say true or false for each row")
    except Exception as error:  # pandas raises many kinds, SyntaxError among them
        columns = ", ".join(map(str, table.features.columns[:8]))
        raise StudyError(
            f"study.protocol.slices.{name}={expression!r} cannot be read: {' '.join(str(error).split())}. Write a "
            f"comparison of columns, with back-quotes around names with spaces, as in '`mean radius` > 15'. "
            f"Columns: {columns} …"
        ) from error
    if not found.any():
        raise StudyError(f"study.protocol.slices.{name}={expression!r} has no row of {table.name!r} in it.")
    return found


def _metric(asked: str | None, task: str) -> str:
    known = CLASSIFICATION_METRICS if task == "classification" else REGRESSION_METRICS
    metric = asked or PRIMARY[task]
    if metric not in known:
        # A name that is no metric at all was refused before the data were read (study.config.rules).
        raise StudyError(
            f"study.metric={metric} is not a metric of a {task}: choose one of {', '.join(known)}."
        )
    return metric


def _splits(config: DictConfig, table: Table) -> list[Split]:
    splits = []
    for repeat in range(config.study.protocol.repeats):
        for fold in range(config.split.n_folds):
            one = config.copy()
            one.split.repeat, one.split.fold = repeat, fold
            try:
                split = build.split(one)
            except StudyError as error:
                if repeat:
                    raise StudyError(f"{error} Set study.protocol.repeats=1.") from error
                raise
            split.parts(table)
            splits.append(split)
    return splits


def _entrants(
    config: DictConfig, composer: EntrantComposer, table: Table
) -> tuple[dict[str, EntrantSpec], dict[str, str], dict[str, Any]]:
    """Who takes part, who does not and why, and the configurations of those who do."""
    nodes = plain(config.study.entrants)
    read = {name: entrant_spec(name, node) for name, node in nodes.items() if node is not None}
    specs: dict[str, EntrantSpec] = {}
    left_out: dict[str, str] = {}
    configs: dict[str, Any] = {}
    seed = int(config.study.protocol.seeds[0])
    for name, spec in sorted(read.items(), key=lambda item: ROLES.index(item[1].role)):
        composed = composer.config(spec, 0, 0, seed)
        if not build.serves(composed, "model", table.task):
            left_out[spec.label] = f"does not serve a {table.task}"
            continue
        check_construction(composed)
        if only_planned(composed):
            raise StudyError(NOTHING_TO_TRAIN_ON)
        if spec.role == "candidate":
            for backend in config.study.protocol.backends:  # its test part is computed again there
                elsewhere = composer.config(spec, 0, 0, seed, f"backend={backend}")
                check_leaving(elsewhere)
                if paid(elsewhere):
                    raise StudyError(
                        f"study.protocol.backends names {backend}, which costs money, and outputs that are computed "
                        "again there would be bought for every split. Leave it out: python evaluate.py run=RUN_FOLDER "
                        "takes a trained run to such a device, with a plan and a budget."
                    )
        check_search(name, spec, composed)
        specs[name] = spec
        configs[name] = {key: value for key, value in inert(composed).items() if key not in NOT_DECIDING}
    if not any(spec.role == "candidate" for spec in specs.values()):
        raise StudyError(
            "A study needs a candidate, an entrant with role: candidate. Set study.entrants.candidate, or "
            "take study=default."
        )
    same: dict[str, str] = {}
    for name, values in configs.items():
        key = json.dumps(values["model"], sort_keys=True, default=str)
        if key in same and specs[name].role == "twin":
            left_out[specs[name].label] = f"is the same as {specs[same[key]].label}"
            del specs[name]
            continue
        same.setdefault(key, name)
    return specs, left_out, {name: configs[name] for name in specs}


def _declared(config: DictConfig, specs: Mapping[str, EntrantSpec]) -> dict[str, Any]:
    study: dict[str, Any] = plain(config.study)
    study["protocol"] |= {"n_folds": int(config.split.n_folds), "split": plain(config.split)["_target_"]}
    for name in NOT_SEALED:
        del study[name]
    study["entrants"] = {name: spec.model_dump(exclude_unset=True) for name, spec in specs.items()}
    return study


def _jobs(
    study: DictConfig,
    specs: Mapping[str, EntrantSpec],
    splits: Sequence[Split],
    folder: Path,
    words: tuple[str, ...],
) -> list[Planned]:
    """Split by split, so that a study which ends early has whole splits; side conditions last."""
    sides = [Condition(fraction=float(fraction)) for fraction in study.protocol.fractions]
    sides += [Condition(label_noise=float(noise)) for noise in study.protocol.label_noise]
    jobs: list[Planned] = []

    def add(name: str, split: Split, seed: int, condition: Condition) -> None:
        parts = [name, f"r{split.repeat}f{split.fold}s{seed}"]
        if condition.fraction < 1:
            parts.append(f"fraction{condition.fraction:g}")
        if condition.label_noise:
            parts.append(f"noise{condition.label_noise:g}")
        place = folder / "jobs" / "-".join(parts)
        jobs.append(Planned(len(jobs), name, split.repeat, split.fold, seed, condition, place, words))

    for split in splits:
        for seed in study.protocol.seeds:
            for name in specs:
                add(name, split, int(seed), PLAIN)
    for condition in sides:
        for split in splits[: study.protocol.side_splits]:
            for name in specs:
                add(name, split, int(study.protocol.seeds[0]), condition)
    return jobs


def plain(node: DictConfig) -> dict[str, Any]:
    """As plain values, references resolved."""
    values: Any = OmegaConf.to_container(node, resolve=True)
    return dict(values)
