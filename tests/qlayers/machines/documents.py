"""Device-capabilities documents of machines that do not exist, made with the SDK's schema classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SCHEMA = "braket.device_schema"


def service(updated: str = "2026-03-04T05:06:07+00:00") -> dict[str, Any]:
    return {
        "braketSchemaHeader": {"name": f"{SCHEMA}.device_service_properties", "version": "1"},
        "executionWindows": [
            {"executionDay": "Weekdays", "windowStartHour": "03:15:00", "windowEndHour": "15:30:00"}
        ],
        "shotsRange": [10, 4000],
        "deviceCost": {"price": 0.5, "unit": "shot"},
        "deviceDocumentation": {
            "imageUrl": "",
            "summary": "Universal gate-model QPU based on marbles",
            "externalDocumentationUrl": "",
        },
        "deviceLocation": "Nowhere",
        "updatedAt": updated,
    }


def actions() -> dict[str, Any]:
    program, program_set = "braket.ir.openqasm.program", "braket.ir.openqasm.program_set"
    return {
        program: {
            "version": ["1"],
            "actionType": program,
            "supportedOperations": ["rx", "rz", "cz"],
            "supportedResultTypes": [{"name": "Probability", "minShots": 10, "maxShots": 4000}],
        },
        program_set: {
            "version": ["1"],
            "actionType": program_set,
            "maximumExecutables": 7,
            "maximumTotalShots": 900,
        },
    }


def paradigm(native: list[str], graph: dict[str, list[str]], everywhere: bool = False) -> dict[str, Any]:
    return {
        "braketSchemaHeader": {"name": f"{SCHEMA}.gate_model_qpu_paradigm_properties", "version": "1"},
        "connectivity": {"fullyConnected": everywhere, "connectivityGraph": graph},
        "qubitCount": len(graph),
        "nativeGateSet": native,
    }


def line_of_three() -> dict[str, Any]:
    """Qubits 1, 2 and 4 in a line, times in microseconds, and a second figure beside each that is wanted."""

    def qubit(number: int) -> dict[str, Any]:
        return {
            "T1": {"value": 10.0 * number, "unit": "us"},
            "T2": {"value": 5.0 * number, "unit": "us"},
            "oneQubitFidelity": [
                {"fidelityType": {"name": "SIMULTANEOUS_RANDOMIZED_BENCHMARKING"}, "fidelity": 0.5},
                {"fidelityType": {"name": "RANDOMIZED_BENCHMARKING"}, "fidelity": 0.99 + 0.001 * number},
                {"fidelityType": {"name": "READOUT"}, "fidelity": 0.9 + 0.01 * number},
            ],
        }

    def pair(fidelity: float) -> dict[str, Any]:
        kind = {"name": "INTERLEAVED_RANDOMIZED_BENCHMARKING"}
        return {
            "twoQubitGateFidelity": [
                {"gateName": "Two_Qubit_Clifford", "fidelity": 0.3, "fidelityType": kind},
                {"gateName": "CZ", "fidelity": fidelity, "fidelityType": kind},
            ]
        }

    return {
        "braketSchemaHeader": {"name": f"{SCHEMA}.iqm.iqm_device_capabilities", "version": "1"},
        "service": service(),
        "action": actions(),
        "deviceParameters": {},
        "paradigm": paradigm(["cz", "prx"], {"1": ["2"], "2": ["1", "4"], "4": ["2"]}),
        "standardized": {
            "braketSchemaHeader": {
                "name": f"{SCHEMA}.standardized_gate_model_qpu_device_properties",
                "version": "1",
            },
            "oneQubitProperties": {str(number): qubit(number) for number in (1, 2, 4)},
            "twoQubitProperties": {"1-2": pair(0.97), "4-2": pair(0.96)},
        },
    }


def three_ions() -> dict[str, Any]:
    """One figure for the whole machine, and gates in capitals."""
    return {
        "braketSchemaHeader": {"name": f"{SCHEMA}.ionq.ionq_device_capabilities", "version": "1"},
        "service": service(),
        "action": {"braket.ir.openqasm.program": actions()["braket.ir.openqasm.program"]},
        "deviceParameters": {},
        "paradigm": paradigm(
            ["GPI", "GPI2", "MS"], {"0": ["1", "2"], "1": ["0", "2"], "2": ["0", "1"]}, True
        ),
        "provider": {
            "braketSchemaHeader": {"name": f"{SCHEMA}.ionq.ionq_provider_properties", "version": "1"},
            "fidelity": {"1Q": {"mean": 0.999}, "2Q": {"mean": 0.95}, "spam": {"mean": 0.98}},
            "timing": {"T1": 100.0, "T2": 1.5, "1Q": 1e-5, "2Q": 2e-4, "readout": 1e-4, "reset": 2e-5},
        },
    }


def saved(document: dict[str, Any], folder: Path, name: str = "device.json") -> Path:
    """Written by the SDK itself, as ``AwsDevice(arn).properties.json()`` does."""
    from braket.schema_common import BraketSchemaBase

    path = folder / name
    path.write_text(BraketSchemaBase.parse_raw_schema(json.dumps(document)).json())
    return path
