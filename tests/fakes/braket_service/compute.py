"""What a task measures: computed by the SDK's local simulators, sampled from the task's own random stream."""

from __future__ import annotations

import functools
import json
import re
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np

MEASURE = re.compile(r"^\s*(?:[\w\[\]:]+\s*=\s*)?measure\s+(?P<what>[^;]+);\s*$", re.MULTILINE)
RESULT = re.compile(r"^\s*#pragma\s+braket\s+result\b", re.MULTILINE)
NOISE = re.compile(r"^\s*#pragma\s+braket\s+noise\b", re.MULTILINE)
REGISTER = re.compile(r"^\s*qubit(?:\[(?P<size>\d+)\])?\s+(?P<name>\w+)\s*;", re.MULTILINE)
PHYSICAL = re.compile(r"\$(\d+)")
INDEXED = re.compile(r"^(?P<name>\w+)\[(?P<index>\d+)\]$|^\$(?P<physical>\d+)$")


class CannotRunError(ValueError):
    """The circuit is not one that the device understands."""


@dataclass(frozen=True)
class Measured:
    """One circuit's results. `bits` has shape (shots, n_measured), of 0 and 1; `qubits` names its columns."""

    qubits: tuple[int, ...]
    bits: np.ndarray
    result_types: list[dict[str, Any]]


def width(source: str) -> int:
    """How many qubits the program has."""
    declared = sum(int(found["size"] or 1) for found in REGISTER.finditer(source))
    return declared or len(set(PHYSICAL.findall(source)))


def run(source: str, inputs: dict[str, float], shots: int, rng: np.random.Generator) -> Measured:
    if RESULT.search(source):
        return _with_result_types(source, inputs, shots, rng)
    if shots == 0:
        raise CannotRunError("Shots must be greater than zero for circuits without result types")
    qubits, probabilities = distribution(source, tuple(sorted(inputs.items())))
    outcomes = np.searchsorted(np.cumsum(probabilities), rng.random(shots), side="right")
    outcomes = np.minimum(outcomes, len(probabilities) - 1)
    shifts = np.arange(len(qubits) - 1, -1, -1)
    return Measured(qubits, ((outcomes[:, None] >> shifts) & 1).astype(np.int8), [])


@functools.lru_cache(maxsize=4096)
def distribution(source: str, inputs: tuple[tuple[str, float], ...]) -> tuple[tuple[int, ...], np.ndarray]:
    """Measured qubits, and the probabilities of their outcomes with the first as the leading bit."""
    measured = [found["what"].strip() for found in MEASURE.finditer(source)]
    register = REGISTER.search(source)
    if not measured or (register and measured == [register["name"]]):
        targets, qubits = "all", tuple(range(width(source)))
    else:
        found = [INDEXED.match(what) for what in measured]
        if None in found:
            raise CannotRunError(f"measures {measured}: single qubits, or the whole register")
        targets = ", ".join(measured)
        qubits = tuple(int(one["index"] or one["physical"] or 0) for one in found if one)
    asked = MEASURE.sub("", source) + f"\n#pragma braket result probability {targets}\n"
    answer = _simulate(asked, dict(inputs), 0)
    probabilities = np.asarray(answer.resultTypes[0].value, dtype=float)
    return qubits, probabilities / probabilities.sum()


def _simulate(source: str, inputs: dict[str, float], shots: int) -> Any:
    from braket.default_simulator import DensityMatrixSimulator, StateVectorSimulator
    from braket.ir.openqasm import Program

    simulator = DensityMatrixSimulator() if NOISE.search(source) else StateVectorSimulator()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return simulator.run(Program(source=source, inputs=inputs), shots=shots)
        except Exception as error:
            raise CannotRunError(str(error)) from error


def _with_result_types(
    source: str, inputs: dict[str, float], shots: int, rng: np.random.Generator
) -> Measured:
    from unittest import mock

    # The simulators draw from a fresh default_rng; here it is the task's.
    with mock.patch("numpy.random.default_rng", return_value=rng):
        answer = _simulate(source, inputs, shots)
    qubits = tuple(answer.measuredQubits)
    bits = np.asarray(answer.measurements or np.empty((0, len(qubits))), dtype=np.int8)
    if shots:  # the local simulators leave it to the SDK to work out the values from the measurements
        from braket.tasks import GateModelQuantumTaskResult

        found = GateModelQuantumTaskResult.from_object(answer).result_types
        values = [{"type": json.loads(one.type.json()), "value": _plain(one.value)} for one in found]
    else:
        values = json.loads(answer.json())["resultTypes"]
    return Measured(qubits, bits, values)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return [_plain(entry) for entry in value]
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    return value.item() if isinstance(value, np.generic) else value
