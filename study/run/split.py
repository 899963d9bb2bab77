"""The rows of each part, kept with the run: a split is data, not something to draw again later."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from study.run.stored import read_parquet, using, write_parquet

if TYPE_CHECKING:
    from study.data.splits.base import Parts

PARTS = ("train", "validation", "test")


def write_split(path: Path, parts: Parts) -> None:
    import pandas as pd

    frames = [pd.DataFrame({"row": getattr(parts, name), "part": name}) for name in PARTS]
    write_parquet(path, pd.concat(frames, ignore_index=True).astype({"row": np.int64}))


def read_split(path: Path) -> dict[str, np.ndarray]:
    """Return what `write_split` wrote. Raises StudyError if the file is damaged."""
    table = read_parquet(path, ["row", "part"])
    with using(path):
        return {name: table.loc[table["part"] == name, "row"].to_numpy(np.int64) for name in PARTS}


def describe_split(parts: Parts) -> dict[str, Any]:
    """The size of each part and one sha256 over all row positions, in order."""
    digest = hashlib.sha256()
    for name in PARTS:
        rows = np.ascontiguousarray(getattr(parts, name), dtype="<i8")
        digest.update(f"{name}:{rows.size}\0".encode())
        digest.update(rows.tobytes())
    sizes: dict[str, Any] = {name: len(getattr(parts, name)) for name in PARTS}
    return {**sizes, "digest": digest.hexdigest()}


def same_split(stored: dict[str, np.ndarray], parts: Parts) -> bool:
    return all(np.array_equal(stored[name], getattr(parts, name)) for name in PARTS)
