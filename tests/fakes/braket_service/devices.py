"""The devices that the fake offers: small ones with figures of its own, in the shape of the service's documents."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, replace
from typing import Any

from tests.fakes.braket_service import prices

SIMULATOR_REGIONS = ("us-east-1", "us-west-2", "eu-west-2")
PROGRAM, PROGRAM_SET = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"
EVERY_DAY = ({"executionDay": "Everyday", "windowStartHour": "00:00", "windowEndHour": "23:59:59"},)


@dataclass
class FakeDevice:
    """One device; tests may change its fields at any time."""

    key: str  # of the price list
    arn: str
    name: str
    provider: str
    kind: str  # "QPU" or "SIMULATOR"
    n_qubits: int
    shots: tuple[int, int]
    native: tuple[str, ...] = ()
    edges: tuple[tuple[int, int], ...] | None = None  # None: every pair
    first_qubit: int = 0
    program_sets: tuple[int, int] | None = None  # executables and shots at most
    status: str = "ONLINE"
    windows: tuple[dict[str, str], ...] = EVERY_DAY
    queued: str = "3"  # as the service writes it: "3", ">4000"
    location: str = ""
    poll_ms: int | None = 200

    @property
    def region(self) -> str | None:
        """None for the simulators, which are in several."""
        return self.arn.split(":")[3] or None

    def offered_in(self, region: str) -> bool:
        return region == self.region or (self.region is None and region in SIMULATOR_REGIONS)

    def summary(self) -> dict[str, Any]:
        return {
            "deviceArn": self.arn,
            "deviceName": self.name,
            "providerName": self.provider,
            "deviceType": self.kind,
            "deviceStatus": self.status,
        }

    def document(self) -> dict[str, Any]:
        """GetDevice's answer."""
        queues = [
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": self.queued, "queuePriority": "Normal"},
            {"queue": "QUANTUM_TASKS_QUEUE", "queueSize": "0", "queuePriority": "Priority"},
            {"queue": "JOBS_QUEUE", "queueSize": "0"},
        ]
        document = {**self.summary(), "deviceCapabilities": self.capabilities()}
        return {**document, "deviceQueueInfo": queues}

    def capabilities(self) -> str:
        return _capabilities(
            self.key, self.kind, self.n_qubits, self.shots, self.native, self.edges, self.first_qubit,
            self.program_sets, json.dumps(self.windows), self.location, self.poll_ms,
        )  # fmt: skip


@functools.cache
def _capabilities(
    key: str,
    kind: str,
    n_qubits: int,
    shots: tuple[int, int],
    native: tuple[str, ...],
    edges: tuple[tuple[int, int], ...] | None,
    first_qubit: int,
    program_sets: tuple[int, int] | None,
    windows: str,
    location: str,
    poll_ms: int | None,
) -> str:
    """Built and checked by the SDK's own schema classes."""
    cost = (
        {"price": float(prices.USD_PER_SHOT[key]), "unit": "shot"}
        if kind == "QPU"
        else {"price": float(prices.USD_PER_MINUTE[key]), "unit": "minute"}
    )
    service = {
        "executionWindows": json.loads(windows),
        "shotsRange": shots,
        "deviceCost": cost,
        "deviceDocumentation": {
            "imageUrl": "",
            "summary": f"{key} of the tests",
            "externalDocumentationUrl": "",
        },
        "deviceLocation": location,
        "updatedAt": "2026-05-05T12:00:00",
        "getTaskPollIntervalMillis": poll_ms,
    }
    operations = [
        "cnot",
        "cz",
        "h",
        "i",
        "iswap",
        "prx",
        "rx",
        "ry",
        "rz",
        "s",
        "swap",
        "t",
        "x",
        "xy",
        "y",
        "z",
    ]
    observables = ["x", "y", "z", "h", "i"]
    kinds = ("Sample", "Expectation", "Variance")
    action: dict[str, Any] = {
        PROGRAM: {
            "actionType": PROGRAM,
            "version": ["1.0"],
            "supportedOperations": operations,
            "supportedPragmas": ["verbatim", "braket_result_type_sample", "braket_result_type_probability"],
            "supportPhysicalQubits": kind == "QPU",
            "requiresAllQubitsMeasurement": False,
            "supportedResultTypes": [
                *(
                    {"name": n, "observables": observables, "minShots": shots[0], "maxShots": shots[1]}
                    for n in kinds
                ),
                {"name": "Probability", "observables": None, "minShots": shots[0], "maxShots": shots[1]},
            ],
        }
    }
    if program_sets:
        action[PROGRAM_SET] = {
            "actionType": PROGRAM_SET,
            "version": ["1"],
            "maximumExecutables": program_sets[0],
            "maximumTotalShots": program_sets[1],
        }
    document = {"service": service, "action": action, "deviceParameters": {}}
    if kind == "SIMULATOR":
        from braket.device_schema.simulators import GateModelSimulatorDeviceCapabilities

        return GateModelSimulatorDeviceCapabilities(**document, paradigm={"qubitCount": n_qubits}).json()

    qubits = range(first_qubit, first_qubit + n_qubits)
    graph = {str(q): [str(b) for a, b in edges or () if a == q] for q in qubits}
    document["paradigm"] = {
        "qubitCount": n_qubits,
        "nativeGateSet": native,
        "connectivity": {
            "fullyConnected": edges is None,
            "connectivityGraph": {} if edges is None else graph,
        },
    }
    if key == "garnet":
        from braket.device_schema.iqm import IqmDeviceCapabilities

        return IqmDeviceCapabilities(**document, standardized=_standardized(qubits, edges or (), "CZ")).json()
    if key == "cepheus":
        from braket.device_schema.rigetti.rigetti_device_capabilities_v2 import RigettiDeviceCapabilities

        return RigettiDeviceCapabilities(
            **document, standardized=_standardized(qubits, edges or (), "CZ")
        ).json()
    from braket.device_schema.ionq import IonqDeviceCapabilities

    provider = {
        "fidelity": {"1Q": {"mean": 0.9998}, "2Q": {"mean": 0.995}, "spam": {"mean": 0.995}},
        "timing": {"T1": 100.0, "T2": 1.0, "1Q": 1e-4, "2Q": 9e-4, "readout": 3e-4, "reset": 5e-5},
    }
    return IonqDeviceCapabilities(**document, provider=provider).json()


def _standardized(qubits: range, edges: tuple[tuple[int, int], ...], gate: str) -> dict[str, Any]:
    def fidelity(value: float, kind: str) -> dict[str, Any]:
        return {"fidelityType": {"name": kind}, "fidelity": value}

    one = {
        "T1": {"value": 4e-5, "unit": "S"},
        "T2": {"value": 1e-5, "unit": "S"},
        "oneQubitFidelity": [fidelity(0.999, "RANDOMIZED_BENCHMARKING"), fidelity(0.97, "READOUT")],
    }
    two = {**fidelity(0.99, "INTERLEAVED_RANDOMIZED_BENCHMARKING"), "gateName": gate}
    return {
        "oneQubitProperties": {str(q): one for q in qubits},
        "twoQubitProperties": {f"{a}-{b}": {"twoQubitGateFidelity": [two]} for a, b in edges},
    }


def _square(side: int, first: int) -> tuple[tuple[int, int], ...]:
    across = [(r * side + c, r * side + c + 1) for r in range(side) for c in range(side - 1)]
    down = [(r * side + c, (r + 1) * side + c) for r in range(side - 1) for c in range(side)]
    return tuple((a + first, b + first) for a, b in across + down)


GARNET = FakeDevice(
    key="garnet",
    arn="arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet",
    name="Garnet",
    provider="IQM",
    kind="QPU",
    n_qubits=9,
    shots=(1, 20_000),
    native=("cz", "prx"),
    edges=_square(3, first=1),
    first_qubit=1,
    program_sets=(100, 200_000),
    location="Espoo, Finland",
)
CEPHEUS = FakeDevice(
    key="cepheus",
    arn="arn:aws:braket:us-west-1::device/qpu/rigetti/Cepheus-1-108Q",
    name="Cepheus-1-108Q",
    provider="Rigetti",
    kind="QPU",
    n_qubits=16,
    shots=(10, 50_000),
    native=("rx", "rz", "cz"),
    edges=_square(4, first=0),
    program_sets=(100, 200_000),
    location="California, USA",
)
FORTE = FakeDevice(
    key="forte",
    arn="arn:aws:braket:us-east-1::device/qpu/ionq/Forte-Enterprise-1",
    name="Forte Enterprise 1",
    provider="IonQ",
    kind="QPU",
    n_qubits=12,
    shots=(100, 5_000),
    native=("gpi", "gpi2", "zz"),
    location="Maryland, USA",
)
SV1 = FakeDevice(
    key="sv1",
    arn="arn:aws:braket:::device/quantum-simulator/amazon/sv1",
    name="SV1",
    provider="Amazon Braket",
    kind="SIMULATOR",
    n_qubits=34,
    shots=(0, 100_000),
)
DM1 = replace(
    SV1, key="dm1", arn="arn:aws:braket:::device/quantum-simulator/amazon/dm1", name="DM1", n_qubits=17
)


def all_devices() -> list[FakeDevice]:
    """Fresh copies, for one service to change."""
    return [replace(device) for device in (GARNET, CEPHEUS, FORTE, SV1, DM1)]
