"""Circuits as tasks: many in a program set where the device takes them, else one in each."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from braket.circuits import Circuit


@dataclass(frozen=True)
class Job:
    """One circuit that is to be run.

    Attributes:
        key: The digest of all that decides what is bought.
        circuit: In the SDK's form, measured.
        n_qubits: Qubits that are measured.
        shots: How often.
    """

    key: str
    circuit: Circuit
    n_qubits: int
    shots: int


def key_of(project: str, arn: str, source: str, shots: int, seed: int, occurrence: int) -> str:
    """The digest of all that decides what is bought.

    Args:
        project: Whose purchase it is.
        arn: The device's.
        source: The circuit with its parameters, in OpenQASM.
        shots: How often it is measured.
        seed: Which of several independent samples; the same seed finds what was bought.
        occurrence: How often this very circuit was asked for before, by the same device of PennyLane.
    """
    whole = json.dumps([project, arn, source, shots, seed, occurrence])
    return hashlib.sha256(whole.encode()).hexdigest()


def grouped(jobs: Sequence[Job], limits: tuple[int, int] | None) -> list[list[Job]]:
    """Circuits by task, in their order: those with equally many shots share program sets.

    Args:
        jobs: The circuits.
        limits: The most circuits and the most shots in a program set; None for tasks of one circuit.
    """
    if limits is None:
        return [[job] for job in jobs]
    by_shots: dict[int, list[Job]] = {}
    for job in jobs:
        by_shots.setdefault(job.shots, []).append(job)
    groups = []
    for shots, alike in by_shots.items():
        size = max(1, min(limits[0], limits[1] // shots))
        groups += [alike[first : first + size] for first in range(0, len(alike), size)]
    return groups


def request_of(arn: str, jobs: Sequence[Job], bucket: str) -> str:
    """CreateQuantumTask's arguments for these circuits, as the SDK makes them, as JSON.

    Without client token, tags and the results' folder, which are added when it is sent.
    """
    from braket.aws import AwsQuantumTask
    from braket.program_sets import ProgramSet

    recorder = _Recorder()
    specification: Any = jobs[0].circuit
    shots = jobs[0].shots
    if len(jobs) > 1:
        specification = ProgramSet([job.circuit for job in jobs], shots_per_executable=shots)
        shots *= len(jobs)
    AwsQuantumTask.create(recorder, arn, specification, (bucket, ""), shots, quiet=True)
    return json.dumps(recorder.arguments)


class _Recorder:
    """Takes the place of the SDK's session, and notes what would be sent."""

    def __init__(self) -> None:
        self.arguments: dict[str, Any] = {}

    def create_quantum_task(self, **arguments: Any) -> str:
        del arguments["outputS3KeyPrefix"]
        self.arguments = arguments
        return "arn:aws:braket:::quantum-task/not-sent"
