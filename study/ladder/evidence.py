"""What climbing one rung left behind, and how it is kept: written at once when the rung is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import with_config

from study.run.atomic import replacing, write_json
from study.run.stored import read_arrays, read_json, using

Status = Literal["climbed", "planned", "failed", "classical"]

AGAIN = "Remove it and the file of that name beside it (.json, .npz), and the rung is climbed again."
DEVICE, NOBODY, CLASSICAL = "device", "nobody", "classical: "


@with_config(extra="forbid")
@dataclass(frozen=True)
class Drift:
    """The reference circuit at the start and at the end of a rung.

    Attributes:
        circuits: how many copies were measured each time.
        start: mean outputs at the start, one a measured quantity.
        end: at the end.
        limit: how far they may be apart by sampling alone, at a level of 1 % over all quantities.
    """

    circuits: int
    start: Sequence[float]
    end: Sequence[float]
    limit: float

    @property
    def largest(self) -> float:
        """The largest difference of a quantity."""
        return float(np.abs(np.subtract(self.end, self.start)).max())

    @property
    def drifted(self) -> bool:
        return self.largest > self.limit


@with_config(extra="forbid")
@dataclass(frozen=True)
class Climbed:
    """One rung's record, plain values.

    Attributes:
        name: of the rung.
        label: for people.
        status: "climbed"; "planned" for a dry run; "failed"; "classical" where the device gave no answers and a
            classical model of the run did, by declared policy.
        backend: its settings.
        outside: whether its circuits leave this machine.
        shots: of one circuit; None for exact values.
        execution: what the first circuit says of how it ran, counts summed over all circuits of the model.
        circuit: sizes before and after transpilation, as far as they are known.
        plan: circuits, tasks, shots, usd and seconds as they were reckoned beforehand.
        seconds: from the first row to the last, drift check included.
        row_seconds: the same for one row.
        drift: of the reference circuit; None where there was no check.
        failure: `kind` and `reason`, of a failed rung, and of one that was answered classically.
        answered_by: "device", "classical: <name>" or "nobody", of a rung that declares a fallback; None for others.
        answered_classically: rows that the classical model answered.
    """

    name: str
    label: str
    status: Status
    backend: Mapping[str, Any]
    outside: bool
    shots: int | None
    execution: Mapping[str, Any] = field(default_factory=dict)
    circuit: Mapping[str, Any] = field(default_factory=dict)
    plan: Mapping[str, Any] = field(default_factory=dict)
    seconds: float | None = None
    row_seconds: float | None = None
    drift: Drift | None = None
    failure: Mapping[str, str] | None = None
    answered_by: str | None = None
    answered_classically: int = 0


@dataclass(frozen=True)
class Found:
    """What a rung computed.

    Attributes:
        outputs: of the model: probabilities (n, n_classes) or numbers (n,).
        inputs: of each circuit, (n, n_features).
        results: of each circuit, (n, n_outputs).

    Of a rung that was answered classically there are outputs alone.
    """

    outputs: np.ndarray
    inputs: Sequence[np.ndarray]
    results: Sequence[np.ndarray]


def save(folder: Path, record: Climbed, found: Found | None) -> None:
    """Write a rung's numbers, then its record, which says that it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    if found is not None:
        arrays = {"outputs": found.outputs}
        for number, (inputs, results) in enumerate(zip(found.inputs, found.results, strict=True)):
            arrays |= {f"inputs_{number}": inputs, f"results_{number}": results}
        with replacing(folder / f"{record.name}.npz") as temporary:
            np.savez(temporary, **arrays)  # type: ignore[arg-type]
    write_json(folder / f"{record.name}.json", asdict(record))


def load(folder: Path, name: str, n_rows: int) -> tuple[Climbed, Found | None] | None:
    """What `save` wrote about so many rows, or None where the rung is not done.

    Raises:
        StudyError: it is damaged.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    record: Climbed = read_json(path, Climbed, AGAIN)
    with using(path, AGAIN):
        if record.name != name:
            raise ValueError(f"it is the record of {record.name}")
    if record.status not in ("climbed", "classical"):
        return record, None
    numbers = path.with_suffix(".npz")
    arrays = read_arrays(numbers, AGAIN)
    with using(numbers, AGAIN):
        count = sum(key.startswith("inputs_") for key in arrays)
        found = Found(
            arrays["outputs"],
            [arrays[f"inputs_{number}"] for number in range(count)],
            [arrays[f"results_{number}"] for number in range(count)],
        )
        # A circuit that the model does not run has no rows.
        if len(found.outputs) != n_rows or {len(one) for one in (*found.inputs, *found.results)} - {
            0,
            n_rows,
        }:
            raise ValueError(f"it is not about {n_rows} rows")
    return record, found
