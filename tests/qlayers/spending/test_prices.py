"""Prices against hand-worked numbers, the dated list, and the file in conf/."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.spending import PriceList, Prices

CONF = Path(__file__).resolve().parents[3] / "conf" / "pricing" / "braket.yaml"


@pytest.mark.parametrize(
    ("device", "tasks", "shots", "usd"),
    [
        ("iqm_garnet", 1, 1000, 1.75),  # 0.30 + 1000 × 0.00145
        ("iqm_emerald", 2, 1000, 2.2),  # 2 × 0.30 + 1000 × 0.0016
        ("rigetti_cepheus", 1, 4000, 2.0),  # 0.30 + 4000 × 0.000425
        ("ionq_forte", 1, 100, 8.3),
        ("ionq_forte_enterprise", 3, 300, 24.9),
        ("aqt_ibex_q1", 1, 200, 5.0),
    ],
)
def test_a_computer_bills_tasks_and_shots(device: str, tasks: int, shots: int, usd: float) -> None:
    assert PriceList().of_device(device).of_shots(tasks, shots) == usd
    assert PriceList().of_device(device).of_seconds(100) == 0


@pytest.mark.parametrize("device", ["sv1", "dm1"])
def test_a_simulator_bills_seconds_three_at_least(device: str) -> None:
    prices = PriceList().of_device(device)
    assert prices.by_the_minute
    assert prices.of_seconds(60) == 0.075
    assert prices.of_seconds(0.2) == prices.of_seconds(3) == 0.00375
    assert prices.of_seconds(4.5) == 0.005625
    assert prices.of_shots(1, 1000) == 0


def test_the_file_says_what_the_class_says() -> None:
    assert PriceList.of(yaml.safe_load(CONF.read_text())) == PriceList()


def test_a_stale_price_warns_and_a_fresh_one_does_not(recwarn: pytest.WarningsRecorder) -> None:
    prices = PriceList(as_of="2026-01-01", stale_after_days=30)
    prices.of_device("sv1", datetime.date(2026, 1, 31))
    assert not recwarn
    with pytest.warns(ExecutionWarning, match="sv1 is of 2026-01-01, 31 days ago"):
        prices.of_device("sv1", datetime.date(2026, 2, 1))


def test_one_devices_price_has_a_date_of_its_own() -> None:
    prices = PriceList.of(
        {"as_of": "2020-01-01", "devices": {"mine": {"per_shot": 0.1, "as_of": "2026-02-01"}}}
    )
    assert prices.of_device("mine", datetime.date(2026, 2, 2)) == Prices(0.3, 0.1, as_of="2026-02-01")


def test_a_reservation_has_a_price_of_its_own() -> None:
    prices = PriceList(devices={"mine": {"per_shot": 0.1, "per_hour": 7000}}).of_device("mine")
    assert prices.per_hour == 7000
    assert prices.of_shots(1, 10) == 1.3  # not in it


@pytest.mark.parametrize(
    ("value", "words"),
    [
        ({"per_taks": 1}, "pricing.per_taks is unknown"),
        ({"devices": {"mine": {"per_shoot": 1}}}, "pricing.devices.mine.per_shoot is unknown"),
        ({"devices": {"mine": {"per_shot": -1}}}, "per_shot must be a number, 0 or more"),
        ({"devices": {"mine": {"per_shot": "1e-3"}}}, "per_shot must be a number, 0 or more"),
        ({"as_of": "yesterday"}, "as_of must be a day"),
    ],
)
def test_a_list_that_makes_no_sense_is_refused(value: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigurationError, match=words):
        PriceList.of(value)


def test_what_has_no_price_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"no price of new_machine.*pricing\.devices\.new_machine"):
        PriceList().of_device("new_machine")
