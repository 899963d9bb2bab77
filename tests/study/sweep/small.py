"""The smallest sweep, and how to look at what it left."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

SMALL = ["data=moons", "data.n_samples=60", "n_qubits=2", "trainer=debug", "logger=none"]


def folder_of(runs: Path) -> Path:
    [found] = (runs / "sweeps").iterdir()
    return found


def read(path: Path) -> Any:
    return json.loads(path.read_text())


def job_folders(runs: Path) -> dict[str, Path]:
    """By the values of the swept keys."""
    sweep = folder_of(runs)
    jobs = read(sweep / "sweep.json")["jobs"]
    return {
        " ".join(f"{k}={v}" for k, v in job["values"].items()): (sweep / job["folder"]).resolve()
        for job in jobs
    }


def times(folder: Path) -> dict[str, int]:
    """When each file was modified, the folder's own time included."""
    return {str(path): path.stat().st_mtime_ns for path in [folder, *folder.rglob("*")]}
