"""Whatever goes wrong, nothing is bought twice, and what is paid for is there; judged by the fake's bill."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from pennylane.tape import QuantumScript

from qlayers.braket.device import BraketDevice
from qlayers.braket.facts import known
from qlayers.braket.terms import Terms
from qlayers.spending import Budget, BudgetExceeded, Ledger, PriceList
from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.fixtures import forget_aws
from tests.qlayers.braket.faults import LedgerLine, Limits, Verdict, complaints, make_case, run_many

NAMES = {
    "garnet": "iqm_garnet",
    "cepheus": "rigetti_cepheus",
    "forte": "ionq_forte_enterprise",
    "sv1": "sv1",
    "dm1": "dm1",
}
PROJECT = "faults"


@pytest.fixture(autouse=True)
def _no_aws_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_aws(monkeypatch)


def client(
    service: FakeBraket, circuits: list[QuantumScript], budget: Limits, ledger_path: Path, seed: int
) -> Sequence[np.ndarray]:
    """One life of a process: a new device on the same ledger."""
    case = make_case(seed)
    name = NAMES[case.device.key]
    terms = Terms(
        facts=known(name),
        prices=PriceList().of_device(name),
        budget=Budget(budget.usd, budget.tasks, budget.shots),
        project=PROJECT,
        ledger=str(ledger_path),
        timeout_seconds=600.0,
        poll_seconds=5.0,
        program_sets=seed % 4 != 0,
        on_interrupt="cancel" if seed % 5 == 0 else "leave",
    )
    session = service.boto_session(case.device.region or "us-east-1")
    return BraketDevice(2, terms, boto_session=session).bitstrings(circuits)


def read(path: Path) -> dict[str, LedgerLine]:
    return {
        entry.arn: LedgerLine(
            entry.usd_predicted, entry.usd_at_most, entry.status == "COLLECTED", entry.usd_tracked
        )
        for entry in Ledger(path).entries()
        if entry.arn is not None
    }


def verdicts(seeds: range, folder: Path, *, long_pauses: bool = False) -> list[Verdict]:
    return run_many(seeds, client, read, folder, (BudgetExceeded,), long_pauses=long_pauses)


@pytest.mark.filterwarnings("ignore::qlayers.errors.ExecutionWarning")
@pytest.mark.parametrize("long_pauses", [False, True], ids=["tokens remembered", "tokens forgotten"])
def test_faults_cost_nothing(tmp_path: Path, long_pauses: bool) -> None:
    found = verdicts(range(30), tmp_path, long_pauses=long_pauses)
    assert not complaints(found), complaints(found)
    # That something went wrong at all:
    assert sum(verdict.kills for verdict in found) > 8
    assert sum(verdict.struck for verdict in found) > 30
    assert Counter(verdict.ended for verdict in found)["results"] > 10


@pytest.mark.slow
@pytest.mark.long
@pytest.mark.filterwarnings("ignore::qlayers.errors.ExecutionWarning")
@pytest.mark.parametrize("long_pauses", [False, True], ids=["tokens remembered", "tokens forgotten"])
@pytest.mark.parametrize("first", range(1000, 1500, 100))
def test_a_thousand_sequences_of_faults_cost_nothing(tmp_path: Path, first: int, long_pauses: bool) -> None:
    found = verdicts(range(first, first + 100), tmp_path, long_pauses=long_pauses)
    assert not complaints(found), complaints(found)
    assert all(verdict.ended in ("results", "refused") for verdict in found)
