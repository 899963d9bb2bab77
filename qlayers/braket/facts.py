"""What must be known of a device before something is sent to it."""

from __future__ import annotations

import difflib
import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qlayers.braket.errors import UnavailableError
from qlayers.errors import ConfigurationError
from qlayers.machines.retired import retired

_PROGRAM_SET = "braket.ir.openqasm.program_set"


@dataclass(frozen=True)
class DeviceFacts:
    """What must be known of a device before something is sent to it.

    Attributes:
        name: As in the configuration and the price list.
        arn: As the service calls it. Its fourth part is the region, empty for the simulators, which are in several.
        n_qubits: Qubits it has.
        shots_range: The fewest and the most shots of one circuit.
        program_sets: The most circuits, and the most shots of all of them together, in one task; None if a task has
            one circuit.
        status: ``"ONLINE"``, ``"OFFLINE"`` or ``"RETIRED"``; None if the service was not asked.
        price: What the device itself says that a shot or a minute costs, in US dollars; None if it was not asked.
        price_unit: ``"shot"`` or ``"minute"``.
        queued: Tasks that wait there, in the service's words; None if it was not asked.
        shots_per_second: About how many it makes; for the expected wall time, which the service does not tell.
        checked: Whether the figures are those of a document of the service's. GetDevice corrects those that are not,
            before anything is sent.
    """

    name: str
    arn: str
    n_qubits: int
    shots_range: tuple[int, int]
    program_sets: tuple[int, int] | None = None
    status: str | None = None
    price: float | None = None
    price_unit: str | None = None
    queued: str | None = None
    shots_per_second: float | None = None
    checked: bool = True

    @property
    def region(self) -> str | None:
        """Where the device is; None for the simulators."""
        return self.arn.split(":")[3] or None

    @property
    def is_simulator(self) -> bool:
        """Whether it computes instead of measuring."""
        return "/quantum-simulator/" in self.arn

    def updated(self, answer: Mapping[str, Any]) -> DeviceFacts:
        """The same with what the service says now.

        Args:
            answer: Of GetDevice.
        """
        capabilities = json.loads(answer["deviceCapabilities"])
        service, action = capabilities.get("service", {}), capabilities.get("action", {})
        sets = action.get(_PROGRAM_SET)
        cost = service.get("deviceCost") or {}
        shots = service.get("shotsRange") or self.shots_range
        qubits = capabilities.get("paradigm", {}).get("qubitCount", self.n_qubits)
        return replace(
            self,
            n_qubits=int(qubits),
            shots_range=(int(shots[0]), int(shots[1])),
            program_sets=(int(sets["maximumExecutables"]), int(sets["maximumTotalShots"])) if sets else None,
            status=answer["deviceStatus"],
            price=cost.get("price"),
            price_unit=cost.get("unit"),
            queued=_queued(answer.get("deviceQueueInfo", [])),
            checked=True,
        )

    def check_usable(self, n_qubits: int, shots: int) -> None:
        """Refuse what the device cannot do.

        Raises:
            UnavailableError: It is retired or offline.
            ConfigurationError: It is too small, or takes other numbers of shots.
        """
        if self.status == "RETIRED":
            raise UnavailableError(f"backend.computer={self.name} is retired. {_others()}")
        if self.status == "OFFLINE":
            raise UnavailableError(
                f"backend.computer={self.name} is offline now, and nothing was sent. Try later, or choose another."
            )
        if n_qubits > self.n_qubits:
            raise ConfigurationError(
                f"The circuit has {n_qubits} qubits, and {self.name} has {self.n_qubits}. Use fewer, or choose "
                "another device."
            )
        fewest, most = self.shots_range
        if not max(fewest, 1) <= shots <= most:
            raise ConfigurationError(
                f"backend.shots={shots} is not what {self.name} takes: from {max(fewest, 1)} to {most} shots a circuit."
            )


_RATES = {"superconducting": 2000.0, "trapped": 5.0}
"""Shots a second, to the order of magnitude, by how qubits are made: microseconds or milliseconds a gate."""

# Computers with a document about them in qlayers.machines; and others, whose figures are checked against none. Before
# something is sent the service is asked (GetDevice), and what it says takes the place of these figures.
_DESCRIBED = ("iqm_garnet", "iqm_emerald", "rigetti_cepheus", "ionq_forte_enterprise")
_OTHERS = (
    DeviceFacts(
        "ionq_forte",
        "arn:aws:braket:us-east-1::device/qpu/ionq/Forte-1",
        36,
        (100, 5_000),
        shots_per_second=_RATES["trapped"],
        checked=False,
    ),
    DeviceFacts(
        "aqt_ibex_q1",
        "arn:aws:braket:eu-north-1::device/qpu/aqt/Ibex-Q1",
        12,
        (1, 2_000),
        shots_per_second=_RATES["trapped"],
        checked=False,
    ),
    DeviceFacts("sv1", "arn:aws:braket:::device/quantum-simulator/amazon/sv1", 34, (0, 100_000)),
    DeviceFacts("dm1", "arn:aws:braket:::device/quantum-simulator/amazon/dm1", 17, (0, 100_000)),
)


def names() -> list[str]:
    """The devices that are known, in alphabetical order."""
    return sorted([*_DESCRIBED, *(facts.name for facts in _OTHERS)])


def known(name: str) -> DeviceFacts:
    """What is known of a device without asking the service.

    Args:
        name: Such as ``"iqm_garnet"``, or an ARN of a device that is known.

    Raises:
        ConfigurationError: There is none of this name, or it is retired.
    """
    for facts in [*map(_described, _DESCRIBED), *_OTHERS]:
        if name in (facts.name, facts.arn):
            return facts
    was = retired(str(name))
    if was is not None:
        raise ConfigurationError(f"backend.computer={name} ({was}) is retired. {_others()}")
    near = difflib.get_close_matches(str(name), names(), n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(f"backend.computer={name!r} is unknown.{hint} {_others()}")


@functools.cache
def _described(name: str) -> DeviceFacts:
    from qlayers.machines.machine import machine

    found = machine(name)
    sets = found.program_sets
    made = (found.technology or "").split(" ")[0]
    return DeviceFacts(
        name=name,
        arn=str(found.arn),
        n_qubits=found.n_qubits,
        shots_range=found.shots_range,
        program_sets=None if sets is None else (sets.max_executables, sets.max_total_shots),
        shots_per_second=_RATES.get(made),
    )


def _others() -> str:
    computers = [name for name in names() if name not in ("sv1", "dm1")]
    return f"Available: {', '.join(computers)}."


def _queued(queues: list[Mapping[str, Any]]) -> str | None:
    for queue in queues:
        if queue.get("queue") == "QUANTUM_TASKS_QUEUE" and queue.get("queuePriority", "Normal") == "Normal":
            return str(queue["queueSize"])
    return None
