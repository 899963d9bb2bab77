"""A study small enough to be run many times, in this process."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from study.comparison.estimate import Estimate
from study.comparison.study import run_study
from study.config.check import check
from study.config.rules import COMPARE
from study.terminal import Terminal
from tests.study.comparison.small import SMALL

Ran = tuple[int, str]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., list[str]]:
    return lambda *more: [*SMALL, f"output_dir={tmp_path}/runs", *more]


def run_without_report(lines: list[str]) -> Ran:
    """Run a study without its report and, as it takes as long as the jobs, without the timing of an estimate."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("study.comparison.report.report.write_report", lambda *_: None)
        patch.setattr("study.comparison.estimate.estimate", lambda *_: Estimate(60.0, 0.0, {}, 0))
        console = Terminal(file=io.StringIO(), width=200)
        code = run_study(COMPARE, lines, None, check(COMPARE, lines).config, console)
    return code, console.file.getvalue()  # type: ignore[attr-defined]


@pytest.fixture
def study() -> Callable[[list[str]], Ran]:
    """Run a study without its report; its exit code and what it printed."""
    return run_without_report


@pytest.fixture(scope="session")
def one_finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Ran]:
    """The runs folder of a study that was run once for many tests, not to be written to, and what running gave."""
    runs = tmp_path_factory.mktemp("finished") / "runs"
    return runs, run_without_report([*SMALL, f"output_dir={runs}"])


@pytest.fixture
def finished(one_finished: tuple[Path, Ran], tmp_path: Path) -> Ran:
    """A finished study in this test's own runs folder: the exit code and what running it printed."""
    shutil.copytree(one_finished[0], tmp_path / "runs")
    return one_finished[1]
