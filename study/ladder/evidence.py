"""What climbing one rung left behind, and how it is kept: written at once when the rung is done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np

from study.errors import StudyError
from study.run.atomic import read_json, replacing, write_json

Status = Literal["climbed", "planned", "failed", "classical"]

DEVICE, NOBODY, CLASSICAL = "device", "nobody", "classical: "


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

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Climbed:
        drift = values.get("drift")
        return cls(**{**values, "drift": None if drift is None else Drift(**drift)})


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


def load(folder: Path, name: str) -> tuple[Climbed, Found | None] | None:
    """What `save` wrote, or None where the rung is not done.

    Raises:
        StudyError: it cannot be read.
    """
    path = folder / f"{name}.json"
    if not path.exists():
        return None
    try:
        record = Climbed.from_dict(read_json(path))
        if record.status not in ("climbed", "classical"):
            return record, None
        with np.load(folder / f"{name}.npz", allow_pickle=False) as arrays:
            count = sum(key.startswith("inputs_") for key in arrays)
            found = Found(
                arrays["outputs"],
                [arrays[f"inputs_{number}"] for number in range(count)],
                [arrays[f"results_{number}"] for number in range(count)],
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise StudyError(
            f"{path} cannot be read ({error}). Remove it and the file beside it, and the rung is climbed again."
        ) from error
    return record, found
