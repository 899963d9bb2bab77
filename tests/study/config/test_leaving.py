"""Data leave this machine only when their class is allowed to, and the refusal comes before anything is built."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import NoReturn

import numpy as np
import pandas as pd
import pytest
from omegaconf import open_dict

from qlayers.backends.batched import Batched
from study import build
from study.config.check import Checked
from study.config.construction import check_construction
from study.config.leaving import check_leaving
from study.errors import StudyError

Check = Callable[[str], Checked]


@pytest.fixture
def elsewhere() -> Iterator[ModuleType]:
    """A backend on somebody else's machine that must not even be built."""
    module = ModuleType("backends_elsewhere")

    class Elsewhere(Batched):
        outside = True
        native = "never"

        def device(self, n_qubits: int, dtype: object) -> NoReturn:
            raise StudyError("it was built")

    Elsewhere.__module__ = module.__name__
    module.__dict__["Elsewhere"] = Elsewhere
    sys.modules[module.__name__] = module
    yield module
    del sys.modules[module.__name__]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "rows.csv"
    pd.DataFrame({"a": rng.normal(size=40), "b": rng.normal(size=40), "y": [0, 1] * 20}).to_csv(
        path, index=False
    )
    return path


THERE = "backend._target_=backends_elsewhere.Elsewhere"


@pytest.mark.parametrize(
    ("line", "class_", "allowed"),
    [
        ("data=file data.path={table} data.target=y", "sensitive", "public"),
        ("data=file data.path={table} data.target=y data.confidentiality=internal", "internal", "public"),
        ("data=iris outside=[]", "public", ""),
        (
            "data=iris data.confidentiality=sensitive outside=[public,internal]",
            "sensitive",
            "public,internal",
        ),
    ],
)
def test_a_class_that_is_not_allowed_stays(
    checked: Check, elsewhere: ModuleType, table: Path, line: str, class_: str, allowed: str
) -> None:
    config = checked(f"{THERE} {line.format(table=table)}").config
    with pytest.raises(StudyError) as caught:
        check_construction(config)
    said = str(caught.value)
    assert "backend=backends_elsewhere.Elsewhere run outside this machine" in said
    assert f"data.confidentiality={class_}" in said
    assert f"outside=[{allowed}] names" in said


@pytest.mark.parametrize(
    "line", ["data=iris", "data=iris data.confidentiality=internal outside=[public,internal]"]
)
def test_a_class_that_is_allowed_goes_on_to_the_backend(
    checked: Check, elsewhere: ModuleType, line: str
) -> None:
    with pytest.raises(StudyError, match="it was built"):
        check_construction(checked(f"{THERE} {line}").config)


@pytest.mark.parametrize("backend", ["braket_sv1", "braket_dm1", "braket_qpu"])
def test_what_amazon_would_be_sent_stays(checked: Check, backend: str) -> None:
    config = checked(f"backend={backend} data=iris data.confidentiality=internal").config
    said = f"circuits of backend={backend} run outside this machine, and the data are internal"
    with pytest.raises(StudyError, match=said):
        check_construction(config)


@pytest.mark.parametrize("backend", ["emulated", "braket_local", "ibm"])
def test_what_runs_here_may_have_any_data(checked: Check, backend: str) -> None:
    check_leaving(checked(f"backend={backend} data=iris data.confidentiality=sensitive").config)


def test_a_baseline_sends_nothing(checked: Check, elsewhere: ModuleType) -> None:
    line = f"{THERE} data=iris data.confidentiality=sensitive model=logistic controls=none"
    check_construction(checked(line).config)


def test_a_control_counts_as_well(checked: Check, elsewhere: ModuleType) -> None:
    line = f"{THERE} data=iris data.confidentiality=sensitive model=logistic"
    config = checked(f"{line} +controls.hybrid._target_=models.hybrid.hybrid.Hybrid").config
    with open_dict(config):
        config.controls.hybrid.circuit = "${circuit}"
    with pytest.raises(StudyError, match="Elsewhere run outside"):
        check_leaving(config)


def test_only_classes_that_exist_can_be_allowed(checked: Check) -> None:
    with pytest.raises(StudyError, match=r"outside.* must be .*public, internal and sensitive"):
        checked("outside=[secret]")


def test_the_shipped_data_are_public_and_a_file_is_not(checked: Check, table: Path) -> None:
    assert build.dataset(checked("data=wine").config).confidentiality == "public"
    line = f"data=file data.path={table} data.target=y"
    assert build.dataset(checked(line).config).confidentiality == "sensitive"
