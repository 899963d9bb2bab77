"""What a completed task has written to S3, as bit strings."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from qlayers.braket.errors import ServiceError

Read = Callable[[str, str], bytes]
FILE = "results.json"


@dataclass(frozen=True)
class Results:
    """A task's results.

    Attributes:
        bits: For each circuit, 0 and 1 of shape ``(shots, n_qubits)``; None where the circuit failed.
        milliseconds: How long a simulator computed; None for others.
    """

    bits: list[np.ndarray | None]
    milliseconds: int | None


def read_results(read: Read, bucket: str, folder: str, n_circuits: int, n_qubits: int, shots: int) -> Results:
    """Fetch a task's results.

    Args:
        read: Fetches an object by bucket and key.
        bucket: Where they are.
        folder: The task's.
        n_circuits: How many circuits it had.
        n_qubits: Qubits that each measures: 0 … n_qubits - 1.
        shots: Of one circuit.

    Raises:
        FileNotFoundError: They are not there, or not yet.
        ServiceError: They are not what was bought.
    """
    where = f"s3://{bucket}/{folder}"

    def file(name: str) -> dict[str, Any]:
        document: dict[str, Any] = _json(read(bucket, f"{folder}/{name}"), f"{where}/{name}")
        return document

    whole = file(FILE)
    bits: list[np.ndarray | None] = []
    if "programResults" not in whole:
        bits.append(_bits(whole, n_qubits, shots, where))
    else:
        for program in whole["programResults"]:
            place = ""
            if isinstance(program, str):  # large program sets are in many files
                place = program.rpartition("/")[0]
                program = file(program)
            for executable in program["executableResults"]:
                found = file(f"{place}/{executable}") if isinstance(executable, str) else executable
                failed = found.get("braketSchemaHeader", {}).get("name", "").endswith("executable_failure")
                bits.append(None if failed else _bits(found, n_qubits, shots, where))
    if len(bits) != n_circuits:
        raise ServiceError(
            f"The results in {where} are of {len(bits)} circuits, and {n_circuits} were bought. They stay there; "
            "look at them by hand."
        )
    simulator = whole.get("additionalMetadata", {}).get("simulatorMetadata") or {}
    return Results(bits, simulator.get("executionDuration"))


def _bits(result: Mapping[str, Any], n_qubits: int, shots: int, where: str) -> np.ndarray:
    """One circuit's measurements, qubit 0 first."""
    if result.get("measurements"):
        bits = np.asarray(result["measurements"], dtype=np.int64)
    elif result.get("measurementProbabilities"):  # IonQ's computers answer with frequencies
        bits = _from_frequencies(result["measurementProbabilities"], shots)
    else:
        bits = np.empty((0, n_qubits), np.int64)
    qubits = list(result.get("measuredQubits") or range(n_qubits))
    if bits.shape != (shots, n_qubits) or sorted(qubits) != list(range(n_qubits)):
        raise ServiceError(
            f"The results in {where} are {bits.shape[0]} shots of the qubits {qubits}, and {shots} shots of the "
            f"qubits 0 … {n_qubits - 1} were bought. They stay there; look at them by hand."
        )
    return bits[:, np.argsort(qubits)]


def _from_frequencies(frequencies: Mapping[str, float], shots: int) -> np.ndarray:
    """As many rows of each bit string as its frequency says, the rounding spread by largest remainders.

    In an order that is mixed, always in the same way: the shots of one part are to be like those of another.
    """
    words = list(frequencies)
    exact = np.array([frequencies[word] for word in words], dtype=float) * shots
    counts = np.floor(exact + 1e-9).astype(int)
    most = np.argsort(counts - exact, kind="stable")
    counts[most[: max(0, shots - int(counts.sum()))]] += 1
    rows = np.array([[int(bit) for bit in word] for word in words], dtype=np.int64)
    return np.random.default_rng(0).permutation(np.repeat(rows, counts, axis=0))


def _json(body: bytes, where: str) -> Any:
    try:
        return json.loads(body)
    except ValueError:
        pass
    raise ServiceError(f"The results in {where} cannot be read. They stay there; look at them by hand.")
