"""The work of one job: fit the model of one configuration, judge it on the validation part, and nothing else."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import shutil
import sys
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import lightning  # noqa: F401  (imported while stderr is still the terminal's: its log keeps the stream it finds)
import numpy as np
import torch
from filelock import FileLock, Timeout
from omegaconf import DictConfig
from threadpoolctl import threadpool_limits

from study import build
from study.config.components import brought
from study.config.construction import check_construction
from study.config.names import plain
from study.config.variables import inert_text
from study.data.prepare import Part, Prepared, prepare
from study.errors import StudyError
from study.metrics import evaluate
from study.run import tracking
from study.run.atomic import write_json, write_text
from study.run.circuits import layers_of
from study.run.description import describe_data
from study.run.entrants import MAIN_KEY, entrants
from study.run.environment import REPORTING, code_digest
from study.run.folder import JOB, RunFolder
from study.run.identity import job_digest
from study.run.interface import Interface
from study.run.manifest import new_manifest, now, process, read_manifest, update_manifest
from study.run.preflight import preflight
from study.run.split import describe_split, write_split
from study.run.stages import Run, fitted, last_epoch, make_trackers, plain_config, reason_of
from study.run.tracking import Trackers
from study.sweep.state import LOCK, VALIDATION, read_state
from study.terminal import Terminal

LOG = "log.txt"


def fit_job(
    place: Path,
    digest: str,
    compose: Callable[[], DictConfig],
    *,
    began: str,
    wait: bool,
    n_threads: int,
) -> str:
    """Fit the job whose folder is `place`, or go on with it; see `study.sweep.job.Job`.

    What goes wrong is on record in the folder, and what would be printed is in its log.txt.

    Returns:
        "finished", "failed" or "held" (another process is working on it).

    Raises:
        KeyboardInterrupt: as it comes.
    """
    place.mkdir(parents=True, exist_ok=True)
    lock = FileLock(place / LOCK)
    try:
        lock.acquire(timeout=-1 if wait else 0)
    except Timeout:
        return "held"
    try:
        state = read_state(place)
        if state.status == "finished":
            return "finished"
        if state.status == "failed" and (state.ended or "") > began:
            return "failed"  # by another process of the same sweep, a moment ago
        with output_into(place / LOG), threads_limited(n_threads):
            return _attempt(RunFolder(place), digest, compose)
    finally:
        lock.release()


def without_test(data: Prepared) -> Prepared:
    """The same without the rows of the test part: what a job has not got, it cannot look at."""
    nothing = Part(np.empty((0, data.n_inputs)), data.train.targets[:0], data.train.rows[:0])
    return dataclasses.replace(data, test=nothing)


def _attempt(folder: RunFolder, digest: str, compose: Callable[[], DictConfig]) -> str:
    trackers: Trackers = {}
    resumed = _can_go_on(folder)
    try:
        if resumed:
            before = read_manifest(folder)["resumed"]
            update_manifest(
                folder,
                status="running",
                failure=None,
                ended=None,
                process=process(),
                resumed=[*before, now()],
            )
        else:
            _clear(folder.path)
            write_json(folder.manifest, _manifest(folder, digest))
        config = compose()
        run = _begin(folder, config, digest, resumed)
        trackers = make_trackers(run)
        learner = fitted(run, run.entrants[0], trackers)
        part = run.data.validation
        metrics = evaluate(run.data.task, part.targets, learner.predict(part.inputs), run.data.n_outputs)
        write_json(folder.path / VALIDATION, {"rows": len(part.rows), "metrics": metrics})
        folder.seal.add(VALIDATION)
        known = {f"validation/{name}": value for name, value in metrics.items() if np.isfinite(value)}
        tracking.conclude(trackers, known, step=last_epoch(folder))
    except BaseException as error:
        interrupted = isinstance(error, KeyboardInterrupt)
        reason = "interrupted" if interrupted else reason_of(error)
        update_manifest(folder, status="failed", failure=reason, ended=now())
        tracking.abandon(trackers)
        if interrupted:
            raise
        return "failed"
    update_manifest(folder, status="finished", ended=now())
    return "finished"


def _begin(folder: RunFolder, config: DictConfig, digest: str, resumed: bool) -> Run:
    """Everything before the fit: data, model and the files that describe them."""
    config.controls = {}
    seed = int(config.seed)
    if not resumed:
        write_text(folder.config, inert_text(config))
        update_manifest(folder, seeds={"seed": seed}, brought=brought(plain(config)))
    check_construction(config)
    identity = plain_config(config)
    data = without_test(prepare(build.dataset(config), build.split(config), build.preprocessor(config)))
    if job_digest(identity, data.fingerprint, code_digest(without=REPORTING)) != digest:
        raise StudyError(
            "The data, the code or conf/ changed since the sweep began, so this would be another job. Start the sweep "
            "again."
        )
    build.fill_dims(config, n_inputs=data.n_inputs, n_outputs=data.n_outputs, run_name=folder.path.name)
    model = build.learner(config, MAIN_KEY)
    preflight(model, data)
    taking_part = entrants(config, data.task)
    if not resumed:
        write_text(folder.config, inert_text(config))
        Interface.of(data).write(folder.contract)
        write_split(folder.split, data.parts)
        if circuits := layers_of(model):
            write_text(folder.circuit_text, circuits[0].draw() + "\n")
        update_manifest(folder, data=describe_data(data), split=describe_split(data.parts))
        folder.seal.add(*folder.sealed)
    silent = Terminal(file=io.StringIO(), force_terminal=False)
    return Run(folder, config, data, taking_part, silent, resumed=resumed)


def _manifest(folder: RunFolder, digest: str) -> dict[str, object]:
    name = folder.path.name
    return {**new_manifest(name=name, digest=digest, seed=0, data={}, split={}), "kind": JOB}


def _can_go_on(folder: RunFolder) -> bool:
    """Whether the folder holds the whole beginning of the job, unchanged."""
    try:
        folder.seal.check(folder.sealed)
    except StudyError:
        return False
    return read_state(folder.path).status != "absent"


def _clear(folder: Path) -> None:
    """Remove what an attempt left that nothing can be made of. The lock stays: it is being held."""
    for path in folder.iterdir():
        if path.name in (LOCK, LOG):
            continue
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextlib.contextmanager
def output_into(path: Path) -> Iterator[None]:
    """Within the block, what is printed goes to the end of a file: jobs share one terminal."""
    with path.open("a", encoding="utf-8", buffering=1) as file, warnings.catch_warnings():
        warnings.simplefilter("default")
        with contextlib.redirect_stdout(file), contextlib.redirect_stderr(file):
            yield
    sys.stdout.flush()


@contextlib.contextmanager
def threads_limited(n_threads: int) -> Iterator[None]:
    """Within the block, torch and the libraries under it compute with so many threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads)
    try:
        with threadpool_limits(n_threads):
            yield
    finally:
        torch.set_num_threads(before)
