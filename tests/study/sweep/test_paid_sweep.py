"""A sweep on a paid backend: planned before anything is sent, judged by the fake service's own bill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from qlayers.errors import QlayersError
from study.errors import StudyError
from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.fixtures import forget_aws
from tests.study.bills import AMPLE, bought, planned

Lines = Callable[..., list[str]]
Sweep = Callable[[list[str]], tuple[int, str]]

PAID = (
    "data.n_samples=12",  # 7 rows for the training, 2 for the validation, 3 for the test
    "backend=braket_qpu",
    "backend.shots=20",
    "backend.on_interrupt=leave",
    "trainer.batch_size=4",
    "trainer.max_epochs=1",
    "seed=0,1",
    "depth=1",
)


@pytest.fixture
def words(lines: Lines, tmp_path: Path) -> Lines:
    return lambda *more: lines(*PAID, f"backend.ledger={tmp_path / 'ledger.sqlite'}", *more)


def test_nothing_is_sent_before_the_whole_has_room(
    words: Lines, sweep: Sweep, service: FakeBraket, tmp_path: Path
) -> None:
    with pytest.raises(StudyError, match=r"whole sweep; fewer jobs"):
        sweep(words())
    assert bought(service) == (0, 0) and not (tmp_path / "runs").exists()


def test_the_plan_is_what_the_service_bills(
    words: Lines, sweep: Sweep, service: FakeBraket, tmp_path: Path
) -> None:
    code, said = sweep(words(*AMPLE))
    assert code == 0, said
    assert "2 trainings of 1 epoch of 2 steps" in said and "2 predictions of 3 rows" in said
    assert bought(service) == planned(said)
    # What is finished is not planned again, and not bought.
    before = bought(service)
    code, said = sweep(words(*AMPLE))
    assert code == 0 and "Plan of" not in said
    assert bought(service) == before


def test_what_could_not_be_sent_is_not_begun(
    words: Lines, sweep: Sweep, service: FakeBraket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_aws(monkeypatch)
    with pytest.raises(QlayersError, match="no credentials"):
        sweep(words(*AMPLE))
    assert not (tmp_path / "runs").exists()


@pytest.mark.long
def test_samples_that_are_not_found_again_are_planned_twice(
    words: Lines, sweep: Sweep, service: FakeBraket
) -> None:
    code, said = sweep(words(*AMPLE, "backend.seed=null"))
    assert code == 0, said
    assert bought(service) == planned(said)


@pytest.mark.long
def test_a_control_that_runs_there_is_in_the_plan(words: Lines, sweep: Sweep, service: FakeBraket) -> None:
    only = [f"~controls.{name}" for name in ("logistic", "ridge", "rbf_svm", "gradient_boosting", "mlp")]
    code, said = sweep([word for word in words(*AMPLE, *only) if word != "controls=none"])
    assert code == 0 and "separable twin" in said, said
    assert bought(service) == planned(said)
