"""What a device has spent since it was made."""

from __future__ import annotations

from dataclasses import dataclass, field

from qlayers.spending.plan import Plan


@dataclass
class Spent:
    """What a device has spent since it was made.

    Attributes:
        tasks: Tasks that it sent.
        usd: What they cost; for tasks that have not ended, what was reserved.
        cached: Circuits whose results had been bought before, and cost nothing.
        circuits: Circuits that were bought.
        shots: Their shots.
        fell_back: Circuits that were run on a simulator of this machine instead, by ``fallback="simulator"``.
        failures: Tasks that failed or were cancelled, by kind.
        queue_seconds: Time that tasks waited, as far as the service tells.
        run_seconds: Time that they ran.
        plan: What was planned altogether, whether it was sent or not; None before the first call.
    """

    tasks: int = 0
    usd: float = 0.0
    cached: int = 0
    circuits: int = 0
    shots: int = 0
    fell_back: int = 0
    failures: dict[str, int] = field(default_factory=dict)
    queue_seconds: float = 0.0
    run_seconds: float = 0.0
    plan: Plan | None = None

    def add_plan(self, plan: Plan) -> None:
        """Count what is planned, whether it is sent or not."""
        self.plan = plan if self.plan is None else self.plan + plan

    def add_failure(self, kind: str) -> None:
        """Count a failed task."""
        self.failures[kind] = self.failures.get(kind, 0) + 1
