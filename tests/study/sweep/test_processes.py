"""Sweeps in processes of their own: killed, started twice at once, and run by each launcher."""

from __future__ import annotations

import importlib.util
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from tests.study.sweep.small import job_folders, read, times

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


def start(lines: list[str]) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", COMMAND, "-m", *lines],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> str:
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, out + err
    assert err == ""
    return out


def finished(runs: Path) -> list[Path]:
    return [path.parent for path in (runs / "jobs").glob("*/validation.json")] if runs.exists() else []


def metrics(runs: Path) -> dict[str, dict[str, float]]:
    return {label: read(folder / "validation.json")["metrics"] for label, folder in job_folders(runs).items()}


def steps_were_taken_once(runs: Path) -> bool:
    taken = [pd.read_csv(folder / "steps.csv") for folder in job_folders(runs).values()]
    return not any(steps.duplicated(["epoch", "step"]).any() for steps in taken)


def test_a_killed_sweep_goes_on_where_it_was(lines: Lines, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = lines("depth=1,2,3", "seed=0,1", "trainer.max_epochs=20", "trainer.patience=null")
    process = start(command)
    while len(finished(runs)) < 2:
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    done = [folder for folder in finished(runs) if read(folder / "manifest.json")["status"] == "finished"]
    assert 0 < len(done) < 6
    before = {folder: times(folder) for folder in done}
    assert f"{len(done)} finished already" in finish(start(command))
    assert {folder: times(folder) for folder in done} == before
    assert len(finished(runs)) == 6


def test_two_processes_share_the_jobs(lines: Lines, tmp_path: Path) -> None:
    runs = tmp_path / "runs"
    command = [line for line in lines("depth=1,2", "seed=0,1,2") if line != "logger=none"]
    both = [start(command), start(command)]
    for process in both:
        finish(process)
    assert len(finished(runs)) == 6
    assert steps_were_taken_once(runs)
    manifests = [read(folder / "manifest.json") for folder in job_folders(runs).values()]
    assert all(manifest["resumed"] == [] for manifest in manifests)
    with sqlite3.connect(runs / "mlflow.db") as store:
        assert store.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert store.execute("select count(*) from runs where status='FINISHED'").fetchone() == (6,)


@pytest.mark.parametrize(
    "launcher",
    ["joblib", "ray", "submitit_local"],
)
def test_every_launcher_finds_the_same(launcher: str, lines: Lines, tmp_path: Path) -> None:
    package = launcher.partition("_")[0]
    if importlib.util.find_spec(f"hydra_plugins.hydra_{package}_launcher") is None:
        pytest.skip(f"the extra with hydra-{package}-launcher is not installed")
    few = [line for line in lines("depth=1,2", "seed=0,1") if not line.startswith("output_dir")]
    basic, other = tmp_path / "basic", tmp_path / launcher
    first = start([*few, f"output_dir={basic}"])
    finish(first)
    finish(start([*few, f"output_dir={other}", f"hydra/launcher={launcher}"]))
    assert metrics(basic) == metrics(other)
    workers = {
        runs: {read(folder / "manifest.json")["process"]["pid"] for folder in job_folders(runs).values()}
        for runs in (basic, other)
    }
    assert workers[basic] == {first.pid}
    assert len(workers[other]) > 1
    assert first.pid not in workers[other]
