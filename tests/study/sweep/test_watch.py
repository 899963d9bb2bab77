"""The progress line on a terminal."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from study.config.rules import TRAIN
from study.run.atomic import write_json
from study.sweep.expansion import expand
from study.sweep.plan import make_plan
from study.sweep.watch import Watch

Lines = Callable[..., list[str]]


@pytest.mark.parametrize("width", [100, 60])
def test_it_is_one_line_from_the_first_frame_to_the_last(lines: Lines, width: int) -> None:
    jobs = make_plan(expand(TRAIN, lines("depth=1,2")), Path.cwd()).jobs
    file = io.StringIO()
    with Watch(jobs, Console(file=file, width=width, force_terminal=True), "2026", 7200):
        for job in jobs:
            job.folder.mkdir(parents=True)
            write_json(job.folder / "manifest.json", {"status": "failed", "started": "2027", "ended": "2027"})
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
    with Watch(jobs, Console(file=file, width=100), "2026", 7200):
        for job in jobs:
            job.folder.mkdir(parents=True)
            write_json(job.folder / "manifest.json", {"status": "failed", "started": "2027", "ended": "2027"})
            time.sleep(0.1)
    told = file.getvalue().splitlines()
    assert told[0] == "jobs 0/3 done, 0 failed, 0 running, 2.0 h left"
    assert told[-1] == "jobs 3/3 done, 3 failed"
    assert len(told) == 4
    assert "\r" not in file.getvalue()
