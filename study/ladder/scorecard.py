"""What this workload would take on every quantum computer that is known: price, time, fidelity, limits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from statistics import median
from typing import Any

import numpy as np
from pydantic import with_config

from qlayers.backends import Backend
from study.fitting.learner import Learner
from study.ladder.machine_label import machine_label
from study.ladder.planning import reckon
from study.ladder.rung import Rung, backend_at
from study.run.stages import reason_of

ACCOUNT = (
    "an AWS account with Amazon Braket enabled and third-party devices accepted; results go to an S3 bucket in "
    "{region}"
)


@with_config(extra="forbid")
@dataclass(frozen=True)
class Card:
    """One machine.

    Attributes:
        computer: its name in configurations.
        label: for people.
        region: that it is asked in.
        technology: how its qubits are made.
        n_qubits: that it has.
        usd: price of the workload; None where it cannot be run there.
        tasks: that are sent for it.
        seconds: expected, without the queue; None where nothing is known.
        queue: in words.
        circuit_depth: of one circuit in its gates.
        two_qubit_gates: the same.
        estimated_fidelity: of one circuit: what is left if errors are independent.
        median_two_qubit_fidelity: over its pairs.
        shots: fewest and most of a task.
        program_sets: most circuits and shots of one; None where it takes none.
        windows: when it runs, in words.
        status: as of `as_of`.
        as_of: the day of the figures.
        account: what it takes to be let in.
        refused: why the workload cannot be run there; None if it can.
    """

    computer: str
    label: str
    region: str | None = None
    technology: str | None = None
    n_qubits: int | None = None
    usd: float | None = None
    tasks: int | None = None
    seconds: float | None = None
    queue: str | None = None
    circuit_depth: int | None = None
    two_qubit_gates: int | None = None
    estimated_fidelity: float | None = None
    median_two_qubit_fidelity: float | None = None
    shots: Sequence[int] | None = None
    program_sets: Sequence[int] | None = None
    windows: Sequence[str] = ()
    status: str | None = None
    as_of: str | None = None
    account: str | None = None
    refused: str | None = None

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


def score(
    node: dict[str, Any], computers: Sequence[str], learner: Learner, inputs: np.ndarray, drift_circuits: int
) -> list[Card]:
    """A card for each computer: planned as a rung would be, nothing sent.

    Args:
        node: settings of the backend that would be used, whose `computer` is replaced.
        computers: by name.
        learner: the fitted one.
        inputs: of the chosen rows, (n, n_inputs).
        drift_circuits: copies of the reference circuit, before and after.
    """
    return [_card({**node, "computer": name}, name, learner, inputs, drift_circuits) for name in computers]


def _card(node: dict[str, Any], name: str, learner: Learner, inputs: np.ndarray, drift_circuits: int) -> Card:
    known = _figures(name)
    label = machine_label(name)
    try:
        backend = backend_at(node, f"ladder.scorecard.{name}")
        known = _limits(backend) | known
        plan = reckon(Rung(name, label, backend, node, True), learner, inputs, drift_circuits)
    except Exception as error:  # offline, too small, without a price: a line of the scorecard
        return Card(name, label, **known, refused=_short(reason_of(error), name))
    ours = ("usd", "tasks", "seconds", "circuit_depth", "two_qubit_gates", "estimated_fidelity")
    return Card(name, label, **known, **{key: getattr(plan, key) for key in ours})


def _limits(backend: Backend) -> dict[str, Any]:
    """What the backend itself knows of its device, also where there are no figures of the machine."""
    facts = getattr(backend, "facts", None)
    if facts is None:
        return {}
    found = facts()
    return {
        "region": found.region,
        "n_qubits": found.n_qubits,
        "shots": list(found.shots_range),
        "program_sets": None if found.program_sets is None else list(found.program_sets),
        "account": ACCOUNT.format(region=found.region or "its region"),
    }


def _short(reason: str, name: str) -> str:
    """The reason alone: on a card nothing is climbed, and nothing can be left out."""
    said = (
        reason.partition(" cannot be climbed: ")[2].partition(" To leave it out:")[0] or f"{name}: {reason}"
    )
    for key in (f"ladder.rungs.{name}", f"ladder.scorecard.{name}"):
        said = said.replace(f"{key}.backend.", "ladder.scorecard.backend.")
    return said


def _figures(name: str) -> dict[str, Any]:
    """The figures of the machine itself; none where qlayers has none."""
    from qlayers.errors import ConfigurationError
    from qlayers.machines.machine import machine

    try:
        found = machine(name)
    except ConfigurationError:
        return {}
    pairs = list(found.two_qubit_fidelity.values())
    sets = found.program_sets
    return {
        "region": found.region,
        "technology": found.technology,
        "n_qubits": found.n_qubits,
        "median_two_qubit_fidelity": median(pairs) if pairs else None,
        "shots": list(found.shots_range),
        "program_sets": None if sets is None else [sets.max_executables, sets.max_total_shots],
        "windows": [f"{one.day} {one.start[:5]}–{one.end[:5]}" for one in found.windows],
        "status": found.status.lower(),
        "as_of": None if found.as_of is None else found.as_of.isoformat(),
        "account": ACCOUNT.format(region=found.region or "its region"),
    }
