"""On what terms tasks are bought."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from qlayers.braket.facts import DeviceFacts
from qlayers.braket.session import Patience
from qlayers.errors import ConfigurationError
from qlayers.spending.budget import Budget
from qlayers.spending.ledger import DEFAULT_PATH
from qlayers.spending.prices import Prices

Fallback = Literal["none", "simulator"]
OnInterrupt = Literal["ask", "cancel", "leave"]
IfSetRefused = Literal["error", "single"]

_CHOICES = {
    "fallback": ("none", "simulator"),
    "on_interrupt": ("ask", "cancel", "leave"),
    "if_set_refused": ("error", "single"),
}


@dataclass(frozen=True)
class Terms:
    """On what terms tasks are bought from one device.

    Attributes:
        facts: What is known of the device.
        prices: What it costs.
        budget: What the project may spend altogether.
        project: Whose budget and purchases these are, in the ledger.
        ledger: The ledger's file.
        region: Where the service is asked; None for that of the vendor's chain, and where that has none, the device's.
        bucket: For results; None for the SDK's default bucket.
        seed: Which of several independent samples: the same seed finds what was bought, another buys anew.
        program_sets: Whether circuits share tasks where the device takes that.
        if_set_refused: What to do when it does not take one after all: ``"error"``, or ``"single"`` tasks, within the
            budget and with a warning.
        fallback: What to do when the device cannot be had: ``"none"``, an error; or ``"simulator"``, the circuits run
            without noise on this machine, with a warning, counted in ``spent.fell_back``.
        repeat_failed: How often a failed task is bought anew, within the budget.
        seconds_at_most: What a task on a simulator is taken to need at the worst. That much is reserved, and a task
            that is seen to run for longer is cancelled.
        timeout_seconds: How long results are waited for.
        poll_seconds: Time between two questions for a task's state.
        on_interrupt: What to do with tasks that have not ended on Ctrl-C: ``"cancel"`` or ``"leave"`` them, or
            ``"ask"``, which leaves them where nobody can answer.
        dry_run: Whether nothing is to be sent: results are zeros, and ``spent.plan`` is what would have been bought.
        patience: With calls that fail.
        notes: What else the plan says.
    """

    facts: DeviceFacts
    prices: Prices
    budget: Budget = field(default_factory=Budget)
    project: str = "default"
    ledger: str = DEFAULT_PATH
    region: str | None = None
    bucket: str | None = None
    seed: int | None = 0
    program_sets: bool = True
    if_set_refused: str = "error"
    fallback: str = "none"
    repeat_failed: int = 0
    seconds_at_most: float = 60.0
    timeout_seconds: float = 432_000.0
    poll_seconds: float = 2.0
    on_interrupt: str = "ask"
    dry_run: bool = False
    patience: Patience = field(default_factory=Patience)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name, allowed in _CHOICES.items():
            if getattr(self, name) not in allowed:
                raise ConfigurationError(
                    f"backend.{name}={getattr(self, name)!r} is unknown. Available: {', '.join(allowed)}."
                )
        for name in ("seconds_at_most", "timeout_seconds", "poll_seconds"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value < float("inf"):
                raise ConfigurationError(f"backend.{name} must be a number above 0, but got {value!r}.")
        if (
            isinstance(self.repeat_failed, bool)
            or not isinstance(self.repeat_failed, int)
            or self.repeat_failed < 0
        ):
            raise ConfigurationError(
                f"backend.repeat_failed must be a whole number, 0 or more, but got {self.repeat_failed!r}."
            )
        if not isinstance(self.project, str) or not self.project:
            raise ConfigurationError(f"backend.project must be a name, but got {self.project!r}.")
        there = self.facts.region
        if self.region is not None and there not in (None, self.region):
            raise ConfigurationError(
                f"backend.region={self.region} is another region than that of {self.facts.name}. Set "
                f"backend.region={there}, or leave it out."
            )

    @property
    def set_limits(self) -> tuple[int, int] | None:
        """The most circuits and shots in a program set; None for single tasks."""
        return self.facts.program_sets if self.program_sets else None

    def price(self, shots: int) -> float:
        """What one task with so many shots is expected to cost."""
        if self.prices.by_the_minute:
            return self.prices.of_seconds(self.prices.minimum_seconds)
        return self.prices.of_shots(1, shots)

    def price_at_most(self, shots: int) -> float:
        """What it costs at the worst."""
        if self.prices.by_the_minute:
            return self.prices.of_seconds(self.seconds_at_most)
        return self.prices.of_shots(1, shots)
