"""A sweep small enough to be run many times: moons, two qubits, one epoch, no controls, no report."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from study.config.rules import TRAIN
from study.sweep.expansion import expand
from study.terminal import Terminal
from tests.study.sweep.small import SMALL


@pytest.fixture
def lines(tmp_path: Path) -> Callable[..., list[str]]:
    return lambda *more: [*SMALL, "controls=none", f"output_dir={tmp_path}/runs", *more]


@pytest.fixture
def sweep(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str]], tuple[int, str]]:
    """Run a sweep in this process; its exit code and what it printed."""
    from study.sweep import sweep as module

    monkeypatch.setattr("study.ablation.report.write_report", lambda folder: folder / "report")

    def run(lines: list[str]) -> tuple[int, str]:
        console = Terminal(file=io.StringIO(), width=200)
        code = module.sweep(TRAIN, lines, expand(TRAIN, lines), console=console)
        return code, console.file.getvalue()  # type: ignore[attr-defined]

    return run
