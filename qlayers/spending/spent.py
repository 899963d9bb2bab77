"""What a device has spent since it was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlayers.spending.plan import Plan
from qlayers.spending.prices import dollars


@dataclass
class Spent:
    """What a device has spent since it was made.

    Attributes:
        cached: Circuits whose results had been bought before, and cost nothing.
        circuits: Circuits that were bought.
        shots: Their shots.
        fell_back: Circuits that were run on a simulator of this machine instead, by ``fallback="simulator"``.
        failures: Tasks that failed, were cancelled or not accepted, by kind.
        queue_seconds: Time that tasks waited, as far as polling tells.
        run_seconds: Time that they ran.
        plan: What was planned altogether, whether it was sent or not; None before the first call.
    """

    cached: int = 0
    circuits: int = 0
    shots: int = 0
    fell_back: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    plan: Plan | None = None
    _usd: dict[str, float] = field(default_factory=dict, repr=False)

    @property
    def tasks(self) -> int:
        """Tasks that were sent, or that were sent by an earlier run and collected by this one."""
        return len(self._usd)

    @property
    def usd(self) -> float:
        """What they cost; for tasks that have not ended or have failed, what was reserved."""
        return dollars(sum(self._usd.values()))

    def note_task(self, token: str, usd: float) -> None:
        """Count a task, or correct what it costs."""
        self._usd[token] = usd

    def add_plan(self, plan: Plan) -> None:
        """Count what is planned, whether it is sent or not."""
        self.plan = plan if self.plan is None else self.plan + plan

    def add_failure(self, kind: str) -> None:
        """Count a failed task."""
        self.failures[kind] = self.failures.get(kind, 0) + 1
