"""A study small enough to be run many times, in this process."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from study.comparison.study import run_study
from study.config.check import check
from study.config.rules import COMPARE
from tests.study.comparison.small import SMALL

Ran = tuple[int, str]


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., list[str]]:
    return lambda *more: [*SMALL, f"output_dir={tmp_path}/runs", *more]


@pytest.fixture
def study(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], Ran]:
    """Run a study without its report; its exit code and what it printed."""
    monkeypatch.setattr("study.comparison.report.report.write_report", lambda *_: None)

    def run(lines: list[str]) -> Ran:
        console = Console(file=io.StringIO(), width=200)
        code = run_study(COMPARE, lines, None, check(COMPARE, lines).config, console)
        return code, console.file.getvalue()  # type: ignore[attr-defined]

    return run
