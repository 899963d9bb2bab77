"""Studies from the command line that cannot conclude: each ends, and its report says what it leaves open and why."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, TensorDataset

from study.comparison.estimate import Estimate
from study.comparison.study import run_study
from study.config.check import check
from study.config.rules import COMPARE
from study.errors import StudyError
from study.run.atomic import write_json
from study.terminal import Terminal
from tests.study.comparison.small import folder_of
from tests.study.report.pages import Page

# Two models that are fitted in a moment; what is left out would be trained in steps.
QUICK = [
    "study=quick",
    "data=moons",
    "data.n_samples=60",
    "n_qubits=2",
    "trainer=debug",
    "split.n_folds=5",
    "study.tuning.trials=1",
    "study.calibration.methods=[none]",
    "entrant@study.entrants.candidate=rbf_svm",
    "study.entrants.candidate.role=candidate",
    "~study.entrants.rbf_svm",
    "~study.entrants.separable",
    "~study.entrants.replaced_circuit",
    "~study.entrants.gradient_boosting",
    "~study.entrants.ridge",
]
Ran = tuple[str, str, Path]
pytestmark = pytest.mark.slow


@pytest.fixture
def conclude(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Ran]:
    """Run a study to its report: what it printed, report.md without escapes, and the study's folder."""
    monkeypatch.setattr("study.comparison.estimate.estimate", lambda *_: Estimate(60.0, 0.0, {}, 0))

    def run(*words: str) -> Ran:
        other_data = any(word.startswith("data=") for word in words)
        base = [word for word in QUICK if not (other_data and word.startswith("data"))]
        lines = [*base, f"output_dir={tmp_path}/runs", *words]
        console = Terminal(file=io.StringIO(), width=200)
        code = run_study(COMPARE, lines, None, check(COMPARE, lines).config, console)
        printed = console.file.getvalue()  # type: ignore[attr-defined]
        assert code == 0, "any verdict is one"
        folder = folder_of(tmp_path / "runs")
        text = (folder / "report/report.md").read_text(encoding="utf-8").replace("\\", "")
        html = (folder / "report/report.html").read_text(encoding="utf-8")
        assert Page(html).tables
        assert not re.search(r"\b(nan|inf)\b", text + printed)
        return printed, text, folder

    return run


def test_one_model(conclude):
    printed, text, _ = conclude("~study.entrants.logistic")
    assert "EXPLORE" in printed and "not decided (better than every baseline" in printed
    assert "There is one model only, so that nothing is compared." in text
    assert "there is no baseline to compare with" in text


@pytest.mark.long
def test_too_few_folds(conclude):
    printed, text, _ = conclude("split.n_folds=2")
    assert "EXPLORE" in printed
    assert "2 folds cannot show whether a difference survives another split" in text


@pytest.mark.long
def test_a_study_that_is_stopped_at_once(conclude):
    _, text, _ = conclude("study.stop_loss.hours=1e-9")
    assert "The study ended early" in text and "has no result at all" in text
    assert "10 jobs did not end" in text


@pytest.mark.long
def test_one_fold_of_a_study_that_was_stopped(conclude, monkeypatch):
    """The stop-loss strikes after the two models' first fold."""
    from study.comparison import spent

    def struck(folder, whole):
        reason = "0 hours are over" if len(list(folder.glob("jobs/*/outcome.json"))) == 2 else None
        if reason:
            write_json(folder / spent.STOPPED, {"reason": reason})
        return reason

    monkeypatch.setattr(spent, "stop_reason", struck)
    printed, text, _ = conclude()
    assert "EXPLORE" in printed or "STOP" in printed
    assert "has no score on 4 of 5 splits" in text
    assert "One fold cannot show whether a difference survives another split" in text


def test_a_baseline_that_fails(conclude, monkeypatch):
    from study.baselines.logistic import Logistic

    def broken(self, *_, **__):
        raise RuntimeError("the matrix is singular")

    monkeypatch.setattr(Logistic, "fit", broken)
    printed, text, _ = conclude()
    told = "Without a score: Logistic regression, in 5 of its 5 jobs: RuntimeError: the matrix is singular"
    assert printed.splitlines().count(told) == 1
    assert "jobs 10/10 done, 5 of them without a score\n" in printed
    assert printed.index(told) < printed.index("EXPLORE")
    assert "Logistic regression has no score on any fold and is in no test: 5 of its 5 jobs failed" in printed
    again, _, _ = conclude()
    assert "10 jobs, 10 finished already, 5 of them without a score." in again and told in again
    assert "Logistic regression failed on 5 of 5 fits (RuntimeError: the matrix is singular)" in text
    assert (
        "Cannot be concluded against Logistic regression: Logistic regression has no score on any fold"
        in text
    )


@pytest.mark.long
def test_a_candidate_that_fails(conclude, monkeypatch):
    from study.baselines.rbf_svm import RbfSvm

    def broken(self, *_, **__):
        raise RuntimeError("the matrix is singular")

    monkeypatch.setattr(RbfSvm, "fit", broken)
    printed, text, _ = conclude()
    assert "EXPLORE" in printed
    assert "Nothing could be concluded: RBF-SVM never produced a score" in " ".join(printed.split())
    assert "Keep exploring" not in printed + text
    assert "RBF-SVM failed on 5 of 5 fits" in text and "RBF-SVM has no score on any fold" in text


@pytest.mark.long
def test_a_constant_predictor(conclude, monkeypatch):
    from study.baselines.logistic import Logistic

    monkeypatch.setattr(
        Logistic, "predict", lambda self, inputs: np.full((len(inputs), self.n_outputs), 1 / self.n_outputs)
    )
    _, text, _ = conclude()
    assert "Logistic regression predicts the same for every row on 5 of 5 splits" in text


@pytest.mark.long
def test_tied_scores(conclude):
    """The same model twice."""
    printed, text, _ = conclude(
        "entrant@study.entrants.logistic=rbf_svm", "study.entrants.logistic.label=The same"
    )
    assert "EXPLORE" in printed
    assert "the differences of all 5 folds are zero" in text
    assert "Cannot be concluded against The same" in text
    assert printed.count("the differences of all 5 folds are zero") == 1


class Parts(LightningDataModule):
    """A split of its own, and no other."""

    def loader(self) -> DataLoader:
        return DataLoader(TensorDataset(torch.rand(12, 2), torch.arange(12) % 2), batch_size=4)

    train_dataloader = val_dataloader = test_dataloader = loader


def test_data_with_one_split_of_their_own_are_refused(conclude, tmp_path):
    with pytest.raises(StudyError, match="are one split: a study takes several"):
        conclude("data=custom", f"data._target_={__name__}.Parts")
    assert not (tmp_path / "runs").exists()
