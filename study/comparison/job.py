"""The work of one job of a study: one entrant on one split under one condition."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from filelock import FileLock, Timeout
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig
from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.comparison.evidence import Entrant
from study.errors import StudyError, refuse_full_disk
from study.gates.seal import seal
from study.run.atomic import write_json
from study.run.stored import read_json, read_parquet, using

STUDY, PREDICTIONS, VALIDATED, TEST_READ = (
    "study.json",
    "predictions.parquet",
    "validation.parquet",
    "test_read.json",
)

AGAIN = "Remove the folder that it is in and give the command of the study again: its job is done again."


class Entry(TypedDict):
    """A job as study.json has it."""

    number: int
    entrant: str
    repeat: int
    fold: int
    seed: int
    fraction: float
    label_noise: float
    folder: str


class Study(TypedDict):
    """What study.json holds: what the study is, and what it declared before it began."""

    format: Literal[1]
    name: str
    created: str
    overrides: list[str]
    declared: dict[str, Any]
    seal: str
    data: str
    task: Literal["classification", "regression"]
    metric: str
    classes: list[str]
    n_rows: int
    fingerprint: str
    entrants: list[Entrant]
    left_out: dict[str, str]
    splits: list[tuple[int, int]]
    jobs: list[Entry]
    leaks: list[str]
    tolerated: list[str]
    environment: dict[str, Any]


class TestRead(TypedDict):
    """What test_read.json holds: the settings for which the test part was read."""

    chosen: dict[str, Any]


def read_study(folder: Path) -> Study:
    """Return study.json of a study's folder.

    Raises:
        StudyError: it is damaged, or not what was sealed.
    """
    path = folder / STUDY
    study: Study = read_json(path, Study, "Put the original file back, or start a new study.")
    if seal(study["declared"]) != study["seal"]:
        raise StudyError(
            f"{path} was changed after the study began: what it declares does not fit its seal "
            f"{study['seal'][:12]}. Gates are declared before a study and stay; put the file back, or start "
            "a new study."
        )
    known = {entrant.name for entrant in study["entrants"]}
    if not known or not {entry["entrant"] for entry in study["jobs"]} <= known:
        raise StudyError(
            f"{path} is damaged: its jobs are not those of its entrants. Put the original file back."
        )
    return study


@dataclass(frozen=True)
class ComparisonJob:
    """Called by a launcher in every job, in whatever process; which job it is, Hydra's overrides tell.

    Attributes:
        lines: the command line of the study.
        config_dir: a folder with further options.
        base: where the command was given; relative paths start from here.
        study: the study's folder, whose study.json lists the jobs.
        began: when this sitting began; what failed since then is not tried again.
        n_threads: how many threads a job may use.
        wait: wait for another process that holds a job's folder, instead of leaving the job to it.
    """

    lines: tuple[str, ...]
    config_dir: str | None
    base: str
    study: str
    began: str
    n_threads: int
    wait: bool

    def __call__(self, _: DictConfig) -> str:
        """Do the job, unless that is done, another process is at it, or the study's stop-loss struck.

        Returns:
            "finished", "failed", "held" or "stopped", as of now; everything else is in the job's folder.
        """
        [number] = [
            int(word.removeprefix("job="))
            for word in HydraConfig.get().overrides.task
            if word.startswith("job=")
        ]
        folder = Path(self.study)
        whole = read_study(folder)
        entry = whole["jobs"][number]
        place = folder / entry["folder"]
        from study.comparison.state import read_state

        if read_state(place).status == "finished":
            return "finished"
        place.mkdir(parents=True, exist_ok=True)
        lock = FileLock(place / ".lock")
        try:
            lock.acquire(timeout=-1 if self.wait else 0)
        except Timeout:
            return "held"
        try:
            return self._holding(folder, whole, entry, place)
        finally:
            lock.release()

    def _holding(self, folder: Path, whole: Study, entry: Entry, place: Path) -> str:
        # These load torch, PennyLane and Lightning; a job that is done needs none of them.
        from study.comparison.spent import stop_reason
        from study.comparison.state import read_state, write_state
        from study.run.manifest import now
        from study.run.stages import reason_of
        from study.sweep.fit import LOG, output_into, threads_limited

        state = read_state(place)
        if state.status == "finished":
            return "finished"
        if state.status == "failed" and (state.ended or "") > self.began:
            return "failed"  # by another process of the same study, a moment ago
        if stop_reason(folder, whole) is not None:
            return "stopped"
        write_state(place, status="running", begun=now(), ended=None, failure=None)
        try:
            with output_into(place / LOG), threads_limited(self.n_threads):
                carry_out(self, folder, whole, entry, place)
        except BaseException as error:
            interrupted = isinstance(error, KeyboardInterrupt)
            write_state(
                place,
                status="failed",
                ended=now(),
                failure="interrupted" if interrupted else reason_of(error),
            )
            if interrupted:
                raise
            return "failed"
        write_state(place, status="finished", ended=now())
        return "finished"


def carry_out(job: ComparisonJob, folder: Path, whole: Study, entry: Entry, place: Path) -> None:
    """Tune, fit, judge, and write predictions and outcome; the outcome last, because it makes the job a finished one.

    What an entrant fails with is a result, and stands in its outcome; what is wrong with the study itself is raised.
    """
    from study import build
    from study.comparison.assess import Judged, assess
    from study.comparison.composing import entrants_of, first_values, with_values
    from study.comparison.conditions import under
    from study.comparison.entrants import EntrantSpec
    from study.comparison.evidence import PLAIN, Condition, Outcome
    from study.comparison.planning import slice_of
    from study.comparison.state import OUTCOME
    from study.comparison.tuning import Values
    from study.data.prepare import load_table, prepare
    from study.data.sealed import LeakError
    from study.fitting.learner import Learner
    from study.run.stages import reason_of

    declared = whole["declared"]
    spec = EntrantSpec.model_validate(declared["entrants"][entry["entrant"]])
    repeat, fold, seed = entry["repeat"], entry["fold"], entry["seed"]
    condition = Condition(entry["fraction"], entry["label_noise"])
    outcome = Outcome(entry["entrant"], repeat, fold, seed, condition, folder=entry["folder"])
    with entrants_of(job.lines, job.config_dir, Path(job.base)) as composer:
        config = composer.config(spec, repeat, fold, seed)
        table = load_table(build.dataset(config))
        if table.fingerprint != whole["fingerprint"]:
            raise StudyError(
                "The data changed since the study began, so that its jobs would not compare. Start the study again."
            )
        split = build.split(config)
        changed, given = under(condition, table, split)
        data = prepare(changed, given, build.preprocessor(config))
        slices = {
            name: slice_of(table, name, expression).to_numpy()[data.parts.test]
            for name, expression in declared["protocol"]["slices"].items()
        }

        def learner(values: Values, backend: str | None = None) -> Learner:
            more = [] if backend is None else [f"backend={backend}"]
            chosen = with_values(composer.config(spec, repeat, fold, seed, *more) if more else config, values)
            build.fill_dims(chosen, n_inputs=data.n_inputs, n_outputs=data.n_outputs)
            return build.learner(chosen)

        is_candidate = spec.role == "candidate" and condition == PLAIN
        try:
            judged = assess(
                outcome,
                data,
                learner,
                spec.search,
                first_values(config, spec),
                declared["tuning"]["trials"],
                place=place / "trials",
                store=folder / "tuning.sqlite",
                name=place.name,
                seconds=declared["tuning"]["seconds"],
                restarts=declared["tuning"]["restarts"],
                slices=slices,
                shots=declared["protocol"]["shots"] if condition == PLAIN else (),
                elsewhere=learner,
                backends=tuple(declared["protocol"]["backends"]) if is_candidate else (),
                before_test=lambda chosen: _once(place, chosen),
            )
        except LeakError as error:
            judged = Judged(replace(outcome, failure=str(error)))
        except StudyError:
            raise
        except Exception as error:
            refuse_full_disk(error)
            judged = Judged(replace(outcome, failure=reason_of(error)))
    _write(place, judged, data.classes)
    write_json(place / OUTCOME, {**judged.outcome.to_dict(), "seal": whole["seal"]})


def _once(place: Path, chosen: Mapping[str, Any]) -> None:
    """Put on record that the test part is about to be read, for this choice.

    Reading it again after an interruption is the same reading; for another choice it is a second look.

    Raises:
        LeakError: it was read before, for another choice.
    """
    from study.data.sealed import LeakError

    record = place / TEST_READ
    before = read_json(record, TestRead)["chosen"] if record.exists() else dict(chosen)
    if before != dict(chosen):
        raise LeakError(
            f"leak: the test part was read more than once: for {before} before, and now for "
            f"{dict(chosen)}. What is chosen after a look at the test part is tuned on it."
        )
    write_json(record, {"chosen": dict(chosen)})


def _write(place: Path, judged: Any, classes: list[str]) -> None:
    from study.run.predictions import write_predictions

    for name, part in ((PREDICTIONS, judged.test), (VALIDATED, judged.validation)):
        if part is None:
            (place / name).unlink(missing_ok=True)
        else:
            write_predictions(place / name, part.rows, part.targets, {"model": part.outputs}, classes)
    if judged.outcome.failure is not None:
        shutil.rmtree(place / "trials", ignore_errors=True)


def read_back(place: Path, classes: list[str]) -> tuple[Any, Any] | None:
    """The predictions (validation, test) of a job, or None if it has none."""
    from study.comparison.evidence import Predictions
    from study.run.predictions import read_output

    found = []
    for name in (VALIDATED, PREDICTIONS):
        path = place / name
        if not path.exists():
            return None
        table = read_parquet(path, ["row", "target"], AGAIN)
        targets = table["target"].to_numpy()
        with using(path, AGAIN):
            if classes:
                codes = {label: code for code, label in enumerate(classes)}
                targets = np.array([codes[str(label)] for label in targets], dtype=np.int64)
            found.append(Predictions(table["row"].to_numpy(), targets, read_output(path, "model", classes)))
    return found[0], found[1]
