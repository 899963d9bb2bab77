"""The whole of a training run: data, model, controls, one look at the test part, the report; or the rest of one."""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from omegaconf import DictConfig
from rich.console import Console

from qlayers import QuantumLayer
from study import build
from study.config.components import brought
from study.config.leaving import only_planned, paid
from study.config.names import plain
from study.config.stored import own_trust
from study.config.variables import inert_text, redacted
from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.fitting.paid import NOTHING_TO_TRAIN_ON
from study.report.style import save
from study.report.terminal import print_report
from study.run import tracking
from study.run.alone import alone_in
from study.run.atomic import write_json, write_text
from study.run.circuits import layers_of
from study.run.description import describe_data, encoding_entangles, located
from study.run.entrants import MAIN_KEY, Entrant, entrants
from study.run.environment import code_digest
from study.run.folder import RunFolder, claim, open_run
from study.run.identity import run_digest, run_name
from study.run.interface import Interface
from study.run.manifest import new_manifest, now, process, read_manifest, update_manifest
from study.run.messages import plain_warnings
from study.run.preflight import preflight
from study.run.purchase import TrainingPlan, training_plan
from study.run.rebuild import prepare_again, stored_config
from study.run.results import Results
from study.run.seal import read_key
from study.run.split import describe_split, write_split
from study.run.stages import Run, fit_all, judge_all, last_epoch, make_trackers, plain_config, reason_of
from study.run.stores import prepare_stores
from study.run.tracking import Trackers
from study.terminal import Terminal


def train(config: DictConfig, console: Console | None = None) -> RunFolder:
    """Train the model of `config` beside its controls, or go on with the run in `config.resume`.

    Everything that can fail for a reason of the user's fails before a run folder exists.

    Returns:
        The folder of the finished run.

    Raises:
        StudyError, QlayersError: naming the option, what came and what to do.
    """
    console = console or Terminal()
    with plain_warnings(console):
        if config.resume is not None:
            folder = open_run(Path(config.resume).expanduser(), "resume", config)
            return _resume(folder, console, trackers=bool(config.logger))
        return _start(config, console)


def plan(config: DictConfig, console: Console | None = None) -> TrainingPlan:
    """Print what training `config` would send and cost; send nothing, train nothing, and leave no folder.

    Raises:
        StudyError, QlayersError: naming the option, what came and what to do.
    """
    console = console or Terminal()
    with plain_warnings(console):
        ready = _ready(config, console)
    if ready.plan is None:
        raise StudyError("Nothing of this run is paid for, so there is nothing to plan. Leave dry_run out.")
    ready.plan.tell(console)
    console.print("Planned only: nothing was sent, nothing was trained.", soft_wrap=True)
    return ready.plan


@dataclass(frozen=True)
class _Ready:
    """Everything that is settled before a run folder exists."""

    config: DictConfig
    data: Prepared
    circuits: list[QuantumLayer]
    entrants: list[Entrant]
    plan: TrainingPlan | None


def _ready(config: DictConfig, console: Console) -> _Ready:
    config = located(config)
    data = prepare(build.dataset(config), build.split(config), build.preprocessor(config))
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
    model = build.learner(config, MAIN_KEY)
    preflight(model, data)
    taking_part = entrants(config, data.task, encoding_entangles(model))
    if paid(config):
        console.print("Counting what the training would send …", style="dim")
    return _Ready(config, data, layers_of(model), taking_part, training_plan(config, data, taking_part))


def _start(config: DictConfig, console: Console) -> RunFolder:
    if only_planned(config):
        raise StudyError(NOTHING_TO_TRAIN_ON)
    ready = _ready(config, console)
    config, data, circuits, taking_part = ready.config, ready.data, ready.circuits, ready.entrants
    if ready.plan is not None:
        ready.plan.tell(console)
        ready.plan.check()
    key = read_key(config.seal.key)
    digest = run_digest(plain_config(config), data.fingerprint, code_digest())

    def fill(folder: Path, name: str) -> None:
        files = RunFolder(folder, key=key)
        config.dims.run_name = name
        write_text(files.config, inert_text(config))
        Interface.of(data).write(files.contract)
        write_split(files.split, data.parts)
        if circuits:
            write_text(files.circuit_text, circuits[0].draw() + "\n")
            save(circuits[0].draw_figure(), files.circuit_picture, margins="tight")
        manifest = new_manifest(
            name=name,
            digest=digest,
            seed=config.seed,
            data=describe_data(data),
            split=describe_split(data.parts),
            brought=brought(plain(config)),
        )
        write_json(files.manifest, manifest)
        files.seal.add(*files.sealed)

    folder = claim(Path(config.output_dir), run_name(data.name, taking_part[0].name, digest), fill)
    folder = replace(folder, key=key)
    with alone_in(folder.path, "output_dir"):
        return _carry_out(Run(folder, config, data, taking_part, console, resumed=False))


def _resume(folder: RunFolder, console: Console, trackers: bool) -> RunFolder:
    with alone_in(folder.path, "resume"):
        folder.seal.check(folder.sealed)
        manifest = read_manifest(folder)
        if manifest["status"] == "finished":
            console.print(f"The run in {folder.path} is finished; nothing is left to do.", soft_wrap=True)
            print_report(folder, Results.read(folder.results), manifest, console)
            return folder
        config = stored_config(folder)
        if not trackers:
            config.logger = {}
        build.check_loggers(config)
        data = prepare_again(folder, config)
        if manifest["code"].get("digest") != code_digest():
            console.print(
                "Warning: the code has changed since the run began, so it may not end as it would have.",
                style="yellow",
            )
        taking_part = entrants(config, data.task, encoding_entangles(build.learner(config, MAIN_KEY)))
        if (bought := training_plan(config, data, taking_part)) is not None:
            bought = replace(bought, notes=("what was done before the interruption costs nothing more",))
            bought.tell(console)
            bought.check()
        update_manifest(
            folder, status="running", failure=None, process=process(), resumed=[*manifest["resumed"], now()]
        )
        return _carry_out(Run(folder, config, data, taking_part, console, resumed=True))


def _go_on(run: Run) -> str:
    """The command that goes on with a run, with what its reader has to name."""
    names = run.folder.trust or own_trust(run.config, run.folder.path)
    trust = f" 'trust={json.dumps(list(names))}'" if names else ""
    key = " seal.key=FILE" if run.folder.key else ""
    return redacted(f"python train.py resume={run.folder.path}{trust}{key}")


def _carry_out(run: Run) -> RunFolder:
    """Fit everybody, then judge everybody, then report; whatever stops it is on record."""
    folder = run.folder
    trackers: Trackers = {}
    try:
        prepare_stores(run.config)
        trackers = make_trackers(run)
        results = judge_all(run, *fit_all(run, trackers))
        tracking.end(trackers, results, step=last_epoch(folder))
    except BaseException as error:
        reason = "interrupted" if isinstance(error, KeyboardInterrupt) else reason_of(error)
        with suppress(OSError):  # of a disk that is full, which is what the first error says
            update_manifest(folder, status="failed", failure=reason, ended=now())
        tracking.abandon(trackers)
        if not isinstance(error, StudyError):  # which would only come again
            run.console.print(f"To go on: {_go_on(run)}", soft_wrap=True)
        raise
    manifest = update_manifest(folder, status="finished", ended=now())
    print_report(folder, results, manifest, run.console)
    return folder
