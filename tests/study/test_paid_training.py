"""A training on a paid backend: planned as a whole before anything is sent, judged by the fake service's own bill."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import pytest

from qlayers.errors import QlayersError
from qlayers.spending import Ledger
from study.config.check import check
from study.config.construction import check_construction
from study.config.rules import TRAIN
from study.errors import StudyError
from study.experiment import plan, train
from study.run import stages
from study.run.results import Results
from study.terminal import Terminal
from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.fixtures import forget_aws
from tests.study.bills import AMPLE, bought

# 7 training rows in batches of 4, so that the last one is smaller; 2 for validation and 3 for the test.
TINY = (
    "data=moons",
    "data.n_samples=12",
    "n_qubits=2",
    "depth=1",
    "logger=none",
    "trainer.max_epochs=2",
    "trainer.batch_size=4",
    "trainer.patience=null",
    "backend.shots=20",
    "backend.on_interrupt=leave",
)


@pytest.fixture(autouse=True)
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stages, "draw_gallery", lambda *arguments: None)


@pytest.fixture
def config(tmp_path: Path) -> Callable[..., object]:
    def composed(*words: str) -> object:
        own = (f"output_dir={tmp_path / 'runs'}", f"backend.ledger={tmp_path / 'ledger.sqlite'}")
        found = check(TRAIN, [*TINY, *own, *words], None).config
        check_construction(found)
        return found

    return composed


def quiet() -> Terminal:
    return Terminal(file=io.StringIO(), width=200)


def said(console: Terminal) -> str:
    return console.file.getvalue()  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    "words",
    [
        ("backend=braket_qpu", "controls=none"),
        ("backend=braket_sv1", "backend.region=us-east-1", "controls=none", "backend.gradient=spsa"),
        (
            "backend=braket_qpu",
            "controls=none",
            "backend.mitigation=readout_inversion",
            "trainer.max_epochs=1",
        ),
    ],
    ids=["computer", "simulator", "mitigated"],
)
def test_the_plan_is_what_the_service_bills(config, service: FakeBraket, tmp_path: Path, words) -> None:
    planned = plan(config(*words, "backend.dry_run=true"), quiet())
    assert bought(service) == (0, 0) and not (tmp_path / "runs").exists()
    folder = train(config(*words, *AMPLE), quiet())
    assert bought(service) == (planned.plan.tasks, planned.plan.shots)
    assert Ledger(tmp_path / "ledger.sqlite").spent("default").tasks == planned.plan.tasks
    if planned.plan.usd == planned.plan.usd_at_most:
        assert float(service.billed_usd) == pytest.approx(planned.plan.usd)
    else:
        assert 0 < float(service.billed_usd) <= planned.plan.usd_at_most
    # 20 shots a circuit.
    assert planned.plan.circuits * 20 == planned.plan.shots
    # Each repeat would be bought.
    assert Results.read(folder.results).main.latency_seconds is None


def test_the_numbers_are_those_worked_out_by_hand(config, service: FakeBraket) -> None:
    console = quiet()
    planned = plan(config("backend=braket_sv1", "controls=none", "backend.dry_run=true"), console)
    # 7 + 2 + 3 rows; 2 inputs and 6 weights, shifted twice; 2 epochs. One circuit a task.
    forward, gradients = 2 * (7 + 2) + 3, 2 * 7 * 2 * (2 + 6)
    assert planned.plan.circuits == planned.plan.tasks == forward + gradients
    assert planned.gradient_circuits == gradients
    assert planned.angles == 2 * forward
    assert planned.plan.usd_at_most == pytest.approx((forward + gradients) * 0.075)
    text = said(console)
    assert "backend=braket_sv1" in text and "2 epochs of 2 steps" in text
    assert text.endswith("Planned only: nothing was sent, nothing was trained.\n")


def test_a_control_that_runs_there_is_in_the_plan(config, service: FakeBraket) -> None:
    only = [f"~controls.{name}" for name in ("logistic", "ridge", "rbf_svm", "gradient_boosting", "mlp")]
    words = ("backend=braket_qpu", "backend.dry_run=true", *only)
    both = plan(config(*words), quiet())
    assert [one.label for one in both.purchases] == ["hybrid", "separable twin"]
    assert both.plan.shots == 2 * both.purchases[0].whole.plans[0].shots


def test_a_budget_that_is_too_small_is_told_what_is_enough(
    config, service: FakeBraket, tmp_path: Path
) -> None:
    words = ("backend=braket_qpu", "controls=none", "backend.gradient=spsa")
    console = quiet()
    with pytest.raises(StudyError, match="whole training") as caught:
        train(config(*words), console)
    assert "Plan of the whole training with backend=braket_qpu" in said(console)
    assert bought(service) == (0, 0) and not (tmp_path / "runs").exists()
    enough = [word for word in str(caught.value).split() if word.startswith("backend.budget.")]
    offered = [word for word in enough if not word.endswith(("=0", "=0,"))]
    assert [word.partition("=")[0] for word in offered] == [
        f"backend.budget.{name}" for name in ("usd", "tasks", "shots")
    ]
    for number, word in enumerate(offered):  # one less is not enough
        key, _, value = word.partition("=")
        less = f"{key}={float(value) - 0.01:.2f}" if key.endswith("usd") else f"{key}={int(value) - 1}"
        short = [*offered[:number], less, *offered[number + 1 :]]
        with pytest.raises(StudyError, match=key):
            train(config(*words, *short), quiet())
    assert bought(service) == (0, 0)
    train(config(*words, *offered), quiet())
    tasks, shots = bought(service)
    assert [f"backend.budget.tasks={tasks}", f"backend.budget.shots={shots}"] == offered[1:]

    # The same training once more finds what was bought, and is let through.
    train(config(*words, *offered), quiet())
    assert bought(service) == (tasks, shots)
    # Another one is not: the budget is of the project.
    with pytest.raises(StudyError, match="Spent or reserved before"):
        train(config(*words, *offered, "seed=1"), quiet())


def test_zeros_are_not_trained_on(config, service: FakeBraket, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="zeros, which nothing can be trained on"):
        train(config("backend=braket_sv1", "controls=none", "backend.dry_run=true"), quiet())
    assert not (tmp_path / "runs").exists()


def test_what_sends_nothing_has_no_plan(config) -> None:
    with pytest.raises(StudyError, match="Nothing of this run is paid for"):
        plan(config("backend=braket_sv1", "model=logistic", "controls=none"), quiet())


def test_a_resumed_training_is_planned_and_let_through(
    config, service: FakeBraket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = ("backend=braket_qpu", "controls=none", "backend.gradient=spsa")
    whole = plan(config(*words, "backend.dry_run=true"), quiet()).plan
    enough = [f"backend.budget.{name}={value}" for name, value in vars(whole.amount).items()]

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("study.experiment.judge_all", stopped)
        with pytest.raises(KeyboardInterrupt):
            train(config(*words, *enough), quiet())
    [folder] = [path for path in (tmp_path / "runs").iterdir() if (path / "manifest.json").exists()]
    console = quiet()
    train(check(TRAIN, [f"resume={folder}"], None).config, console)
    assert "costs nothing more" in said(console)
    assert bought(service) == (whole.tasks, whole.shots)


@pytest.mark.parametrize(
    ("more", "expected"),
    [(("backend=braket_sv1",), "backend.region"), (("backend=braket_qpu",), "no credentials")],
    ids=["region", "credentials"],
)
def test_what_could_not_be_sent_is_not_begun(
    config, service: FakeBraket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, more, expected
) -> None:
    forget_aws(monkeypatch)
    with pytest.raises(QlayersError, match=expected):
        train(config(*more, *AMPLE, "controls=none"), quiet())
    assert not (tmp_path / "runs").exists()
