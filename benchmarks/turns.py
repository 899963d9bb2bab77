"""All sides on one problem: first whether they compute the same, then their times, in turns."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from client import Client, SideError
from problems import Problem
from sides import OURS, Side

TOLERANCE = 2e-4
"""Of outputs and gradients in float32, in units of the largest of each, or of 1 where that is smaller."""
LEAST_STEPS = 3
SETTLE = 0.05
"""Seconds between turns, in which the threads of the side before go to sleep."""

Tell = Callable[[str], None]


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes:
        turns: How often each side comes.
        steps: A turn.
        seconds: A side's steps at one size together; when they are over it has no more turns, but it has three steps.
        limit: Seconds within which a side must have built, compiled and taken its first step, or be left out.
    """

    turns: int = 12
    steps: int = 5
    seconds: float = 20.0
    limit: float = 600.0


QUICK = Effort(turns=4, steps=5, seconds=2.0, limit=300.0)


@dataclass
class Measured:
    """One side at one size.

    Attributes:
        side: Which.
        seconds: Of each step.
        first: Seconds of building, compiling and the first step.
        failure: Why it is left out; None if it is not.
    """

    side: Side
    seconds: list[float] = field(default_factory=list)
    first: float | None = None
    failure: str | None = None

    @property
    def median(self) -> float | None:
        """Seconds a step; None if it was left out."""
        return statistics.median(self.seconds) if self.seconds and self.failure is None else None


@dataclass
class Party:
    """The sides that take part, each in its process, which is started anew after it had to be ended."""

    clients: list[Client]
    versions: dict[str, str] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)

    def introduce(self, tell: Tell) -> None:
        """Wait for all of them; who cannot even start is left out from here on, and the tables say so."""
        for client in self.clients:
            client.say_hello()
        for client in self.clients:
            try:
                answer = client.hear_hello()
                self._take_up({"Python": answer["python"], **answer["versions"]})
            except SideError as error:
                self.failures[client.side.name] = f"cannot be run: {error}"
                tell(f"{client.side.label} cannot be run: {error}")
        if OURS.name in self.failures:
            raise SideError(f"QuantumLayer {self.failures[OURS.name]}")

    def _take_up(self, versions: dict[str, str]) -> None:
        for name, version in versions.items():
            known = self.versions.setdefault(name, version)
            if known != version:
                self.versions[f"{name} of the peers"] = version

    def measure(
        self, problem: Problem, effort: Effort, tell: Tell, only: Sequence[str] | None = None
    ) -> list[Measured]:
        """Time those that run this circuit, in turns.

        Args:
            problem: What to run.
            effort: How long.
            tell: Is told what goes on.
            only: Names of sides; all when None. QuantumLayer takes part in any case.

        Raises:
            SideError: If QuantumLayer itself fails, or a side computes something else than it does.
        """
        taking_part = [client for client in self.clients if self._takes_part(client.side, problem, only)]
        found = {client.side.name: Measured(client.side) for client in taking_part}
        reference: dict[str, Any] | None = None
        for number, client in enumerate(taking_part):
            measured = found[client.side.name]
            if client.side.name in self.failures:
                measured.failure = self.failures[client.side.name]
                continue
            if not client.is_alive:
                client = self._replace(client)
                taking_part[number] = client
            tell(f"{problem.circuit} {problem.size}: {client.side.label} builds")
            try:
                answer = client.ask("prepare", effort.limit, problem)
            except SideError as error:
                if client.side is OURS:
                    raise SideError(f"QuantumLayer at {problem.size}: {error}") from error
                measured.failure = str(error)
                tell(f"{client.side.label} is left out at {problem.size}: {error}")
                continue
            measured.first = answer["first_seconds"]
            reference = reference or answer
            if client.side.computes_same:
                check_same(client.side.label, problem, reference, answer)
        tell(f"{problem.circuit} {problem.size}: timing")
        for _ in range(effort.turns):
            for client in taking_part:
                self._time(client, found[client.side.name], effort)
        return list(found.values())

    def _time(self, client: Client, measured: Measured, effort: Effort) -> None:
        left = effort.seconds - sum(measured.seconds)
        if measured.failure is not None or (left <= 0 and len(measured.seconds) >= LEAST_STEPS):
            return
        time.sleep(SETTLE)
        share = effort.seconds / effort.turns
        try:
            answer = client.ask("time", effort.limit, steps=effort.steps, budget=min(share, left))
            measured.seconds += answer["seconds"]
        except SideError as error:
            measured.failure = str(error)

    def _takes_part(self, side: Side, problem: Problem, only: Sequence[str] | None) -> bool:
        wanted = only is None or side is OURS or side.name in only
        return wanted and problem.circuit in side.circuits

    def _replace(self, client: Client) -> Client:
        client.close()
        fresh = Client(client.side)
        self.clients[self.clients.index(client)] = fresh
        return fresh


def check_same(label: str, problem: Problem, reference: dict[str, Any], answer: dict[str, Any]) -> None:
    """Compare outputs and gradients with QuantumLayer's.

    Raises:
        SideError: If they differ: a side that computes something else must not be timed.
    """
    for what in ("outputs", "by_inputs", "by_weights"):
        wanted, got = np.array(reference[what]), np.array(answer[what])
        if wanted.shape != got.shape:
            raise SideError(
                f"{label} computes something else than QuantumLayer at {problem.circuit} {problem.size}: {what} has "
                f"the shape {got.shape} instead of {wanted.shape}."
            )
        allowed = TOLERANCE * max(1.0, float(np.abs(wanted).max(initial=0.0)))
        difference = float(np.abs(wanted - got).max(initial=0.0))
        if not difference <= allowed:  # NaN is a difference, too
            raise SideError(
                f"{label} computes something else than QuantumLayer at {problem.circuit} {problem.size}: {what} "
                f"differs by {difference:.3g}, and {allowed:.3g} is allowed."
            )
