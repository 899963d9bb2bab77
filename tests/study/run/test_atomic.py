from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from study.run.atomic import plain, replacing, write_json
from study.run.stored import read_json


def test_a_block_that_raises_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    target.write_text("old")

    def half_write() -> None:
        with replacing(target) as temporary:
            temporary.write_text("ne")
            raise RuntimeError("half way")

    with pytest.raises(RuntimeError, match="half way"):
        half_write()
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_the_new_file_appears_only_when_the_block_has_ended(tmp_path: Path) -> None:
    target = tmp_path / "results.json"
    with replacing(target) as temporary:
        temporary.write_text("new")
        assert temporary.suffix == ".json"
        assert not target.exists()
    assert target.read_text() == "new"
    assert [path.name for path in tmp_path.iterdir()] == ["results.json"]


def test_a_written_file_can_be_read_by_others(tmp_path: Path) -> None:
    ordinary = tmp_path / "ordinary"
    ordinary.touch()
    write_json(tmp_path / "ours.json", {})
    assert (tmp_path / "ours.json").stat().st_mode == ordinary.stat().st_mode


def test_json_is_standard_and_keeps_every_digit(tmp_path: Path) -> None:
    def refuse(name: str) -> float:
        raise AssertionError(f"{name} is not JSON")

    @dataclass
    class Counts:
        gates: dict[str, int]

    path = tmp_path / "values.json"
    third = np.float32(1 / 3)
    write_json(
        path, {"a": float("nan"), "b": np.int64(3), "c": third, "d": (1, Counts({"RX": 2})), "e": 0.1 + 0.2}
    )
    values = json.loads(path.read_text(), parse_constant=refuse)
    assert values == {"a": None, "b": 3, "c": float(third), "d": [1, {"gates": {"RX": 2}}], "e": 0.1 + 0.2}
    assert read_json(path) == values


def test_what_has_no_plain_form_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no plain JSON form"):
        plain({"model": object()})
