"""What the service bills: its own record, by which clients are judged.

A task on a quantum computer is billed when it is COMPLETED: one task fee and its shots; a program set is one task,
whose shots are those of all its executables. FAILED and CANCELLED tasks on a quantum computer cost nothing: so
counts the SDK's cost tracker (`braket.tracking.tracker`, `_get_qpu_task_cost`: no cost in those states, otherwise
one task fee and `details["shots"]` shots, which for a program set are its total shots).
A task on a managed simulator is billed for the time it ran, three seconds at least (the tracker's
`MIN_SIMULATOR_DURATION`), when it is COMPLETED. Assumed, and harsher than the tracker: one that fails or is
cancelled while it runs is billed for its time too; one that never ran costs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

from tests.fakes.braket_service import prices

if TYPE_CHECKING:
    from tests.fakes.braket_service.tasks import Task


@dataclass(frozen=True)
class Line:
    """One billed task."""

    arn: str
    token: str
    device: str  # ARN
    shots: int  # of all executables together
    seconds: float  # on the device; billed on simulators only
    usd: Decimal


def line(task: Task) -> Line | None:
    """What a task that has come to its end costs, None for nothing."""
    seconds = task.ran_s()
    if task.device.kind == "QPU":
        if task.status != "COMPLETED":
            return None
        usd = prices.qpu_usd(task.device.key, task.shots)
    else:
        if not seconds:
            return None
        usd = prices.simulator_usd(task.device.key, seconds)
    return Line(task.arn, task.token, task.device.arn, task.shots, seconds, usd)


def at_most(task: Task) -> Decimal:
    """The most that an open task can still cost, its real run time known to the service alone."""
    if task.device.kind == "QPU":
        return prices.qpu_usd(task.device.key, task.shots)
    return prices.simulator_usd(task.device.key, task.run_s)
