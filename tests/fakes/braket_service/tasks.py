"""A quantum task in the service: CREATED → QUEUED → RUNNING → COMPLETED or FAILED, CANCELLING → CANCELLED."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from tests.fakes.braket_service import compute
from tests.fakes.braket_service.compute import Measured
from tests.fakes.braket_service.devices import PROGRAM_SET, FakeDevice

OPEN = frozenset({"CREATED", "QUEUED", "RUNNING", "CANCELLING"})


@dataclass
class Executable:
    """One circuit with its numbers: a whole task, or one of a program set's."""

    program: int
    inputs_index: int
    source: str
    inputs: dict[str, float]


@dataclass
class Task:
    """One accepted task. Times are seconds of the fake clock; a task's course is a function of time."""

    arn: str
    number: int  # from 1, in the order of acceptance
    token: str
    region: str
    device: FakeDevice
    shots: int
    action: dict[str, Any]
    request: dict[str, Any]
    created: float
    created_s: float  # how long it stays CREATED
    queue_s: float
    run_s: float
    cancelling_s: float
    stops_when_running: bool  # does a cancellation stop a task that runs?
    seed: tuple[int, ...]
    failure: str | None = None
    result_late_s: float = 0.0
    cancelled: float | None = None  # when the cancellation was asked for
    ended: float | None = None
    status: str = "CREATED"
    measured: list[Measured] = field(default_factory=list)  # one per executable, once COMPLETED

    @property
    def starts(self) -> float:
        return self.created + self.created_s + self.queue_s

    @property
    def would_end(self) -> float:
        return self.starts + self.run_s

    @property
    def is_program_set(self) -> bool:
        return self.action["braketSchemaHeader"]["name"] == PROGRAM_SET

    @property
    def directory(self) -> str:
        return f"{self.request['outputS3KeyPrefix']}/{self.arn.rsplit('/', 1)[1]}"

    def executables(self) -> list[Executable]:
        return executables(self.action)

    @property
    def shots_each(self) -> int:
        return self.shots // len(self.executables())

    @property
    def work(self) -> str:
        """What is computed, in a few letters: two tasks of the same work buy the same thing."""
        text = json.dumps([self.device.arn, self.shots, self.action], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def ran_s(self) -> float:
        """Seconds on the device, up to the end or to a cancellation."""
        return max(0.0, (self.ended if self.ended is not None else self.starts) - self.starts)

    def proceed(self, now: float) -> bool:
        """Take the state that the task has `now`; whether it has come to its end just now."""
        if self.status not in OPEN:
            return False
        if self.cancelled is not None:
            # A cancellation that comes in time stops the task; a quantum computer that runs it already finishes.
            in_time = self.cancelled < self.starts or (
                self.stops_when_running and self.cancelled < self.would_end
            )
            if in_time:
                return self._at(
                    now, self.cancelled + self.cancelling_s, "CANCELLING", "CANCELLED", self.cancelled
                )
            return self._at(now, self.would_end, "CANCELLING", "FAILED" if self.failure else "COMPLETED")
        if now < self.created + self.created_s:
            self.status = "CREATED"
        elif now < self.starts:
            self.status = "QUEUED"
        else:
            return self._at(now, self.would_end, "RUNNING", "FAILED" if self.failure else "COMPLETED")
        return False

    def _at(self, now: float, when: float, before: str, after: str, stopped: float | None = None) -> bool:
        self.status = before if now < when else after
        if now < when:
            return False
        self.ended = when if stopped is None else stopped
        if after == "COMPLETED":
            self._compute()
        return True

    def _compute(self) -> None:
        try:
            for index, one in enumerate(self.executables()):
                rng = np.random.default_rng([*self.seed, index])
                self.measured.append(compute.run(one.source, one.inputs, self.shots_each, rng))
        except compute.CannotRunError as error:
            self.measured.clear()
            self.status, self.failure = "FAILED", str(error)

    def document(self, queue_info: bool) -> dict[str, Any]:
        """GetQuantumTask's answer."""
        known = {
            **self.summary(),
            "deviceParameters": self.request.get("deviceParameters", "{}"),
            "associations": self.request.get("associations", []),
            "actionMetadata": {"actionType": self.action["braketSchemaHeader"]["name"]},
        }
        if self.is_program_set:
            known["actionMetadata"]["programCount"] = len(self.action["programs"])
            known["actionMetadata"]["executableCount"] = len(self.executables())
        if self.failure and self.status == "FAILED":
            known["failureReason"] = self.failure
        if self.status == "COMPLETED":
            known["numSuccessfulShots"] = self.shots
        if queue_info:
            waiting = self.status in {"CREATED", "QUEUED"}
            info = {
                "queue": "QUANTUM_TASKS_QUEUE",
                "queuePriority": "Normal",
                "position": "1" if waiting else "None",
            }
            if not waiting:
                info["message"] = (
                    f"Task is in {self.status} status. AmazonBraket does not show queue position."
                )
            known["queueInfo"] = info
        return known

    def summary(self) -> dict[str, Any]:
        """A line of SearchQuantumTasks."""
        known = {
            "quantumTaskArn": self.arn,
            "status": self.status,
            "deviceArn": self.device.arn,
            "shots": self.shots,
            "outputS3Bucket": self.request["outputS3Bucket"],
            "outputS3Directory": self.directory,
            "createdAt": iso(self.created),
            "tags": self.request.get("tags", {}),
        }
        if self.ended is not None:
            known["endedAt"] = iso(self.ended)
        return known


def executables(action: dict[str, Any]) -> list[Executable]:
    if action["braketSchemaHeader"]["name"] != PROGRAM_SET:
        return [Executable(0, 0, action["source"], action.get("inputs") or {})]
    return [
        Executable(index, k, program["source"], {name: values[k] for name, values in inputs.items()})
        for index, program in enumerate(action["programs"])
        for inputs in [program.get("inputs") or {}]
        for k in range(len(next(iter(inputs.values()))) if inputs else 1)
    ]


def iso(seconds: float) -> str:
    """As results.json has it: YYYY-MM-DDTHH:mm:ss.sssZ."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
