"""A machine's facts from, and as, the device-capabilities documents of Amazon Braket."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    from braket.device_schema import DeviceCapabilities

    from qlayers.machines.machine import Machine

SECONDS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}
ONE_QUBIT = ("RANDOMIZED_BENCHMARKING", "SIMULTANEOUS_RANDOMIZED_BENCHMARKING")
"""Which figure is the fidelity of a gate on one qubit, the first that there is: the SDK's emulator's choice too."""

PROVIDERS = {"iqm": "IQM", "rigetti": "Rigetti", "ionq": "IonQ", "aqt": "AQT"}
TIMES = {"1Q": "one_qubit", "2Q": "two_qubit", "readout": "readout", "reset": "reset"}
HEADER = "braket.device_schema"
PROGRAM, PROGRAM_SET = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"


def read(path: Path, arn: str | None, name: str | None) -> dict[str, Any]:
    """A machine's fields from a document.

    What documents of different providers hold in different places is brought to one form by the SDK's
    ``DeviceEmulatorProperties``.

    Raises:
        ConfigurationError: The file cannot be read, or is no such document, or the SDK is missing.
    """
    try:
        from braket.device_schema import DeviceCapabilities
        from braket.emulation.device_emulator_properties import DeviceEmulatorProperties
        from braket.schema_common import BraketSchemaBase
    except ImportError as error:
        raise ConfigurationError(
            'Capabilities documents need the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text)
        document: Any = BraketSchemaBase.parse_raw_schema(text)
        if not isinstance(document, DeviceCapabilities):
            raise ValueError(f"it is a {type(document).__name__}")
        # Given a document of its own, since it changes those that it is given.
        properties = DeviceEmulatorProperties.from_device_properties(BraketSchemaBase.parse_raw_schema(text))
    except OSError as error:
        raise ConfigurationError(
            f"The capabilities document {path} cannot be read: {error.strerror or error}."
        ) from error
    except (ValueError, TypeError, KeyError, AttributeError, ImportError, IndexError) as error:
        raise ConfigurationError(
            f"{path} is no device-capabilities document of a gate-model quantum computer as Amazon Braket returns it: "
            f"{error}"
        ) from error

    service, actions = document.service, {str(getattr(k, "value", k)): v for k, v in document.action.items()}
    one_qubit = {int(qubit): found for qubit, found in properties.one_qubit_properties.items()}
    provider = document.braketSchemaHeader.name.removeprefix(f"{HEADER}.").partition(".")[0]
    sets = actions.get(PROGRAM_SET)
    summary = service.deviceDocumentation.summary if service.deviceDocumentation else None
    return {
        "name": name or (arn or path.stem).rpartition("/")[2],
        "provider": PROVIDERS.get(provider, provider),
        "arn": arn,
        "region": (arn.split(":")[3] or None) if arn else None,
        "location": service.deviceLocation,
        "technology": summary.rpartition(" based on ")[2] if summary else None,
        "as_of": service.updatedAt.date() if service.updatedAt else None,
        "native_gates": tuple(gate.lower() for gate in properties.native_gate_set),
        "operations": tuple(gate.lower() for gate in actions[PROGRAM].supportedOperations or ()),
        "one_qubit_fidelity": {qubit: _fidelity(found, ONE_QUBIT) for qubit, found in one_qubit.items()},
        "readout_fidelity": {qubit: _fidelity(found, ("READOUT",)) for qubit, found in one_qubit.items()},
        "t1": {qubit: _seconds(found.T1) for qubit, found in one_qubit.items()},
        "t2": {qubit: _seconds(found.T2) for qubit, found in one_qubit.items()},
        "two_qubit_fidelity": {
            tuple(sorted(map(int, pair.split("-")))): _of_native(found, properties.native_gate_set)
            for pair, found in properties.two_qubit_properties.items()
        },
        "gate_times": _times(raw.get("provider") or {}),
        "shots_range": tuple(service.shotsRange),
        "program_sets": None
        if sets is None
        else {"max_executables": sets.maximumExecutables, "max_total_shots": sets.maximumTotalShots},
        "windows": [
            {
                "day": str(getattr(window.executionDay, "value", window.executionDay)),
                "start": window.windowStartHour.isoformat(),
                "end": window.windowEndHour.isoformat(),
            }
            for window in service.executionWindows
        ],
    }


def _fidelity(found: Any, wanted: Iterable[str]) -> float:
    by_name = {
        str(getattr(f.fidelityType.name, "value", f.fidelityType.name)): f.fidelity
        for f in found.oneQubitFidelity
    }
    for name in wanted:
        if name in by_name:
            return float(by_name[name])
    raise ConfigurationError(
        f"A qubit has no fidelity of the kind {' or '.join(wanted)}, but {sorted(by_name)}."
    )


def _of_native(found: Any, native: Iterable[str]) -> float:
    """Of the native gate; documents give those of random Clifford gates too."""
    names = {gate.lower() for gate in native}
    for gate in found.twoQubitGateFidelity:
        if gate.gateName.lower() in names:
            return float(gate.fidelity)
    raise ConfigurationError("A pair of qubits has no fidelity of a native gate.")


def _seconds(time: Any) -> float:
    return float(time.value) * SECONDS[str(time.unit).lower()]


def _times(provider: dict[str, Any]) -> dict[str, float]:
    timing = provider.get("timing", {})
    return {ours: float(timing[theirs]) for theirs, ours in TIMES.items() if theirs in timing}


def write(machine: Machine) -> DeviceCapabilities:
    """The document that the SDK would make of the facts, as far as they go.

    The schema is that of the provider, whose documents differ; of others it is that of IQM, the plainest.

    Raises:
        ConfigurationError: The SDK is missing.
    """
    try:
        from braket.schema_common import BraketSchemaBase
    except ImportError as error:
        raise ConfigurationError(
            'Capabilities need the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error
    return BraketSchemaBase.parse_raw_schema(json.dumps(document(machine)))


def document(machine: Machine) -> dict[str, Any]:
    """The same as plain data."""
    ionq = machine.provider == "IonQ"
    rigetti = machine.provider == "Rigetti"
    kind = "ionq.ionq" if ionq else "rigetti.rigetti" if rigetti else "iqm.iqm"
    fewest, most = machine.shots_range
    actions: dict[str, Any] = {
        PROGRAM: {
            "version": ["1"],
            "actionType": PROGRAM,
            "supportedOperations": list(machine.operations),
            "supportedPragmas": ["verbatim"],
            "supportPhysicalQubits": True,
            "supportedResultTypes": [
                {
                    "name": "Sample",
                    "observables": ["x", "y", "z", "h", "i"],
                    "minShots": fewest,
                    "maxShots": most,
                },
                {"name": "Probability", "minShots": fewest, "maxShots": most},
            ],
        }
    }
    if machine.program_sets is not None:
        actions[PROGRAM_SET] = {
            "version": ["1"],
            "actionType": PROGRAM_SET,
            "maximumExecutables": machine.program_sets.max_executables,
            "maximumTotalShots": machine.program_sets.max_total_shots,
        }
    neighbours: dict[str, list[str]] = {str(qubit): [] for qubit in machine.qubits}
    for first, second in machine.two_qubit_fidelity:
        neighbours[str(first)].append(str(second))
        neighbours[str(second)].append(str(first))
    found: dict[str, Any] = {
        "braketSchemaHeader": {
            "name": f"{HEADER}.{kind}_device_capabilities",
            "version": "2" if rigetti else "1",
        },
        "service": {
            "braketSchemaHeader": {"name": f"{HEADER}.device_service_properties", "version": "1"},
            "executionWindows": [
                {"executionDay": window.day, "windowStartHour": window.start, "windowEndHour": window.end}
                for window in machine.windows
            ],
            "shotsRange": [fewest, most],
            "deviceLocation": machine.location,
            "deviceDocumentation": None
            if machine.technology is None
            else {
                "imageUrl": "",
                "summary": f"Universal gate-model QPU based on {machine.technology}",
                "externalDocumentationUrl": "",
            },
            "updatedAt": machine.as_of.isoformat() + "T00:00:00+00:00" if machine.as_of else None,
        },
        "action": actions,
        "deviceParameters": {},
        "paradigm": {
            "braketSchemaHeader": {"name": f"{HEADER}.gate_model_qpu_paradigm_properties", "version": "1"},
            "connectivity": {"fullyConnected": machine.edges == "all", "connectivityGraph": neighbours},
            "qubitCount": machine.n_qubits,
            "nativeGateSet": list(machine.native_gates),
        },
        "provider": _ionq_provider(machine) if ionq else None,
    }
    if not ionq:
        found["standardized"] = standardized(machine)
    return found


def standardized(machine: Machine) -> dict[str, Any]:
    """Figures of each qubit and pair in the form that documents of most providers have."""
    gate = entangler(machine)

    def one_qubit(qubit: int) -> dict[str, Any]:
        # Where a time is not known the schema wants one all the same; nothing in qlayers reads it there.
        times = {"T1": machine.t1.get(qubit, 0.0), "T2": machine.t2.get(qubit, 0.0)}
        fidelities = {ONE_QUBIT[0]: machine.one_qubit_fidelity, "READOUT": machine.readout_fidelity}
        return {
            **{name: {"value": value, "standardError": None, "unit": "S"} for name, value in times.items()},
            "oneQubitFidelity": [
                {"fidelityType": {"name": name}, "fidelity": values[qubit], "standardError": None}
                for name, values in fidelities.items()
            ],
        }

    def two_qubit(fidelity: float) -> dict[str, Any]:
        kind = {"name": "INTERLEAVED_RANDOMIZED_BENCHMARKING"}
        return {
            "twoQubitGateFidelity": [{"gateName": gate.upper(), "fidelity": fidelity, "fidelityType": kind}]
        }

    return {
        "braketSchemaHeader": {
            "name": f"{HEADER}.standardized_gate_model_qpu_device_properties",
            "version": "1",
        },
        "oneQubitProperties": {str(qubit): one_qubit(qubit) for qubit in machine.qubits},
        "twoQubitProperties": {
            f"{a}-{b}": two_qubit(value) for (a, b), value in machine.two_qubit_fidelity.items()
        },
    }


def _ionq_provider(machine: Machine) -> dict[str, Any]:
    """IonQ gives one figure for the whole machine; it is the mean here where there are several."""

    def mean(values: Iterable[float]) -> float:
        every = list(values)
        if not every:
            return 0.0  # a machine without pairs, or times that are not known
        return every[0] if len(set(every)) == 1 else sum(every) / len(every)

    timing = {theirs: machine.gate_times.get(ours, 0.0) for theirs, ours in TIMES.items()}
    return {
        "braketSchemaHeader": {"name": f"{HEADER}.ionq.ionq_provider_properties", "version": "1"},
        "fidelity": {
            "1Q": {"mean": mean(machine.one_qubit_fidelity.values())},
            "2Q": {"mean": mean(machine.two_qubit_fidelity.values())},
            "spam": {"mean": mean(machine.readout_fidelity.values())},
        },
        "timing": {"T1": mean(machine.t1.values()), "T2": mean(machine.t2.values()), **timing},
    }


def entangler(machine: Machine) -> str:
    """The native gate on two qubits that circuits are written in.

    Raises:
        ConfigurationError: None of the native gates is one that qlayers writes circuits in.
    """
    for name in ("cz", "zz", "ms"):
        if name in machine.native_gates:
            return name
    raise ConfigurationError(
        f"qlayers writes circuits for machines with a native cz, zz or ms, but {machine.name} has "
        f"{', '.join(machine.native_gates)}."
    )
