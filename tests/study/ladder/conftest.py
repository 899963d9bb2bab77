"""One small run, and a ladder that needs nothing but what every installation has."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from study.config.check import check
from study.config.rules import EVALUATE, TRAIN
from study.experiment import train
from study.ladder.evaluation import run_evaluation
from study.run import stages
from study.run.folder import RunFolder
from study.terminal import Terminal

Evaluated = tuple[int, str, Path]

SMALL = """# Three rungs.
defaults:
  - /backend@rungs.exact.backend: auto
  - /backend@rungs.again.backend: default_qubit
  - _self_
name: small
reference: exact
rungs:
  exact:
    dry_run: false
  again:
    label: the same again
  sampled:
    label: sampled
    backend:
      _target_: tests.study.ladder.backends.Sampled
      shots: 400
drift:
  circuits: 2
curve:
  backend:
    _target_: tests.study.ladder.backends.Sampled
  shots: []
  repeats: 1
scorecard:
  backend:
    _target_: tests.study.ladder.backends.Sampled
  computers: []
"""


MOONS = ("data=moons", "data.n_samples=120")


def trained(folder: Path, *overrides: str, data: Sequence[str] = MOONS) -> RunFolder:
    lines = [*data, "n_qubits=2", "depth=1", "trainer.max_epochs=3", "logger=none"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "draw_gallery", lambda *_: None)
        config = check(TRAIN, [*lines, "controls=none", f"output_dir={folder}", *overrides]).config
        return train(config, Terminal(file=io.StringIO()))


@pytest.fixture(scope="session")
def kept_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Trained once, not to be written to."""
    return trained(tmp_path_factory.mktemp("runs"))


@pytest.fixture
def run(kept_run: RunFolder, tmp_path: Path) -> RunFolder:
    """A copy of the run for this test alone."""
    path = tmp_path / kept_run.path.name
    shutil.copytree(kept_run.path, path)
    return RunFolder(path)


@pytest.fixture(scope="session")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for --config-dir with the ladder `small`."""
    folder = tmp_path_factory.mktemp("conf")
    (folder / "ladder").mkdir()
    (folder / "ladder" / "small.yaml").write_text(SMALL)
    return folder


@pytest.fixture
def evaluate(run: RunFolder, ladders: Path) -> Callable[..., Evaluated]:
    """Evaluates the run: the exit code, what was printed, and the evaluation's folder."""

    def evaluate(*lines: str, pages: bool = False) -> Evaluated:
        text = io.StringIO()
        words = [f"run={run.path}", "ladder=small", "rows=12", *lines]
        config = check(EVALUATE, words, str(ladders)).config
        with pytest.MonkeyPatch.context() as patch:
            if not pages:
                patch.setattr("study.ladder.report.report.write_report", lambda *_: None)
            code = run_evaluation(config, Terminal(file=text, width=200))
        folders = sorted((run.path / "evaluations").iterdir(), key=lambda path: path.stat().st_mtime)
        return code, text.getvalue(), folders[-1]

    return evaluate
