"""A study with an entrant on a paid backend: planned before anything is sent, judged by the fake service's own bill."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from study.comparison.study import run_study
from study.config.check import check
from study.config.rules import COMPARE
from study.errors import StudyError
from study.terminal import Terminal
from tests.fakes.braket_service import FakeBraket
from tests.study.bills import AMPLE, bought, planned
from tests.study.comparison.small import folder_of

Lines = Callable[..., list[str]]
Study = Callable[[list[str]], tuple[int, str]]

PAID = (
    "data.n_samples=12",
    "backend=braket_qpu",
    "backend.shots=20",
    "backend.on_interrupt=leave",
    "trainer.batch_size=4",
    "trainer.max_epochs=1",
    "depth=1",
    "study.tuning.trials=1",
    "study.protocol.fractions=[]",
    "study.protocol.label_noise=[]",
    "study.protocol.shots=[]",
)


@pytest.fixture
def words(lines: Lines, tmp_path: Path) -> Lines:
    return lambda *more: lines(*PAID, f"backend.ledger={tmp_path / 'ledger.sqlite'}", *more)


def test_nothing_is_sent_before_the_whole_has_room(words: Lines, study: Study, service: FakeBraket) -> None:
    with pytest.raises(StudyError, match=r"whole study; fewer entrants"):
        study(words())
    assert bought(service) == (0, 0)


@pytest.mark.long
def test_the_plan_is_what_the_service_bills(
    words: Lines, study: Study, service: FakeBraket, tmp_path: Path
) -> None:
    code, said = study(words(*AMPLE))
    assert code == 0, said
    assert "Plan of the whole study with backend=braket_qpu" in said
    assert "tuning tries first" in said
    assert bought(service) == planned(said)
    assert len(list(folder_of(tmp_path / "runs").glob("jobs/candidate-*/outcome.json"))) == 2


def test_outputs_are_not_bought_again_elsewhere(
    lines: Lines, study: Study, service: FakeBraket, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=r"study\.protocol\.backends names braket_sv1, which costs money"):
        study(lines("study.protocol.backends=[braket_sv1]"))
    assert bought(service) == (0, 0) and not (tmp_path / "runs").exists()


def test_what_is_bought_is_not_timed(
    words: Lines, service: FakeBraket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("study.comparison.study._run", lambda *_: None)
    monkeypatch.setattr("study.comparison.report.report.write_report", lambda *_: None)
    console = Terminal(file=io.StringIO(), width=200)
    given = words(*AMPLE)
    run_study(COMPARE, given, None, check(COMPARE, given).config, console)
    assert bought(service) == (0, 0)
    assert "Not counted, as nothing timed them: Hybrid." in console.file.getvalue()  # type: ignore[attr-defined]
