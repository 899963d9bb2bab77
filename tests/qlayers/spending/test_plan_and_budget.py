"""Plans, the shots that an error needs, and what a budget lets through."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from qlayers.errors import ConfigurationError
from qlayers.spending import Budget, BudgetExceeded, Plan, shots_for
from qlayers.spending.budget import Amount


def test_shots_for_an_error_have_that_error() -> None:
    shots = shots_for(0.02)
    assert shots == 2500
    means = np.random.default_rng(1).choice([-1, 1], size=(4000, shots)).mean(axis=1)
    # The spread of 4000 spreads is known to 1/√8000 = 1.1 %.
    assert means.std() == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("wrong", [0, -1, "0.1", True, float("inf")])
def test_an_error_is_a_positive_number(wrong: Any) -> None:
    with pytest.raises(ConfigurationError, match="standard_error must be a number above 0"):
        shots_for(wrong)


def plan(**more: Any) -> Plan:
    values = {"device": "x", "circuits": 3, "tasks": 1, "shots": 300, "usd": 0.735, "usd_at_most": 0.735}
    return Plan(**{**values, **more})


def test_plans_add_up() -> None:
    both = plan(circuit_depth=5, two_qubit_gates=2, estimated_fidelity=0.9, seconds=3.0, notes=("a",)) + plan(
        circuit_depth=7, two_qubit_gates=1, estimated_fidelity=0.8, seconds=4.0, notes=("a", "b")
    )
    assert (both.circuits, both.tasks, both.shots, both.usd) == (6, 2, 600, 1.47)
    assert (both.circuit_depth, both.two_qubit_gates, both.estimated_fidelity) == (7, 2, 0.8)
    assert both.seconds == 7.0
    assert both.notes == ("a", "b")
    assert (plan(seconds=1.0) + plan()).seconds is None


def test_a_plan_can_be_read() -> None:
    text = str(
        plan(program_sets=1, usd_at_most=2.0, usd_per_hour=7000.0, seconds=90, queue="3 tasks in the queue now",
             circuit_depth=5, two_qubit_gates=2, estimated_fidelity=0.912, cached=4, prices_as_of="2026-05-06")
    )  # fmt: skip
    for words in (
        "Plan for x",
        "circuits     3, 4 more bought before",
        "tasks        1, 1 of them program sets",
        "price        $0.7350 expected, $2.0000 at most, prices of 2026-05-06",
        "reservation  $7,000.00 an hour",
        "time         about 1.5 min, 3 tasks in the queue now",
        "on device    depth 5, 2 two-qubit gates, fidelity about 0.912",
    ):
        assert words in text


@pytest.mark.parametrize(
    ("budget", "spent", "passed"),
    [
        (Budget(1.0, 2, 200), Amount(), []),
        (Budget(1.0, 2, 200), Amount(0.5, 1, 100), []),
        (Budget(None, None, None), Amount(1e6, 10**6, 10**9), []),
        (Budget(0.99, 3, 300), Amount(0.5, 1, 100), ["usd"]),
        (Budget(2, 1, 300), Amount(0.5, 1, 100), ["tasks"]),
        (Budget(2, 3, 199), Amount(0.5, 1, 100), ["shots"]),
        (Budget(), Amount(), ["usd", "tasks", "shots"]),
    ],
)
def test_a_budget_lets_through_what_fits(budget: Budget, spent: Amount, passed: list[str]) -> None:
    wanted = Amount(0.5, 1, 100)
    if not passed:
        budget.check(spent, wanted)
        return
    with pytest.raises(BudgetExceeded) as caught:
        budget.check(spent, wanted, "the plan")
    first, _, second = str(caught.value).partition("To allow it: ")
    for name in ("usd", "tasks", "shots"):
        assert (f"budget.{name}=" in first) == (name in passed)
        assert (f"budget.{name}=" in second) == (name in passed)
    assert second.endswith("the plan")


def test_what_the_message_asks_for_is_enough() -> None:
    with pytest.raises(
        BudgetExceeded,
        match=r"backend\.budget\.usd=1\.24 backend\.budget\.tasks=2 backend\.budget\.shots=200",
    ):
        Budget().check(Amount(0.5, 1, 100), Amount(0.735, 1, 100))
    Budget(1.24, 2, 200).check(Amount(0.5, 1, 100), Amount(0.735, 1, 100))


def test_floating_point_spends_nothing() -> None:
    Budget(0.3, 10, 10).check(Amount(0.1 + 0.1, 2, 2), Amount(0.1, 1, 1))  # 0.30000000000000004


@pytest.mark.parametrize("wrong", [{"usd": -1}, {"usd": "5"}, {"tasks": 1.5}, {"shots": True}, {"euro": 1}])
def test_a_budget_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=r"budget\."):
        Budget.of(wrong)
