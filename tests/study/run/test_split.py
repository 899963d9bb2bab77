from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from study.data.splits.base import Parts
from study.run.split import describe_split, read_split, same_split, write_split

ROWS = Parts(np.array([4, 0, 2]), np.array([1]), np.array([5, 3]))


def test_the_order_of_rows_is_kept(tmp_path: Path) -> None:
    write_split(tmp_path / "split.parquet", ROWS)
    stored = read_split(tmp_path / "split.parquet")
    assert {name: rows.tolist() for name, rows in stored.items()} == {
        "train": [4, 0, 2],
        "validation": [1],
        "test": [5, 3],
    }
    assert same_split(stored, ROWS)
    assert not same_split(stored, replace(ROWS, test=np.array([3, 5])))


def test_the_digest_knows_order_and_part() -> None:
    described = describe_split(ROWS)
    assert {key: described[key] for key in ("train", "validation", "test")} == {
        "train": 3,
        "validation": 1,
        "test": 2,
    }
    others = [replace(ROWS, train=np.array([0, 4, 2])), Parts(ROWS.train, ROWS.test, ROWS.validation)]
    others.append(Parts(np.array([4, 0]), np.array([2, 1]), ROWS.test))
    assert len({described["digest"], *(describe_split(other)["digest"] for other in others)}) == 4
