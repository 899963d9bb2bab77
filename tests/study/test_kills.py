"""Every command, killed at any moment and given again, ends as if nobody had disturbed it.

`-m long` kills 200 times: half at recorded events (a file made, renamed or removed, a commit of a database), half at
any time; by SIGKILL, SIGTERM and SIGINT. The default run kills each command once. What was counted is printed.
"""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import signal
import time
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.preloaded import Preloaded, Process
from tests.study.toys import TOYS, Toy, end, found, prepared, run_in

pytestmark = pytest.mark.slow
SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
PATIENCE_S = 300
# Runs in the process before the command: note each event under a folder in a file, and at one of them, be killed.
EVENTS = """
import os, signal, sys
os.setpgid(0, 0)
_noted = os.open({noted!r}, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
_count = 0
def _event():
    global _count
    _count += 1
    os.write(_noted, b".")
    if _count == {at}:
        os.kill(os.getpid(), {signal})
def _audit(name, arguments):
    if name in ("os.rename", "os.remove", "os.mkdir", "os.rmdir") or (
        name == "open" and isinstance(arguments[2], int) and arguments[2] & (os.O_CREAT | os.O_TRUNC)
    ):
        if str(arguments[0]).startswith({folder!r}):
            _event()
sys.addaudithook(_audit)
from sqlalchemy.engine.default import DefaultDialect
_commit = DefaultDialect.do_commit
def _committing(self, connection):
    _event()
    _commit(self, connection)
    _event()
DefaultDialect.do_commit = _committing
"""


@dataclass(frozen=True)
class Undisturbed:
    """What a command leaves behind, in how many events, after how long."""

    left: dict[str, Any]
    events: int
    seconds: float


def started(toy: Toy, preloaded: Preloaded, output: Path, at: int = 0, by: int = signal.SIGKILL) -> Process:
    number = len(list(output.parent.glob(f"{output.name}.*.txt")))
    code = EVENTS.format(noted=str(noted(output)), at=at, signal=int(by), folder=str(output))
    return toy.start(preloaded, output, output.with_name(f"{output.name}.{number}.txt"), code)


def noted(output: Path) -> Path:
    return output.with_name(f"{output.name}.events")


def printed(output: Path) -> str:
    return "\n".join(path.read_text() for path in sorted(output.parent.glob(f"{output.name}.*.txt")))


@pytest.fixture(scope="module")
def run(preloaded: Preloaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run."""
    output = prepared(TOYS["train"], Path(), tmp_path_factory.mktemp("run") / "runs")
    assert started(TOYS["train"], preloaded, output).wait(PATIENCE_S) == 0, printed(output)
    return run_in(output)


def undisturbed(toy: Toy, preloaded: Preloaded, run: Path, folder: Path) -> Undisturbed:
    output = prepared(toy, run, folder / "whole")
    begun = time.monotonic()
    assert started(toy, preloaded, output).wait(PATIENCE_S) == 0, printed(output)
    return Undisturbed(found(output), noted(output).stat().st_size, time.monotonic() - begun)


def kill_and_go_on(
    toy: Toy, preloaded: Preloaded, run: Path, output: Path, whole: Undisturbed, rng: random.Random
) -> str:
    """Kill the command, give it again, compare; returns how it was killed and where that found it."""
    prepared(toy, run, output)
    by = rng.choice(SIGNALS)
    if rng.random() < 0.5:
        at = rng.randint(1, whole.events)
        process, where = started(toy, preloaded, output, at, by), "at an event"
        process.wait(PATIENCE_S)
        what = f"{by.name} at event {at} of {whole.events}"
    else:
        after = rng.uniform(0, whole.seconds)
        process, where = started(toy, preloaded, output), "at a time"
        time.sleep(after)
        end(process, by)
        what = f"{by.name} after {after:.2f} of {whole.seconds:.2f} s"
    code = process.returncode
    # What it had started goes on for a while where nobody but it was killed, and is waited for by the next.
    with contextlib.suppress(ProcessLookupError):
        if rng.random() < 0.5:
            os.killpg(process.pid, signal.SIGKILL)
    again = started(toy, preloaded, output)
    assert again.wait(PATIENCE_S) == 0, f"{what}: {printed(output)}"
    for group in (process.pid, again.pid):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)
    assert "Traceback" not in printed(output).replace("KeyboardInterrupt", "") or by != signal.SIGKILL, what
    left = found(output)
    assert left.keys() == whole.left.keys(), f"{what}: {left.keys() ^ whole.left.keys()}"
    different = [name for name in left if left[name] != whole.left[name]]
    assert not different, f"{what}: {different}"
    shutil.rmtree(output)
    return f"{by.name} {where}, {'had ended' if code in (0, None) else 'was stopped'}"


@pytest.mark.parametrize(
    ("name", "kills"),
    [
        *((name, 1) for name in TOYS),
        *(
            pytest.param(name, kills, marks=pytest.mark.long)
            for name, kills in zip(TOYS, (50, 30, 30, 40, 30, 20), strict=True)
        ),
    ],
)
def test_what_was_killed_goes_on(
    name: str,
    kills: int,
    run: Path,
    preloaded: Preloaded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    toy, rng = TOYS[name], random.Random(f"{name}{kills}")
    whole = undisturbed(toy, preloaded, run, tmp_path)
    assert whole.left, "there is something to compare"
    counts = Counter(
        kill_and_go_on(toy, preloaded, run, tmp_path / f"killed{number}", whole, rng)
        for number in range(kills)
    )
    with capsys.disabled():
        print(f"\n{name}: {kills} kills of {whole.seconds:.1f} s and {whole.events} events")
        for what, count in sorted(counts.items()):
            print(f"  {what:40} {count}")
