"""The whole of an evaluation: refused early or planned, climbed rung by rung, judged, shown."""

from __future__ import annotations

import contextlib
import time
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from omegaconf import DictConfig, OmegaConf
from pydantic import with_config
from rich.console import Console
from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from qlayers.backends import Backend
from qlayers.errors import InputRangeWarning
from study.config.leaving import refuse_unless_allowed
from study.config.targets import check_targets
from study.config.variables import inert, inert_text
from study.data.prepare import Prepared
from study.errors import StudyError
from study.exit_codes import ExitCode
from study.fitting.learner import Learner
from study.fitting.seeding import derive, reseed
from study.ladder import evidence, tracking
from study.ladder.climbing import climb
from study.ladder.curve import Point, shots_curve
from study.ladder.evidence import Climbed, Found
from study.ladder.folder import EvaluationFolder, evaluation_digest, folder_for
from study.ladder.judging import Judged, Rows, judge
from study.ladder.moving import moved
from study.ladder.planning import Reckoned, check_access, check_budget, reckon
from study.ladder.progress import Ascent
from study.ladder.reference import remark
from study.ladder.rows import choose_rows
from study.ladder.rung import Rung, backend_at, refused, rungs_of
from study.ladder.scorecard import Card, score
from study.ladder.standby import Standby, standbys
from study.ladder.telling import outcome_of, print_ladder, print_plan
from study.report.columns import PRIMARY
from study.run.alone import alone_in
from study.run.atomic import write_json, write_text
from study.run.circuits import layers_of
from study.run.environment import REPORTING, code_digest, code_version, machine, package_versions
from study.run.folder import RunFolder, open_run
from study.run.manifest import now, process
from study.run.messages import interruptible, plain_warnings
from study.run.predictions import write_predictions
from study.run.rebuild import prepare_again, rebuild, stored_config
from study.run.seal import file_digest
from study.run.stages import plain_config, reason_of
from study.run.stored import read_json, read_parquet, write_parquet
from study.terminal import Terminal

REMOVE = "Remove it, and it is made again."


@with_config(extra="allow")
class Begun(TypedDict):
    """The entries of evaluation.json that something is made of; the others are for people."""

    format: Literal[1]
    status: Literal["running", "finished"]
    digest: str
    resumed: list[str]


@dataclass(frozen=True)
class Evaluation:
    """Everything that is known before the first rung.

    Attributes:
        config: of the evaluation.
        run: which is taken up the ladder.
        folder: of the evaluation.
        learner: of the run's main model, where it was trained.
        data: of the run.
        positions: of the chosen rows in the test part, (n,).
        rungs: all of them, the lowest first.
        digest: of everything that decides the outcome.
        standbys: what stands for answers that a device does not give, by the name of the rung that declares it.
    """

    config: DictConfig
    run: RunFolder
    folder: EvaluationFolder
    learner: Learner
    data: Prepared
    positions: np.ndarray
    rungs: Sequence[Rung]
    digest: str
    standbys: Mapping[str, Standby]

    @property
    def inputs(self) -> np.ndarray:
        return self.data.test.inputs[self.positions]

    @property
    def targets(self) -> np.ndarray:
        return self.data.test.targets[self.positions]

    @property
    def reference(self) -> str:
        return str(self.config.ladder.reference)

    @property
    def drift_circuits(self) -> int:
        return int(self.config.ladder.drift.circuits)

    def kept(self, rung: str) -> tuple[Climbed, Found | None] | None:
        """What climbing a rung left behind; None where it is not done. Raises StudyError if that is damaged."""
        return evidence.load(self.folder.rungs, rung, len(self.positions))


def run_evaluation(config: DictConfig, console: Console | None = None) -> int:
    """Take a run up the ladder, or go on where an interrupted evaluation was.

    Returns:
        The exit code: 0, or 3 if a rung failed while it was climbed.

    Raises:
        StudyError: before anything is run, naming the option, what came and what to do.
    """
    console = console or Terminal()
    begun = time.perf_counter()
    with plain_warnings(console):
        evaluation = prepare_evaluation(config)
        folder = evaluation.folder
        with alone_in(folder.path, "folder"):
            pending = [rung for rung in evaluation.rungs if not _is_climbed(evaluation, rung)]
            done = len(evaluation.rungs) - len(pending)
            with console.status("trying every rung") if console.is_terminal else contextlib.nullcontext():
                plans = {
                    rung.name: reckon(rung, evaluation.learner, evaluation.inputs, evaluation.drift_circuits)
                    for rung in pending
                }
            planning = time.perf_counter() - begun
            print_plan(evaluation.rungs, plans, len(evaluation.positions), done, planning, console)
            _remark_on_leaving(evaluation, console)
            for rung in pending:
                check_budget(rung, plans[rung.name])
            for rung in pending:
                check_access(rung, plans[rung.name])
            _begin(evaluation)
            with interruptible(console):
                _climb_all(evaluation, pending, plans, console)
            judged = judge_all(evaluation)
            curve = _curve(evaluation, console)
            cards = _cards(evaluation, console)
            _finish(evaluation, judged, curve, cards)
            tracking.tell(evaluation.run, judged, console)
        print_ladder(judged, evaluation.data.task, len(evaluation.positions), folder, console)
    failed = any(one.record.status == "failed" for one in judged)
    return ExitCode.INCOMPLETE if failed else ExitCode.DONE


def prepare_evaluation(config: DictConfig) -> Evaluation:
    """Everything that can be refused before a circuit is run.

    Raises:
        StudyError: the run, its data, a rung or the number of rows cannot be used.
    """
    run = open_run(Path(config.run).expanduser(), "run", config)
    rebuilt = rebuild(run)
    if not layers_of(rebuilt.learner):
        raise StudyError(
            f"run={config.run}: its model, {rebuilt.name}, has no quantum layer, so that no backend makes a difference "
            "to it. Give the run of a model with a circuit, such as model=hybrid."
        )
    check_targets(config)
    rungs = rungs_of(config)
    data = prepare_again(run, stored_config(run))
    _check_leaving(rungs, data.confidentiality, config)
    positions = choose_rows(data.test.targets, config.rows, derive(int(config.seed), "rows"))
    answers = standbys(run, rungs, str(config.ladder.reference), data.test.inputs[positions])
    weights = file_digest(run.path / "model.pt")
    digest = evaluation_digest(plain_config(config), weights, code_digest(without=REPORTING))
    folder = folder_for(run, str(config.ladder.name), digest, config.folder)
    _check_folder(folder, digest)
    return Evaluation(config, run, folder, rebuilt.learner, data, positions, rungs, digest, answers)


def _check_leaving(rungs: Sequence[Rung], confidentiality: str, config: DictConfig) -> None:
    """Refuse data that must not leave; what is only planned sends nothing."""
    leaving = [str(rung.settings["_target_"]) for rung in rungs if rung.backend.outside and not rung.dry_run]
    if leaving:
        refuse_unless_allowed(leaving, confidentiality, list(config.outside))


def _remark_on_leaving(evaluation: Evaluation, console: Console) -> None:
    planned = [rung.name for rung in evaluation.rungs if rung.backend.outside and rung.dry_run]
    if planned and evaluation.data.confidentiality not in evaluation.config.outside:
        console.print(
            f"Warning: {', '.join(planned)} would be refused as things stand: the data are "
            f"{evaluation.data.confidentiality}, and outside=[{','.join(evaluation.config.outside)}] names what may "
            "leave.",
            style="yellow",
            soft_wrap=True,
        )


def _check_folder(folder: EvaluationFolder, digest: str) -> None:
    # Hidden are the lock, and what a process that was killed had not finished writing.
    there = folder.path.is_dir() and any(not path.name.startswith(".") for path in folder.path.iterdir())
    if there and not folder.manifest.exists():
        raise StudyError(
            f"folder={folder.path} holds other files, and no {folder.manifest.name}. Name a new folder, or leave "
            "the option out."
        )
    if folder.manifest.exists() and read_json(folder.manifest, Begun)["digest"] != digest:
        raise StudyError(
            f"folder={folder.path} holds an evaluation of another run, with other settings or by other code, as its "
            f"{folder.manifest.name} says. Name a new folder, or leave the option out."
        )


def _begin(evaluation: Evaluation) -> None:
    """Write what the evaluation is, unless it was begun before."""
    folder, config = evaluation.folder, evaluation.config
    if folder.manifest.exists():
        before = read_json(folder.manifest, Begun)
        resumed = [*before["resumed"], now()]
        write_json(folder.manifest, {**before, "status": "running", "process": process(), "resumed": resumed})
        _make_room(evaluation)
        return
    values = inert(config)
    write_json(
        folder.manifest,
        {
            "format": 1,
            "status": "running",
            "started": now(),
            "ended": None,
            "resumed": [],
            "run": evaluation.run.path.name,
            "ladder": values["ladder"],
            "digest": evaluation.digest,
            "seed": config.seed,
            "rows": evaluation.data.test.rows[evaluation.positions].tolist(),
            "data": {
                "name": evaluation.data.name,
                "confidentiality": evaluation.data.confidentiality,
                "fingerprint": evaluation.data.fingerprint,
            },
            "outside": list(config.outside),
            "process": process(),
            "code": code_version(),
            "machine": machine(),
            "packages": package_versions(),
            "rungs": {},
        },
    )
    _make_room(evaluation)


def _make_room(evaluation: Evaluation) -> None:
    """After the manifest, without which the folder would be taken for somebody else's."""
    evaluation.folder.rungs.mkdir(exist_ok=True)
    write_text(evaluation.folder.config, inert_text(evaluation.config))


def _is_climbed(evaluation: Evaluation, rung: Rung) -> bool:
    kept = evaluation.kept(rung.name)
    return kept is not None and kept[0].status == "climbed"


def _climb_all(
    evaluation: Evaluation, pending: Sequence[Rung], plans: Mapping[str, Reckoned], console: Console
) -> None:
    """Climb what is pending, each rung written as it is done."""
    folder = evaluation.folder
    n_rows = len(evaluation.positions)
    for rung in pending:
        if rung.dry_run:
            record = Climbed(
                name=rung.name,
                label=rung.label,
                status="planned",
                backend=dict(rung.settings),
                outside=rung.backend.outside,
                shots=rung.backend.shots,
                plan=plans[rung.name].as_dict(),
                answered_by=None if rung.fallback is None else evidence.NOBODY,
            )
            evidence.save(folder.rungs, record, None)
    steps = [rung for rung in pending if not rung.dry_run]
    with Ascent(console, [plans[rung.name].seconds or 0.0 for rung in steps]) as ascent:
        for number, rung in enumerate(steps):
            begun = time.perf_counter()
            record, found = climb(
                rung,
                _moved(evaluation.learner, rung, int(evaluation.config.seed)),
                evaluation.inputs,
                seed=int(evaluation.config.seed),
                drift_circuits=evaluation.drift_circuits,
                plan=plans[rung.name].as_dict(),
                advance=ascent.step(number, rung.label, n_rows),
                standby=evaluation.standbys.get(rung.name),
            )
            evidence.save(folder.rungs, record, found)
            ascent.said(number, rung.label, begun, outcome_of(record))
            if rung.name == evaluation.reference and found is not None:
                _check_reference(evaluation, found, console)


def _moved(learner: Learner, rung: Rung, seed: int) -> Learner:
    reseed(seed, "device", rung.name)  # of devices that draw when they are made
    try:
        return moved(learner, rung.backend)
    except Exception as error:
        raise refused(f"ladder.rungs.{rung.name}", reason_of(error)) from error


def _check_reference(evaluation: Evaluation, found: Found, console: Console) -> None:
    """Say so if the reference does not give what the run itself stored for these rows."""
    said = remark(evaluation, found)
    if said is not None:
        console.print(f"Warning: {said}", style="yellow", soft_wrap=True)


def judge_all(evaluation: Evaluation) -> list[Judged]:
    """Every rung beside the reference, from what is kept in the folder."""
    kept = [evaluation.kept(rung.name) for rung in evaluation.rungs]
    present = [one for one in kept if one is not None]
    exact = next((found for record, found in present if record.name == evaluation.reference), None)
    rows = Rows(
        evaluation.data.task, evaluation.targets, evaluation.data.n_outputs, int(evaluation.config.seed)
    )
    layers = layers_of(evaluation.learner)
    return [judge(record, found, exact, layers, rows) for record, found in present]


def _curve(evaluation: Evaluation, console: Console) -> list[Point]:
    """The error by the number of shots, computed once."""
    folder, node = evaluation.folder, evaluation.config.ladder.curve
    if folder.curve.exists():
        return read_json(folder.curve, list[Point], REMOVE)
    kept = evaluation.kept(evaluation.reference)
    if kept is None or kept[1] is None or not len(node.shots):
        return []
    backend: Backend = backend_at(OmegaConf.to_container(node.backend, resolve=True), "ladder.curve")  # type: ignore[arg-type]
    counts = [int(count) for count in node.shots]
    begun = time.perf_counter()
    with Ascent(console, [1.0]) as ascent, warnings.catch_warnings():
        warnings.simplefilter("ignore", InputRangeWarning)
        points = shots_curve(
            layers_of(evaluation.learner)[0],
            kept[1],
            backend,
            counts,
            int(node.repeats),
            int(evaluation.config.seed),
            ascent.step(0, "error by shots", len(counts)),
        )
        ascent.said(0, "error by shots", begun, f"{len(counts)} numbers of shots")
    write_json(folder.curve, [asdict(point) for point in points])
    return points


def _cards(evaluation: Evaluation, console: Console) -> list[Card]:
    """The scorecard, made once."""
    folder, node = evaluation.folder, evaluation.config.ladder.scorecard
    if folder.scorecard.exists():
        return read_json(folder.scorecard, list[Card], REMOVE)
    if not len(node.computers):
        return []
    settings: Any = OmegaConf.to_container(node.backend, resolve=True)
    with (
        console.status("planning for quantum computers") if console.is_terminal else contextlib.nullcontext()
    ):
        cards = score(
            settings, list(node.computers), evaluation.learner, evaluation.inputs, evaluation.drift_circuits
        )
    write_json(folder.scorecard, [card.as_dict() for card in cards])
    return cards


def _finish(
    evaluation: Evaluation, judged: Sequence[Judged], curve: Sequence[Point], cards: Sequence[Card]
) -> None:
    """Write the tables, the pictures and the page, then that the evaluation is finished."""
    from study.ladder.report.report import write_report
    from study.ladder.table import ladder_table, written

    folder, data = evaluation.folder, evaluation.data
    found = {one.record.name: evaluation.kept(one.record.name) for one in judged}
    outputs = {
        name: kept[1].outputs for name, kept in found.items() if kept is not None and kept[1] is not None
    }
    rows = data.test.rows[evaluation.positions]
    write_predictions(folder.predictions, rows, evaluation.targets, outputs, data.classes)
    _mark_answers(folder, judged)
    write_json(
        folder.ladder,
        {
            "run": evaluation.run.path.name,
            "data": data.name,
            "task": data.task,
            "metric": PRIMARY[data.task],
            "reference": evaluation.reference,
            "n_rows": len(rows),
            "rungs": [one.as_dict() for one in judged],
            "curve": [asdict(point) for point in curve],
        },
    )
    write_text(folder.table, written(ladder_table(judged)))
    write_report(evaluation, judged, curve, cards)
    telemetry = {
        one.record.name: {
            "status": one.record.status,
            "execution": one.record.execution,
            "circuit": one.record.circuit,
            "plan": one.record.plan,
            "seconds": one.record.seconds,
            "drift": None if one.record.drift is None else asdict(one.record.drift),
            "failure": one.record.failure,
            "answered_by": one.record.answered_by,
            "answered_classically": one.record.answered_classically,
        }
        for one in judged
    }
    before = read_json(folder.manifest, Begun)
    write_json(folder.manifest, {**before, "status": "finished", "ended": now(), "rungs": telemetry})


def _mark_answers(folder: EvaluationFolder, judged: Sequence[Judged]) -> None:
    """Say in every row of predictions.parquet what did not run where its rung says.

    `<rung>.answered_by` is there for each rung that declares a fallback to a classical model: "device",
    "classical: <name>", or "nobody" for one that failed or was only planned. `<rung>.fell_back` is how many of the
    rung's circuits ran on a simulator of this machine, by the backend's own fallback.
    """
    marks: dict[str, str | int] = {}
    for record in (one.record for one in judged):
        if record.answered_by is not None:
            marks[f"{record.name}.answered_by"] = record.answered_by
        if record.execution.get("fell_back"):
            marks[f"{record.name}.fell_back"] = record.execution["fell_back"]
    if not marks:
        return
    write_parquet(folder.predictions, read_parquet(folder.predictions, None, REMOVE).assign(**marks))
