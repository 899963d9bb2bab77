"""A fake Amazon Braket, and its credentials where boto3 looks for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from qlayers.braket.device import BraketDevice
from qlayers.braket.facts import known
from qlayers.braket.terms import Terms
from qlayers.spending import Budget, Ledger, PriceList
from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.fixtures import service_in_place

AMPLE = Budget(1000, 1000, 10**7)


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBraket]:
    """What every AWS session talks to; Python's time is its clock's."""
    with service_in_place(monkeypatch) as fake:
        yield fake


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "ledger.sqlite")


@pytest.fixture
def device(service: FakeBraket, ledger: Ledger) -> Callable[..., BraketDevice]:
    """Makes a device of two wires on the ledger: one life of a process."""

    def make(name: str = "iqm_garnet", wires: int = 2, **terms: Any) -> BraketDevice:
        facts = known(name)
        given = {
            "budget": AMPLE,
            "ledger": str(ledger.path),
            "timeout_seconds": 600.0,
            "on_interrupt": "leave",
        }
        prices = terms.pop("prices", None) or PriceList().of_device(name)
        if facts.is_simulator:
            given["region"] = "us-east-1"
        return BraketDevice(wires, Terms(facts=facts, prices=prices, **{**given, **terms}))

    return make
