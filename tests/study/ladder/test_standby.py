"""A rung whose device gives no answers is answered by a classical model, if it says so: visible in every row."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from qlayers.spending import Ledger
from study.config.check import check
from study.config.rules import EVALUATE
from study.errors import StudyError
from study.ladder.evaluation import run_evaluation
from study.run.folder import RunFolder
from study.run.stored import read_json
from study.terminal import Terminal
from tests.fakes.braket_service import FakeBraket, faults
from tests.fakes.braket_service.devices import GARNET
from tests.study.ladder.conftest import Evaluated, trained

Evaluate = Callable[..., Evaluated]

CONTROLS = (
    "+model@controls.logistic=logistic",
    "+model@controls.k_nearest=k_nearest",
    "+model@controls.twin=hybrid",
)
LADDER = """# Exact values and a quantum computer.
defaults:
  - /backend@rungs.exact.backend: auto
  - /backend@rungs.again.backend: default_qubit
  - /backend@rungs.garnet_qpu.backend: braket_qpu
  - /backend@curve.backend: shots
  - /backend@scorecard.backend: braket_qpu
  - _self_
name: small
reference: exact
rungs:
  exact:
    dry_run: false
  again:
    fallback: none
  garnet_qpu:
    label: IQM Garnet
    dry_run: false
    fallback: logistic
    backend:
      shots: 100
      timeout_seconds: 600
      budget:
        usd: 50
        tasks: 20
        shots: 100000
drift:
  circuits: 2
curve:
  shots: []
  repeats: 1
scorecard:
  computers: []
"""


@pytest.fixture(scope="module")
def ladders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("conf")
    (folder / "ladder").mkdir()
    (folder / "ladder" / "small.yaml").write_text(LADDER)
    return folder


@pytest.fixture(scope="session")
def kept_run_with_controls(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(tmp_path_factory.mktemp("runs"), *CONTROLS, "trainer.max_epochs=1")


@pytest.fixture
def run(kept_run_with_controls: RunFolder, tmp_path: Path) -> RunFolder:
    path = tmp_path / kept_run_with_controls.path.name
    shutil.copytree(kept_run_with_controls.path, path)
    return RunFolder(path)


@pytest.fixture
def climb(evaluate: Evaluate, tmp_path: Path) -> Evaluate:
    """Evaluates with a rung on Garnet and a ledger of the test's own."""
    ledger = f"ladder.rungs.garnet_qpu.backend.ledger={tmp_path / 'ledger.sqlite'}"
    return lambda *lines, **options: evaluate(ledger, *lines, **options)


def garnet(folder: Path) -> dict:
    rungs = read_json(folder / "ladder.json")["rungs"]
    return next(one for one in rungs if one["record"]["name"] == "garnet_qpu")


def test_a_device_that_answers_is_said_in_every_row(climb: Evaluate, service: FakeBraket) -> None:
    code, printed, folder = climb()
    assert code == 0
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["device"] * 12
    assert [name for name in rows if name.endswith("answered_by")] == ["garnet_qpu.answered_by"]
    assert garnet(folder)["record"]["answered_classically"] == 0
    assert "classical" not in printed


def test_an_offline_device_is_stood_in_for(
    climb: Evaluate, service: FakeBraket, run: RunFolder, tmp_path: Path
) -> None:
    service.devices[GARNET.arn].status = "OFFLINE"
    code, printed, folder = climb(pages=True)
    assert code == 0
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["classical: logistic"] * 12
    stored = pd.read_parquet(run.predictions).set_index("row").loc[rows["row"]]
    for column in ("prediction", "probability.0", "probability.1"):
        there, kept = rows[f"garnet_qpu.{column}"].to_numpy(), stored[f"logistic.{column}"].to_numpy()
        assert (there == kept).all()
    assert not np.allclose(rows["garnet_qpu.probability.1"], rows["exact.probability.1"])
    assert service.billed_usd == 0 and not service.tasks

    found = garnet(folder)
    assert found["record"]["status"] == "classical"
    assert found["record"]["failure"]["kind"] == "offline"
    hits = rows["garnet_qpu.prediction"].astype(str) == rows["target"].astype(str)
    assert found["metrics"]["accuracy"]["value"] == pytest.approx(hits.mean())
    # Nothing is said of what the machine loses.
    assert found["differences"] == {} and found["circuits"] is None and found["error"] is None

    # Terminal, table, page: the number of rows, and a mark at the metric.
    assert "IQM Garnet: no answers (offline), 12 rows answered by classical: logistic, $0" in printed
    (line,) = [line for line in printed.splitlines() if "IQM Garnet (12 rows classical)" in line]
    assert "†" in line
    assert (
        "† IQM Garnet is no hardware result: 12 of 12 rows were answered by the run's classical model"
        in printed
    )
    table = pd.read_csv(folder / "ladder.csv").set_index("rung").loc["garnet_qpu"]
    assert (table["status"], table["answered_by"], table["answered_classically"]) == (
        "classical",
        "classical: logistic",
        12,
    )
    for page in ("evaluation.html", "evaluation.md"):
        text = (folder / page).read_text()
        assert "IQM Garnet (12 rows classical)" in text and "IQM Garnet is no hardware result" in text
    assert (
        read_json(folder / "evaluation.json")["rungs"]["garnet_qpu"]["answered_by"] == "classical: logistic"
    )

    # The same command asks the device again, and has its answers now.
    service.devices[GARNET.arn].status = "ONLINE"
    code, printed, again = climb()
    assert (code, again) == (0, folder)
    assert "1 rung to climb, 2 climbed already" in printed
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["device"] * 12
    assert garnet(folder)["differences"]


def test_what_was_bought_before_a_task_failed_stays(
    climb: Evaluate, service: FakeBraket, tmp_path: Path
) -> None:
    """Start of the drift check, 12 rows, end of the drift check: one program set each. The second fails."""
    service.faults.of_task(2, faults.Fails())
    code, printed, folder = climb()
    assert code == 0
    assert "12 rows answered by classical: logistic, at most $2.63" in printed
    record = garnet(folder)["record"]
    assert record["status"] == "classical"
    ledger = Ledger(tmp_path / "ledger.sqlite")
    states = [entry.status for entry in ledger.entries()]
    assert sorted(states) == ["COLLECTED", "FAILED"]
    bought = 0.3 + 2 * 100 * 0.00145
    assert float(service.billed_usd) == pytest.approx(bought)
    # A task that failed counts as it was reserved: whether it is billed, only the bill says.
    reserved = bought + 0.3 + 12 * 100 * 0.00145
    assert record["execution"]["usd"] == pytest.approx(reserved)
    assert record["execution"]["tasks"] == 2
    assert record["execution"]["failures"]
    assert pd.read_csv(folder / "ladder.csv").set_index("rung").loc["garnet_qpu", "usd"] == pytest.approx(
        reserved
    )
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["classical: logistic"] * 12
    # Asked again, the device sells what failed, and nothing a second time.
    _, _, folder = climb()
    assert garnet(folder)["record"]["status"] == "climbed"
    # Start, rows, end; and the one that failed. The start was not bought again.
    assert len(service.bill) == 3
    assert len(service.tasks) == 4


def test_a_task_that_takes_too_long_is_collected_next_time(climb: Evaluate, service: FakeBraket) -> None:
    service.faults.of_task(1, faults.StuckInQueue(5000.0))
    code, _, folder = climb()
    assert (code, garnet(folder)["record"]["status"]) == (0, "classical")
    service.clock.advance(5000.0)
    _, _, folder = climb()
    assert garnet(folder)["record"]["answered_by"] == "device"
    assert len(service.tasks) == len(service.bill) == 3


def test_without_the_policy_the_rung_fails(climb: Evaluate, service: FakeBraket) -> None:
    service.devices[GARNET.arn].status = "OFFLINE"
    code, _, folder = climb("ladder.rungs.garnet_qpu.fallback=none")
    assert code == 3
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert not [name for name in rows if name.startswith("garnet_qpu")]


def test_what_is_no_want_of_answers_fails_in_spite_of_it(climb: Evaluate, service: FakeBraket) -> None:
    service.faults.at_call("CreateQuantumTask", 1, faults.AccessDenied())
    code, printed, folder = climb()
    assert code == 3
    assert "failed (credentials)" in printed
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["nobody"] * 12
    assert "garnet_qpu.prediction" not in rows


def test_a_plan_is_answered_by_nobody(climb: Evaluate, service: FakeBraket) -> None:
    _, _, folder = climb("ladder.rungs.garnet_qpu.dry_run=true")
    rows = pd.read_parquet(folder / "predictions.parquet")
    assert rows["garnet_qpu.answered_by"].tolist() == ["nobody"] * 12
    assert not service.tasks


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            ["ladder.rungs.garnet_qpu.fallback=logistic_regression"],
            r"garnet_qpu\.fallback=logistic_regression is no classical model of the run.*Nearest: logistic\. It has "
            r"logistic, k_nearest",
        ),
        (
            ["ladder.rungs.garnet_qpu.fallback=twin"],
            r"fallback=twin is no classical model.*It has logistic, k_nearest;",
        ),
        (["ladder.rungs.garnet_qpu.fallback=hybrid"], r"fallback=hybrid is no classical model"),
        (["ladder.rungs.again.fallback=logistic"], r"rungs\.again\.fallback=logistic would change nothing"),
        (["ladder.reference=garnet_qpu"], r"the other rungs are compared with garnet_qpu"),
        (["ladder.rungs.garnet_qpu.backend.fallback=simulator"], r"two answers to the same question"),
        (["ladder.rungs.garnet_qpu.fallback=null"], r"garnet_qpu\.fallback must be .* but is null"),
    ],
)
def test_refused_before_any_work(
    lines: list[str], message: str, climb: Evaluate, service: FakeBraket, run: RunFolder
) -> None:
    with pytest.raises(StudyError, match=message):
        climb(*lines)
    assert not (run.path / "evaluations").exists()
    assert not service.tasks


def test_a_run_without_controls_has_none(service: FakeBraket, kept_run: RunFolder, ladders: Path) -> None:
    words = [f"run={kept_run.path}", "ladder=small", "rows=12"]
    with pytest.raises(StudyError, match=r"no classical model that was stored.*train a run with controls"):
        run_evaluation(check(EVALUATE, words, str(ladders)).config, Terminal(file=io.StringIO()))
