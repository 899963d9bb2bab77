"""What must be known of a device before something is sent to it."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from qlayers.braket.errors import UnavailableError
from qlayers.errors import ConfigurationError

_PROGRAM_SET = "braket.ir.openqasm.program_set"
_SETS = (100, 200_000)


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


def _qpu(
    name: str, where: str, n_qubits: int, shots: tuple[int, int], rate: float, sets: bool
) -> DeviceFacts:
    region, _, path = where.partition("/")
    arn = f"arn:aws:braket:{region}::device/qpu/{path}"
    return DeviceFacts(name, arn, n_qubits, shots, _SETS if sets else None, shots_per_second=rate)


# As the devices' own documents said it in May 2026; the service is asked before something is sent. The rates are
# orders of magnitude: microseconds a gate with superconducting circuits, milliseconds with trapped ions.
_KNOWN = (
    _qpu("iqm_garnet", "eu-north-1/iqm/Garnet", 20, (1, 20_000), 2000, sets=True),
    _qpu("iqm_emerald", "eu-north-1/iqm/Emerald", 54, (1, 200_000), 2000, sets=True),
    _qpu("rigetti_cepheus", "us-west-1/rigetti/Cepheus-1-108Q", 107, (10, 50_000), 2000, sets=True),
    _qpu("ionq_forte", "us-east-1/ionq/Forte-1", 36, (100, 5_000), 5, sets=False),
    _qpu("ionq_forte_enterprise", "us-east-1/ionq/Forte-Enterprise-1", 36, (100, 5_000), 5, sets=False),
    _qpu("aqt_ibex_q1", "eu-north-1/aqt/Ibex-Q1", 12, (1, 2_000), 5, sets=False),
    DeviceFacts("sv1", "arn:aws:braket:::device/quantum-simulator/amazon/sv1", 34, (0, 100_000)),
    DeviceFacts("dm1", "arn:aws:braket:::device/quantum-simulator/amazon/dm1", 17, (0, 100_000)),
)
KNOWN = {facts.name: facts for facts in _KNOWN}
RETIRED = {
    "tn1": "Amazon's tensor-network simulator",
    "rigetti_ankaa_3": "Rigetti's computer before Cepheus",
    "ankaa_3": "Rigetti's computer before Cepheus",
    "ionq_aria_1": "IonQ's computer before Forte",
    "aria_1": "IonQ's computer before Forte",
}


def known(name: str) -> DeviceFacts:
    """What is known of a device without asking the service.

    Args:
        name: Such as ``"iqm_garnet"``, or an ARN of a device that is known.

    Raises:
        ConfigurationError: There is none of this name, or it is retired.
    """
    for facts in _KNOWN:
        if name in (facts.name, facts.arn):
            return facts
    plain = str(name).rsplit("/", 1)[-1].lower().replace("-", "_")
    if plain in RETIRED:
        raise ConfigurationError(f"backend.computer={name} ({RETIRED[plain]}) is retired. {_others()}")
    near = difflib.get_close_matches(plain, KNOWN, n=1)
    hint = f" Did you mean {near[0]!r}?" if near else ""
    raise ConfigurationError(f"backend.computer={name!r} is unknown.{hint} {_others()}")


def _others() -> str:
    computers = sorted(facts.name for facts in _KNOWN if not facts.is_simulator)
    return f"Available: {', '.join(computers)}."


def _queued(queues: list[Mapping[str, Any]]) -> str | None:
    for queue in queues:
        if queue.get("queue") == "QUANTUM_TASKS_QUEUE" and queue.get("queuePriority", "Normal") == "Normal":
            return str(queue["queueSize"])
    return None
