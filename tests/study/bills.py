"""What a plan announced and what the fake service billed, for tests that hold one against the other."""

from __future__ import annotations

import re

from tests.fakes.braket_service import FakeBraket

AMPLE = ("backend.budget.usd=null", "backend.budget.tasks=null", "backend.budget.shots=null")


def bought(service: FakeBraket) -> tuple[int, int]:
    """Tasks and shots, by the service's own record."""
    return len(service.bill), sum(line.shots for line in service.bill)


def planned(said: str) -> tuple[int, int]:
    """Tasks and shots of the one plan that was printed."""
    [tasks] = re.findall(r"^  tasks +(\d+)", said, re.M)
    [shots] = re.findall(r"^  shots +(\d+)", said, re.M)
    return int(tasks), int(shots)
