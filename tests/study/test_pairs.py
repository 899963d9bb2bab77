"""Every command, started twice at the same moment: both end well, or one says that the other is at work.

`-m long` starts 20 pairs of each command, the default run one. What was counted is printed.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from study.exit_codes import ExitCode
from tests.preloaded import Preloaded
from tests.study.toys import TOYS, Toy, end, found, prepared, run_in, signal

pytestmark = pytest.mark.slow
PATIENCE_S = 300
RESUME = Toy("train", lambda output: [f"resume={run_in(output)}"])
REPORT = Toy("report", lambda output: [str(next((output / "sweeps").iterdir()))])
PAIRS = {**TOYS, "resume": RESUME, "report": REPORT}


def whole(toy: Toy, preloaded: Preloaded, output: Path) -> Path:
    """An output folder in which a command has ended."""
    printed = output.with_name("printed.txt")
    assert toy.start(preloaded, output, printed).wait(PATIENCE_S) == 0, printed.read_text()
    return output


@pytest.fixture(scope="module")
def run(preloaded: Preloaded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run_in(
        whole(
            TOYS["train"], preloaded, prepared(TOYS["train"], Path(), tmp_path_factory.mktemp("r") / "runs")
        )
    )


def before(name: str, run: Path, preloaded: Preloaded, output: Path) -> Path:
    """What is there before the pair is started."""
    prepared(PAIRS[name], run, output)
    if name == "report":
        whole(TOYS["sweep"], preloaded, output)
    if name == "resume":  # of a run that was interrupted
        printed = output.with_name("begun.txt")
        begun = TOYS["train"].start(preloaded, output, printed)
        while not list(output.glob("moons-*/checkpoints/*.ckpt")) and begun.poll() is None:
            pass
        end(begun, signal.SIGKILL)
    return output


def pair(name: str, run: Path, preloaded: Preloaded, folder: Path) -> str:
    """Start two at once; returns how they ended."""
    folder.mkdir()
    output = before(name, run, preloaded, folder / "runs")
    printed = [folder / "first.txt", folder / "second.txt"]
    processes = [PAIRS[name].start(preloaded, output, path) for path in printed]
    codes = sorted(process.wait(PATIENCE_S) for process in processes)
    said = "\n".join(path.read_text() for path in printed)
    assert "Traceback" not in said, said
    assert codes in ([ExitCode.DONE, ExitCode.DONE], [ExitCode.DONE, ExitCode.BUSY]), f"{codes}\n{said}"
    if ExitCode.BUSY in codes:
        assert "Another process is at work" in said
    assert found(output), "what is left can be read"
    for store in output.rglob("*.db"):
        with closing(sqlite3.connect(store)) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    return "both ended well" if codes[1] == ExitCode.DONE else "one said that the other is at work"


@pytest.mark.parametrize("pairs", [1, pytest.param(20, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", PAIRS)
def test_two_at_once_do_no_harm(
    name: str,
    pairs: int,
    run: Path,
    preloaded: Preloaded,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    counts = Counter(pair(name, run, preloaded, tmp_path / str(number)) for number in range(pairs))
    with capsys.disabled():
        print(f"\n{name}: {pairs} pairs: {dict(counts)}")
