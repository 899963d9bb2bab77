"""Sweeps in processes of their own: killed, started twice at once, and run by each launcher."""

from __future__ import annotations

import importlib.util
import os
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.preloaded import Preloaded, Process
from tests.study.sweep.small import SMALL, job_folders, read, times

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
Lines = Callable[..., list[str]]

# train.py without the report, which takes longer than the jobs here.
COMMAND = """
import sys
import study.ablation.report
study.ablation.report.write_report = lambda folder: folder
import train
train.main()
"""


PATIENCE_S = 300
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}


@dataclass
class Started:
    process: Process
    output: Path
    errors: Path

    def finish(self) -> str:
        code, out, err = self.process.wait(PATIENCE_S), self.output.read_text(), self.errors.read_text()
        assert code == 0, out + err
        assert err == ""
        return out


Start = Callable[[list[str]], Started]


@pytest.fixture(scope="module")
def start(preloaded: Preloaded, tmp_path_factory: pytest.TempPathFactory) -> Start:
    def start(lines: list[str]) -> Started:
        folder = tmp_path_factory.mktemp("printed")
        output, errors = folder / "output", folder / "errors"
        words = ["-c", COMMAND, "-m", *lines]
        process = preloaded.start(words, cwd=ROOT, env=ENVIRONMENT, output=output, errors=errors)
        return Started(process, output, errors)

    return start


def finished(runs: Path) -> list[Path]:
    return [path.parent for path in (runs / "jobs").glob("*/validation.json")] if runs.exists() else []


def metrics(runs: Path) -> dict[str, dict[str, float]]:
    return {label: read(folder / "validation.json")["metrics"] for label, folder in job_folders(runs).items()}


def steps_were_taken_once(runs: Path) -> bool:
    taken = [pd.read_csv(folder / "steps.csv") for folder in job_folders(runs).values()]
    return not any(steps.duplicated(["epoch", "step"]).any() for steps in taken)


@pytest.mark.long
def test_a_killed_sweep_goes_on_where_it_was(start: Start, lines: Lines, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = lines("depth=1,2,3", "seed=0,1", "trainer.max_epochs=20", "trainer.patience=null")
    process = start(command).process
    while len(finished(runs)) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()
    done = [folder for folder in finished(runs) if read(folder / "manifest.json")["status"] == "finished"]
    assert 0 < len(done) < 6
    before = {folder: times(folder) for folder in done}
    assert f"{len(done)} finished already" in start(command).finish()
    assert {folder: times(folder) for folder in done} == before
    assert len(finished(runs)) == 6


@pytest.mark.long
def test_two_processes_share_the_jobs(start: Start, lines: Lines, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = [line for line in lines("depth=1,2", "seed=0,1,2") if line != "logger=none"]
    for process in [start(command), start(command)]:
        process.finish()
    assert len(finished(runs)) == 6
    assert steps_were_taken_once(runs)
    manifests = [read(folder / "manifest.json") for folder in job_folders(runs).values()]
    assert all(manifest["resumed"] == [] for manifest in manifests)
    with sqlite3.connect(runs / "mlflow.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("select count(*) from runs where status='FINISHED'").fetchone() == (6,)


def few(runs: Path) -> list[str]:
    return [*SMALL, "controls=none", "depth=1,2", "seed=0,1", f"output_dir={runs}"]


@pytest.fixture(scope="module")
def basic(tmp_path_factory: pytest.TempPathFactory) -> tuple[int, Path]:
    """The process and the runs of a sweep without a launcher, in an interpreter that nobody prepared."""
    runs = tmp_path_factory.mktemp("basic") / "runs"
    process = subprocess.Popen(
        [sys.executable, "-c", COMMAND, "-m", *few(runs)],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    out, err = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, err) == (0, ""), out + err
    return process.pid, runs


def workers(runs: Path) -> set[int]:
    return {read(folder / "manifest.json")["process"]["pid"] for folder in job_folders(runs).values()}


@pytest.mark.long
@pytest.mark.parametrize(
    "launcher",
    ["joblib", "ray", "submitit_local"],
)
def test_every_launcher_finds_the_same(
    launcher: str, start: Start, basic: tuple[int, Path], tmp_path: Path
) -> None:
    package = launcher.partition("_")[0]
    if importlib.util.find_spec(f"hydra_plugins.hydra_{package}_launcher") is None:
        pytest.skip(f"the extra with hydra-{package}-launcher is not installed")
    started = start([*few(tmp_path), f"hydra/launcher={launcher}"])
    started.finish()
    pid, runs = basic
    assert metrics(tmp_path) == metrics(runs)
    assert workers(runs) == {pid}
    assert len(workers(tmp_path)) > 1
    assert started.process.pid not in workers(tmp_path)
