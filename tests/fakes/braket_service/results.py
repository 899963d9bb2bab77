"""The files that the service writes to S3 for a completed task, in the SDK's result schemas."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from tests.fakes.braket_service.compute import Measured
from tests.fakes.braket_service.tasks import Task, iso


def files(task: Task, one_file: bool) -> dict[str, str]:
    """Key → text. A program set's results come in one file, or as the service does it for large ones, in many."""
    if not task.is_program_set:
        return {f"{task.directory}/results.json": _gate_model(task)}
    return _program_set(task, one_file)


def _header(name: str) -> dict[str, str]:
    return {"name": f"braket.task_result.{name}", "version": "1"}


def _measurements(task: Task, measured: Measured) -> dict[str, Any]:
    """IonQ's machines answer with frequencies, the others shot by shot."""
    if not len(measured.bits):
        return {"measurements": None, "measurementProbabilities": None}
    if task.device.provider == "IonQ":
        rows, counts = np.unique(measured.bits, axis=0, return_counts=True)
        words = ("".join(map(str, row)) for row in rows.tolist())
        frequencies = {w: n / len(measured.bits) for w, n in zip(words, counts.tolist(), strict=True)}
        return {"measurements": None, "measurementProbabilities": frequencies}
    return {"measurements": measured.bits.tolist(), "measurementProbabilities": None}


def _metadata(task: Task, action: dict[str, Any]) -> dict[str, Any]:
    more: dict[str, Any] = {"action": action}
    if task.device.kind == "SIMULATOR":
        more["simulatorMetadata"] = {
            "braketSchemaHeader": _header("simulator_metadata"),
            "executionDuration": round(task.ran_s() * 1000),
        }
    elif task.device.provider in {"IQM", "Rigetti"}:
        name = task.device.provider.lower()
        more[f"{name}Metadata"] = {
            "braketSchemaHeader": _header(f"{name}_metadata"),
            "compiledProgram": "compiled by the fake",
        }
    return more


def _gate_model(task: Task) -> str:
    measured = task.measured[0]
    return json.dumps(
        {
            "braketSchemaHeader": _header("gate_model_task_result"),
            **_measurements(task, measured),
            "resultTypes": measured.result_types,
            "measuredQubits": list(measured.qubits),
            "taskMetadata": {
                "braketSchemaHeader": _header("task_metadata"),
                "id": task.arn,
                "shots": task.shots,
                "deviceId": task.device.arn,
                "createdAt": iso(task.created),
                "endedAt": iso(task.ended or 0.0),
                "status": task.status,
            },
            "additionalMetadata": _metadata(task, task.action),
        }
    )


def _program_set(task: Task, one_file: bool) -> dict[str, str]:
    found: dict[str, str] = {}
    programs = []
    executables = list(zip(task.executables(), task.measured, strict=True))
    for index, program in enumerate(task.action["programs"]):
        mine = [(one, measured) for one, measured in executables if one.program == index]
        results = [
            {
                "braketSchemaHeader": _header("program_set_executable_result"),
                "inputsIndex": one.inputs_index,
                **_measurements(task, measured),
                "measuredQubits": list(measured.qubits),
            }
            for one, measured in mine
        ]
        document = {
            "braketSchemaHeader": _header("program_result"),
            "executableResults": results,
            "source": program,
            "additionalMetadata": _metadata(task, program),
        }
        if not one_file:
            folder = f"programs/{index}"
            names = [f"executables/{k}.json" for k in range(len(results))]
            for name, result in zip(names, results, strict=True):
                found[f"{task.directory}/{folder}/{name}"] = json.dumps(result)
            found[f"{task.directory}/{folder}/program.json"] = json.dumps(program)
            document |= {"executableResults": names, "source": "program.json"}
            found[f"{task.directory}/{folder}/results.json"] = json.dumps(document)
        programs.append(document)
    metadata = {
        "braketSchemaHeader": _header("program_set_task_metadata"),
        "id": task.arn,
        "deviceId": task.device.arn,
        "requestedShots": task.shots,
        "successfulShots": task.shots,
        "programMetadata": [
            {"executables": [{} for one, _ in executables if one.program == index]}
            for index in range(len(task.action["programs"]))
        ],
        "createdAt": iso(task.created),
        "endedAt": iso(task.ended or 0.0),
        "status": task.status,
        "totalFailedExecutables": 0,
    }
    whole: dict[str, Any] = {
        "braketSchemaHeader": _header("program_set_task_result"),
        "programResults": programs,
        "taskMetadata": metadata,
    }
    if not one_file:
        found[f"{task.directory}/metadata.json"] = json.dumps(metadata)
        whole["programResults"] = [f"programs/{index}/results.json" for index in range(len(programs))]
        whole["taskMetadata"] = "metadata.json"
        whole["s3Location"] = [task.request["outputS3Bucket"], task.directory]
    found[f"{task.directory}/results.json"] = json.dumps(whole)
    return found
