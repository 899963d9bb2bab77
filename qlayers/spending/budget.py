"""What may be spent."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from qlayers.errors import ConfigurationError

_ROUNDING = 1e-9  # dollars; see prices.dollars


class BudgetExceeded(ConfigurationError):  # noqa: N818 - the name says it
    """What was asked for would cost more than the budget. Nothing of it was sent."""


@dataclass(frozen=True)
class Amount:
    """What was, or would be, spent.

    Attributes:
        usd: US dollars, at the worst where that is not known yet.
        tasks: Tasks sent.
        shots: Shots of all their circuits.
    """

    usd: float = 0.0
    tasks: int = 0
    shots: int = 0

    def __add__(self, other: Amount) -> Amount:
        return Amount(self.usd + other.usd, self.tasks + other.tasks, self.shots + other.shots)


@dataclass(frozen=True)
class Budget:
    """What a project may spend altogether, what it has spent before included.

    With the defaults nothing is sent: what may be spent needs explicit numbers.

    Attributes:
        usd: US dollars; None for no limit.
        tasks: Tasks; None for no limit.
        shots: Shots of all tasks; None for no limit.

    Raises:
        ConfigurationError: A limit is no number, or negative.
    """

    usd: float | None = 0.0
    tasks: int | None = 0
    shots: int | None = 0

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            kinds = int | float if item.name == "usd" else int
            if value is None:
                continue
            if isinstance(value, bool) or not isinstance(value, kinds) or not 0 <= value < math.inf:
                kind = "a number" if item.name == "usd" else "a whole number"
                raise ConfigurationError(
                    f"backend.budget.{item.name} must be {kind}, 0 or more, or null for no limit, but got {value!r}."
                )

    @classmethod
    def of(cls, value: Budget | Mapping[str, Any] | None) -> Budget:
        """A budget from plain values; limits left out are 0."""
        if isinstance(value, Budget):
            return value
        given = dict(value or {})
        unknown = sorted(set(given) - {item.name for item in fields(cls)})
        if unknown:
            raise ConfigurationError(
                f"backend.budget.{unknown[0]} is unknown. A budget has: usd, tasks, shots."
            )
        return cls(**given)

    def check(self, spent: Amount, wanted: Amount, what: str = "") -> None:
        """Refuse what does not fit.

        Args:
            spent: What was spent, and what is reserved for tasks whose price is not known yet.
            wanted: What is to be sent.
            what: The plan, which goes into the message.

        Raises:
            BudgetExceeded: It does not fit; the message names every limit that it passes, and the plan.
        """
        total = spent + wanted
        passed = []
        for name, limit, rounding in (
            ("usd", self.usd, _ROUNDING),
            ("tasks", self.tasks, 0),
            ("shots", self.shots, 0),
        ):
            if limit is not None and getattr(total, name) > limit + rounding:
                passed.append(name)
        if not passed:
            return
        limits = ", ".join(f"backend.budget.{name}={_written(getattr(self, name))}" for name in passed)
        before = "Nothing was spent before"
        if spent != Amount():
            before = f"Spent or reserved before: {_amount(spent)}"
        enough = " ".join(
            f"backend.budget.{name}={_written(_rounded_up(name, getattr(total, name)))}" for name in passed
        )
        plan = f"\n{what}" if what else ""
        raise BudgetExceeded(
            f"Not sent: this needs up to {_amount(wanted)}, which is more than {limits} "
            f"{'allows' if len(passed) == 1 else 'allow'}. {before}. To allow it: {enough} (null: no limit).{plan}"
        )


def _amount(amount: Amount) -> str:
    tasks = f"{amount.tasks} task" + ("" if amount.tasks == 1 else "s")
    return f"${_rounded_up('usd', amount.usd):.2f} in {tasks} with {amount.shots} shots"


def _rounded_up(name: str, value: float) -> float:
    return math.ceil(round(value * 100, 6)) / 100 if name == "usd" else value


def _written(value: float | None) -> str:
    return "null" if value is None else f"{value:.12g}" if isinstance(value, float) else str(value)
