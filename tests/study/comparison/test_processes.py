"""A study in processes of its own: killed in its jobs and in its report, and gone on with."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from tests.preloaded import Preloaded, Process
from tests.study.comparison.small import folder_of, outcomes

pytestmark = pytest.mark.slow
ROOT = Path(__file__).resolve().parents[3]
PATIENCE_S = 300
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""}
Lines = Callable[..., list[str]]


@dataclass
class Started:
    process: Process
    output: Path
    errors: Path

    def finish(self) -> str:
        code, out, err = self.process.wait(PATIENCE_S), self.output.read_text(), self.errors.read_text()
        assert code == 0, out + err
        return out


@pytest.fixture
def start(preloaded: Preloaded, tmp_path: Path) -> Callable[[list[str]], Started]:
    def start(lines: list[str]) -> Started:
        number = len(list(tmp_path.glob("printed-*")))
        output, errors = tmp_path / f"printed-{number}", tmp_path / f"errors-{number}"
        process = preloaded.start(
            ["compare.py", *lines], cwd=ROOT, env=ENVIRONMENT, output=output, errors=errors
        )
        return Started(process, output, errors)

    return start


def wait_until(condition: Callable[[], bool], started: Started) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert started.process.poll() is None, started.output.read_text() + started.errors.read_text()
        assert time.monotonic() < deadline, "what the test waits for does not come"
        time.sleep(0.01)


def results(runs: Path) -> pd.DataFrame:
    """The report's table without what a clock or a scheduler decides."""
    table = pd.read_parquet(folder_of(runs) / "report" / "results.parquet")
    measured = [name for name in table.columns if name.endswith(("seconds", "bytes"))]
    return table.drop(columns=measured)


@pytest.mark.long
def test_a_study_killed_in_its_jobs_and_in_its_report_ends_with_the_same_numbers(
    start: Callable[[list[str]], Started], lines: Lines, tmp_path: Path
) -> None:
    runs, other = tmp_path / "runs", tmp_path / "other"
    whole = start([*lines(), f"output_dir={other}"])
    whole.finish()

    def finished() -> dict[Path, int]:
        return {path: path.stat().st_mtime_ns for path in runs.glob("studies/*/jobs/*/outcome.json")}

    first = start(lines())
    wait_until(lambda: len(finished()) >= 2, first)
    first.process.kill()
    first.process.wait(PATIENCE_S)
    before = finished()
    assert 2 <= len(before) < len(outcomes(other)), "it must be in the middle"

    second = start(lines())
    figures = folder_of(runs) / "report" / "figures"
    wait_until(lambda: figures.is_dir() and any(figures.glob("*.png")), second)
    second.process.kill()
    second.process.wait(PATIENCE_S)
    assert not (folder_of(runs) / "report" / "report.html").exists(), "it must be in the middle"
    after_jobs = finished()
    assert {path: after_jobs[path] for path in before} == before, "finished jobs are not repeated"

    assert "finished already" in start(lines()).finish()
    assert finished() == after_jobs
    assert outcomes(runs) == outcomes(other)
    pd.testing.assert_frame_equal(results(runs), results(other))
    assert (folder_of(runs) / "report" / "report.html").stat().st_size > 100_000


@pytest.mark.long
def test_launchers_give_the_same_numbers(
    start: Callable[[list[str]], Started], lines: Lines, tmp_path: Path
) -> None:
    start([*lines(), f"output_dir={tmp_path}/basic"]).finish()
    start(
        [*lines("hydra/launcher=joblib", "hydra.launcher.n_jobs=2"), f"output_dir={tmp_path}/joblib"]
    ).finish()
    assert outcomes(tmp_path / "basic") == outcomes(tmp_path / "joblib")
