"""Tables: the fingerprint sees every change, classes are sorted, shipped datasets are what they say."""

from __future__ import annotations

import dataclasses
import importlib
import pathlib

import numpy as np
import pandas as pd
import pytest

import study.data
from study.data.spirals import TURNS, Spirals
from study.data.splits.base import Parts
from study.data.table import Dataset, Table
from study.errors import StudyError
from tests.study.data.make_tables import mixed_frame, table_of


def changed_frames() -> dict[str, pd.DataFrame]:
    frame = mixed_frame()
    one_ulp = frame.copy()
    one_ulp.loc[3, "dose"] = np.nextafter(one_ulp.loc[3, "dose"], np.inf)
    gap = frame.copy()
    gap.loc[3, "dose"] = np.nan
    shifted = frame.copy()
    shifted["colour"] = shifted["colour"].replace({"red": "redg", "green": "reen"})
    return {
        "one ulp": one_ulp,
        "gap": gap,
        "name": frame.rename(columns={"age": "Age"}),
        "dtype": frame.astype({"age": "float64"}),
        "column order": frame[["dose", "age", *frame.columns[2:]]],
        "row order": frame.iloc[::-1],
        "text boundary": shifted,
        "target": frame.assign(ill=frame["ill"].to_numpy()[::-1]),
        "fewer rows": frame.iloc[:-1],
    }


@pytest.mark.parametrize("change", changed_frames())
def test_fingerprint_sees(change: str) -> None:
    assert table_of(changed_frames()[change]).fingerprint != table_of(mixed_frame()).fingerprint


def test_fingerprint_is_of_the_content_alone() -> None:
    frame = mixed_frame()
    table = table_of(frame)
    assert table.fingerprint == table_of(frame.copy().set_axis(range(100, 160))).fingerprint
    assert table.fingerprint == dataclasses.replace(table, name="other").fingerprint
    fixed = Parts(np.arange(40), np.arange(40, 50), np.arange(50, 60))
    assert table.fingerprint != dataclasses.replace(table, fixed_parts=fixed).fingerprint
    assert len(table.fingerprint) == 64


def test_fingerprint_distinguishes_a_gap_from_the_text_that_looks_like_it() -> None:
    frames = [pd.DataFrame({"a": [value, "x"], "y": [0, 1]}) for value in (None, "", "nan", "None")]
    assert len({table_of(frame, "y").fingerprint for frame in frames}) == 4


@pytest.mark.parametrize(
    ("target", "classes", "codes"),
    [
        ([10, 9, 10], ["9", "10"], [1, 0, 1]),
        ([10.0, 9.0, 10.0], ["9", "10"], [1, 0, 1]),
        (["10", "9", "10"], ["10", "9"], [0, 1, 0]),
        (pd.Series(["10", "9", "10"], dtype=object), ["10", "9"], [0, 1, 0]),
        ([True, False, True], ["False", "True"], [1, 0, 1]),
        (pd.Series([2, 1, 2], dtype="Int64"), ["1", "2"], [1, 0, 1]),
        (pd.Series(["b", "a", "b"], dtype="category"), ["a", "b"], [1, 0, 1]),
    ],
)
def test_classes_are_sorted_labels(target, classes: list[str], codes: list[int]) -> None:
    table = Table("t", pd.DataFrame({"x": range(3)}), pd.Series(target), "classification")
    assert (table.classes, table.codes.tolist()) == (classes, codes)
    assert dataclasses.replace(table, task="regression").classes == []


def test_a_table_needs_as_many_targets_as_rows() -> None:
    with pytest.raises(StudyError, match="3 rows of features and 2 targets"):
        Table("t", pd.DataFrame({"x": range(3)}), pd.Series([0, 1]), "classification")


SHIPPED = {
    "breast_cancer": ("classification", 569, 30, 2),
    "wine": ("classification", 178, 13, 3),
    "iris": ("classification", 150, 4, 3),
    "digits": ("classification", 1797, 64, 10),
    "diabetes": ("regression", 442, 10, 0),
    "moons": ("classification", 400, 2, 2),
    "circles": ("classification", 400, 2, 2),
    "spirals": ("classification", 400, 2, 2),
    "linearly_separable": ("classification", 300, 4, 2),
    "hidden_manifold": ("classification", 300, 10, 2),
    "hyperplanes_parity": ("classification", 300, 10, 2),
    "two_curves": ("classification", 300, 10, 2),
    "bars_and_stripes": ("classification", 300, 16, 2),
    "ad_hoc": ("classification", 300, 2, 2),
    "quantum_target": ("classification", 300, 4, 2),
    "linear_target": ("classification", 300, 4, 2),
}


def test_every_dataset_file_is_available_by_its_name() -> None:
    found = study.data.available()
    assert set(found) == {*SHIPPED, "file"}
    for name, dataset in found.items():
        assert pathlib.Path(importlib.import_module(dataset.__module__).__file__).stem == name
        assert issubclass(dataset, Dataset)
        with pytest.raises(dataclasses.FrozenInstanceError):
            dataset.__new__(dataset).confidentiality = "sensitive"


@pytest.mark.parametrize("name", SHIPPED)
def test_shipped_datasets(name: str) -> None:
    dataset = study.data.available()[name]()
    table = dataset.load()
    assert (table.task, *table.features.shape, len(table.classes)) == SHIPPED[name]
    assert (table.name, table.confidentiality) == (name, "public")
    assert table.fingerprint == dataset.load().fingerprint


def test_breast_cancer_counts_malignant_as_the_second_class() -> None:
    table = study.data.available()["breast_cancer"]().load()
    assert table.classes == ["benign", "malignant"]
    assert table.codes.sum() == 212  # of 569, in the paper


@pytest.mark.parametrize("name", ["moons", "circles", "spirals"])
def test_generated_datasets_follow_their_fields(name: str) -> None:
    make = study.data.available()[name]
    first = make(n_samples=101, seed=1).load()
    assert len(first.target) == 101
    assert abs(np.diff(np.bincount(first.codes))[0]) <= 1
    assert first.fingerprint != make(n_samples=101, seed=2).load().fingerprint
    for field, value in (
        ("n_samples", 1),
        ("n_samples", "many"),
        ("noise", -0.1),
        ("noise", float("nan")),
        ("seed", -1),
    ):
        with pytest.raises(StudyError, match=rf"data\.{field}="):
            make(**{field: value})


def test_spirals_lie_on_archimedes_curve() -> None:
    """Undoing an arm's half turn, the angle is 2 pi TURNS times the radius, up to whole turns."""
    table = Spirals(noise=0.0).load()
    x, y = table.features.to_numpy().T
    radius = np.hypot(x, y)
    turned = np.arctan2(y, x) - np.pi * table.codes
    assert np.allclose(np.exp(1j * turned), np.exp(2j * np.pi * TURNS * radius), atol=1e-9)
    assert radius.max() <= 1


def test_an_unknown_confidentiality_is_refused() -> None:
    with pytest.raises(StudyError, match="public, internal, sensitive"):
        Spirals(confidentiality="secret")


def test_what_declares_no_class_is_sensitive() -> None:
    @dataclasses.dataclass(frozen=True)
    class Own(Dataset):
        def load(self) -> Table:
            raise NotImplementedError

    assert Own().confidentiality == "sensitive"
    assert Own(confidentiality="internal").confidentiality == "internal"
    assert (
        Table("t", pd.DataFrame({"a": [1]}), pd.Series([0]), "classification").confidentiality == "sensitive"
    )
