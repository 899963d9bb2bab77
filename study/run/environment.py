"""What a run depended on besides its configuration and its data: code, packages, machine."""

from __future__ import annotations

import hashlib
import importlib.metadata
import importlib.util
import os
import platform
import subprocess
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
PACKAGES = ("qlayers", "models", "study")
# What shows results has no part in a sweep's jobs, which are kept when it is edited.
REPORTING = (
    "study/report/",
    "study/ablation/",
    "study/comparison/report/",
    "study/comparison/over_datasets/",
    "study/ladder/report/",
)
SOURCES = (*PACKAGES, "conf", "train.py", "compare.py", "predict.py", "evaluate.py")


def code_digest(without: tuple[str, ...] = ()) -> str:
    """sha256 over the path and the text of every Python file of the packages, wherever they are installed.

    Args:
        without: folders that are left out, such as "study/report/".
    """
    digest = hashlib.sha256()
    for package in PACKAGES:
        for root in _locations(package):
            for file in sorted(root.rglob("*.py")):
                name = f"{package}/{file.relative_to(root).as_posix()}"
                if not name.startswith(without):
                    digest.update(f"{name}\0".encode())
                    digest.update(file.read_bytes() + b"\0")
    return digest.hexdigest()


def code_version(checkout: Path = CHECKOUT) -> dict[str, Any]:
    """`commit`, `dirty` (was the code edited since) and `digest`; the first two are None outside git."""
    commit = dirty = None
    top = _git(checkout, "rev-parse", "--show-toplevel")
    # A checkout without .git inside somebody else's repository would otherwise report that one's commit.
    if top is not None and Path(top).resolve() == checkout.resolve():
        commit = _git(checkout, "rev-parse", "--verify", "HEAD")
        present = [name for name in SOURCES if (checkout / name).exists()]
        changes = _git(checkout, "status", "--porcelain", "--", *present)
        dirty = None if changes is None else bool(changes)
    return {"commit": commit, "dirty": dirty, "digest": code_digest()}


def package_versions() -> dict[str, str]:
    """Every installed distribution and its version."""
    found = [item.metadata for item in importlib.metadata.distributions()]
    return {item["Name"]: item["Version"] for item in sorted(found, key=lambda item: item["Name"].lower())}


def machine() -> dict[str, Any]:
    import torch

    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
    }


def _locations(package: str) -> list[Path]:
    spec = importlib.util.find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return []
    return [Path(location) for location in spec.submodule_search_locations]


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments], capture_output=True, text=True, timeout=20, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
