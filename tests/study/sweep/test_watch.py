"""The progress line on a terminal."""

from __future__ import annotations

import datetime
import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from study.config.rules import TRAIN
from study.run.atomic import write_json
from study.sweep.expansion import expand
from study.sweep.plan import make_plan
from study.sweep.state import State
from study.sweep.watch import Watch
from study.terminal import Terminal
from tests.study.run.test_folder import MANIFEST

FAILED = {**MANIFEST, "status": "failed", "started": "2027", "ended": "2027"}
Lines = Callable[..., list[str]]


@pytest.mark.parametrize("width", [100, 60])
def test_it_is_one_line_from_the_first_frame_to_the_last(lines: Lines, width: int) -> None:
    jobs = make_plan(expand(TRAIN, lines("depth=1,2")), Path.cwd()).jobs
    file = io.StringIO()
    with Watch(jobs, Terminal(file=file, width=width, force_terminal=True), "2026", 7200):
        for job in jobs:
            job.folder.mkdir(parents=True)
            write_json(job.folder / "manifest.json", FAILED)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", file.getvalue())
    frames = [frame.strip() for frame in re.split(r"[\r\n]", plain) if frame.strip()]
    assert "0/2 done, 0 failed, 0 running, 2.0 h left" in frames[0]
    assert "2/2 done, 2 failed " in frames[-1]
    assert "left" not in frames[-1]
    assert all(len(frame) <= width for frame in frames)
    assert plain.count("\n") == 1


def test_without_a_terminal_it_is_a_plain_line_now_and_then(
    lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.sweep.watch.PERIOD_SECONDS", 0.01)
    jobs = make_plan(expand(TRAIN, lines("depth=1,2,3")), Path.cwd()).jobs
    file = io.StringIO()
    with Watch(jobs, Terminal(file=file, width=100), "2026", 7200):
        for job in jobs:
            job.folder.mkdir(parents=True)
            write_json(job.folder / "manifest.json", FAILED)
            time.sleep(0.1)
    told = file.getvalue().splitlines()
    assert told[0] == "jobs 0/3 done, 0 failed, 0 running, 2.0 h left"
    assert told[-1] == "jobs 3/3 done, 3 failed"
    assert len(told) == 4
    assert "\r" not in file.getvalue()


def test_jobs_that_ended_without_a_score_are_told_apart() -> None:
    """Three of them, one before this sitting; a job that failed is tried again, and they are not."""
    unscored = State("finished", unscored="the fit diverged")
    jobs = [Recorded(unscored), *(Recorded(State("absent")) for _ in range(4))]
    watch = Watch(jobs, Terminal(file=io.StringIO()), "2026", 600)
    assert watch.figures(watch.count()).startswith("done, 1 of them without a score, 0 running")
    for job, state in zip(jobs[1:], [unscored, unscored, State("finished"), State("finished")], strict=True):
        job.state = state
    assert watch.figures(watch.count()) == "done, 3 of them without a score"
    jobs = [Recorded(unscored), Recorded(State("failed", "killed", "2027", "2027"))]
    watch = Watch(jobs, Terminal(file=io.StringIO()), "2026", 600)
    assert watch.figures(watch.count()) == "done, 1 of them without a score, 1 failed"


# --- the time left -------------------------------------------------------------------------------------------------

BEGAN = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


@dataclass
class Recorded:
    """A job of which only the record is known."""

    state: State
    folder: Path = Path()
    overrides: tuple[str, ...] = ()


def at(seconds: float) -> str:
    return (BEGAN + datetime.timedelta(seconds=seconds)).isoformat()


def took(seconds: float, status: str = "finished") -> State:
    return State(status, None, at(5), at(5 + seconds))  # type: ignore[arg-type]


def watched(*states: State, estimate: float = 600, parallel: int = 1) -> tuple[Watch, list[Recorded]]:
    """A watch that began with nothing done, and its jobs as they are now."""
    jobs = [Recorded(State("absent")) for _ in states]
    watch = Watch(jobs, Terminal(file=io.StringIO()), at(0), estimate, parallel)
    for job, state in zip(jobs, states, strict=True):
        job.state = state
    return watch, jobs


def left(watch: Watch) -> str:
    return watch.figures(watch.count()).rpartition(", ")[2]


@pytest.mark.parametrize(("parallel", "seconds"), [(1, 200), (2, 100), (8, 40)])
def test_the_time_left_follows_from_the_jobs_that_ended(parallel: int, seconds: float) -> None:
    """Jobs of 30, 40 and 50 seconds, one of them failed, and five to come: five at once are as many as are left."""
    ended = [took(30), took(50), took(40, "failed")]
    watch, _ = watched(*ended, *[State("absent")] * 5, parallel=parallel)
    watch.count()
    assert watch.seconds_left(5) == pytest.approx(seconds)


def test_it_is_no_countdown_of_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    """Time that passes between two ends, or an estimate that was far off, change nothing of what jobs take."""
    clock = [0.0]
    monkeypatch.setattr("study.sweep.watch.time.monotonic", lambda: clock[0])
    watch, jobs = watched(State("absent"), State("absent"), State("absent"), estimate=60)
    assert left(watch) == "60 s left"
    clock[0] = 20
    assert left(watch) == "40 s left"
    clock[0] = 61
    assert left(watch) == "longer than estimated"
    jobs[0].state = took(30)
    assert left(watch) == "60 s left"
    clock[0] = 1000
    assert left(watch) == "60 s left"
    jobs[1].state = took(10)
    assert left(watch) == "20 s left"


def test_what_a_running_job_has_done_counts() -> None:
    begun = (datetime.datetime.now(datetime.UTC) - datetime.timedelta(seconds=1000)).isoformat()
    running = State("running", None, begun, None)
    watch, _ = watched(took(40), running, State("absent"))
    assert left(watch) == "40 s left", "the mean is used up, so that it counts no more"


def test_jobs_of_an_earlier_sitting_tell_nothing() -> None:
    """They may have run on another machine, or with other jobs beside them."""
    jobs = [Recorded(took(5000)), Recorded(State("absent"))]
    watch = Watch(jobs, Terminal(file=io.StringIO()), at(10_000), 120.0)
    assert watch.seconds_left(1) == pytest.approx(120, abs=5)


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        (took(12.5), 12.5),
        (State("running", None, at(0), None), None),
        (State("finished", None, at(5), at(1)), None),
        (State("finished", None, "2027", "2028"), None),
        (State("finished"), None),
    ],
)
def test_how_long_a_job_took(state: State, seconds: float | None) -> None:
    assert state.seconds == seconds
