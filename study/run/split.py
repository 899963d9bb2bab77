"""The rows of each part, kept with the run: a split is data, not something to draw again later."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, Protocol

import numpy as np

PARTS = ("train", "validation", "test")


class HasParts(Protocol):
    """Row positions of the three parts, int64 arrays of shape (n_rows_of_the_part,)."""

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def write_split(path: Path, parts: HasParts) -> None:
    import pandas as pd

    frames = [pd.DataFrame({"row": getattr(parts, name), "part": name}) for name in PARTS]
    pd.concat(frames, ignore_index=True).astype({"row": np.int64}).to_parquet(path, index=False)


def read_split(path: Path) -> dict[str, np.ndarray]:
    import pandas as pd

    table = pd.read_parquet(path)
    return {name: table.loc[table["part"] == name, "row"].to_numpy(np.int64) for name in PARTS}


def describe_split(parts: HasParts) -> dict[str, Any]:
    """The size of each part and one sha256 over all row positions, in order."""
    digest = hashlib.sha256()
    for name in PARTS:
        rows = np.ascontiguousarray(getattr(parts, name), dtype="<i8")
        digest.update(f"{name}:{rows.size}\0".encode())
        digest.update(rows.tobytes())
    sizes: dict[str, Any] = {name: len(getattr(parts, name)) for name in PARTS}
    return {**sizes, "digest": digest.hexdigest()}


def same_split(stored: dict[str, np.ndarray], parts: HasParts) -> bool:
    return all(np.array_equal(stored[name], getattr(parts, name)) for name in PARTS)
