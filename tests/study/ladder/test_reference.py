"""A reference that is not what the run stored is said, with the reason where that is known."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from study.config.check import check
from study.config.rules import EVALUATE
from study.ladder.evaluation import run_evaluation
from study.terminal import Terminal
from tests.study.ladder.conftest import trained

SAMPLED = r"the run itself, which was sampled on backend=shots (60 shots a circuit)"


@pytest.mark.parametrize("backend", ["shots", "batched"])
def test_a_run_that_was_sampled_explains_it(backend: str, ladders: Path, tmp_path: Path) -> None:
    lines = ["backend=shots", "backend.shots=60", "trainer.max_epochs=1"] if backend == "shots" else []
    run = trained(tmp_path / "runs", *lines)
    words = [f"run={run.path}", "ladder=small", "rows=12", "~ladder.rungs.again", "~ladder.rungs.sampled"]
    text = io.StringIO()
    assert run_evaluation(check(EVALUATE, words, str(ladders)).config, Terminal(file=text, width=200)) == 0
    (folder,) = (run.path / "evaluations").iterdir()
    page = (folder / "evaluation.md").read_text()
    for said in (text.getvalue(), page):
        assert (SAMPLED in said) == (backend == "shots")
        assert ("outputs differ by up to" in said) == (backend == "shots")
        assert "is not the run that the others are compared with" not in said
