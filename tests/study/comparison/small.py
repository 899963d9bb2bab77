"""The smallest study, and how to look at what it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SMALL = [
    "study=quick",
    "data=moons",
    "data.n_samples=60",
    "n_qubits=2",
    "trainer=debug",
    "split.n_folds=2",
    "study.tuning.trials=2",
    "study.protocol.shots=[200]",
    "~study.entrants.separable",
    "~study.entrants.replaced_circuit",
    "~study.entrants.gradient_boosting",
]


def folder_of(runs: Path) -> Path:
    [found] = (runs / "studies").iterdir()
    return found


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def outcomes(runs: Path) -> dict[str, Any]:
    """Metrics and choice of every finished job, by its folder's name: what must not depend on how it ran."""
    found = {path.parent.name: read(path) for path in folder_of(runs).glob("jobs/*/outcome.json")}
    return {
        name: {key: one[key] for key in ("metrics", "validation", "chosen")} for name, one in found.items()
    }
