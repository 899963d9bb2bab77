from __future__ import annotations

import copy

import pytest

from study.run.identity import run_digest, run_name

CONFIG = {
    "depth": 2,
    "seed": 0,
    "output_dir": "runs",
    "resume": None,
    "logger": {},
    "data": {"name": "moons"},
}


def test_where_a_run_writes_does_not_change_what_it_is() -> None:
    moved = {**CONFIG, "output_dir": "/elsewhere", "logger": {"csv": {"save_dir": "/elsewhere"}}}
    reordered = dict(reversed(CONFIG.items()))
    assert run_digest(CONFIG, "f", "c") == run_digest(moved, "f", "c") == run_digest(reordered, "f", "c")


def test_anything_else_does() -> None:
    deeper = copy.deepcopy(CONFIG)
    deeper["data"]["name"] = "circles"
    digests = {
        run_digest(CONFIG, "f", "c"),
        run_digest(deeper, "f", "c"),
        run_digest({**CONFIG, "seed": 1}, "f", "c"),
        run_digest(CONFIG, "g", "c"),
        run_digest(CONFIG, "f", "d"),
    }
    assert len(digests) == 5


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ("breast_cancer", "breast_cancer-mlp-01234567"),
        ("../my data.csv", "my_data_csv-mlp-01234567"),
        ("/", "unnamed-mlp-01234567"),
    ],
)
def test_a_name_is_safe_as_a_folder(data: str, expected: str) -> None:
    assert run_name(data, "mlp", "0123456789abcdef") == expected
