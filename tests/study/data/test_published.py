"""The published benchmarks, against what the authors' own code wrote.

`published.json` was recorded from the files that the scripts in `paper/benchmarks` of XanaduAI/qml-benchmarks (commit
0bbf848) write, run as they stand, with NumPy 2.4 and scikit-learn 1.9; ten of those files are in that repository too,
and were equal to the last bit. `checksums` are the features of the training and the test part, row after row, times
cos(0), cos(1), …, summed; `labels` is the beginning of the sha256 of the labels as int8.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from study.data.bars_and_stripes import BarsAndStripes
from study.data.hidden_manifold import HiddenManifold
from study.data.hyperplanes_parity import HyperplanesParity
from study.data.linearly_separable import LinearlySeparable
from study.data.published import SEQUENCES, Published, published_sequence
from study.data.two_curves import TwoCurves
from study.errors import StudyError

RECORDED: dict[str, list[dict[str, Any]]] = json.loads(Path(__file__).with_name("published.json").read_text())


def checksum(points: np.ndarray) -> float:
    return float(points.ravel() @ np.cos(np.arange(points.size)))


def assert_equals(found: Published, recorded: dict[str, Any]) -> None:
    (train, train_labels), (test, test_labels) = found.train, found.test
    assert [list(train.shape), list(test.shape)] == [recorded["train"], recorded["test"]]
    labels = np.concatenate([train_labels, test_labels])
    assert labels.dtype == np.int64
    assert hashlib.sha256(labels.astype("i1").tobytes()).hexdigest()[:16] == recorded["labels"]
    assert train[0, 0] == pytest.approx(recorded["first"], rel=1e-12, abs=1e-12)
    assert test[-1, -1] == pytest.approx(recorded["last"], rel=1e-12, abs=1e-12)
    # Thousands of terms of order one, rounded in another order.
    assert [checksum(train), checksum(test)] == pytest.approx(recorded["checksums"], rel=1e-12, abs=1e-10)


@pytest.mark.parametrize("name", RECORDED)
def test_sequences_equal_the_authors_files(name: str) -> None:
    found = list(published_sequence(name))
    assert len(found) == len(RECORDED[name])
    for benchmark, recorded in zip(found, RECORDED[name], strict=True):
        assert_equals(benchmark, recorded)


def test_linearly_separable_is_equal_to_the_last_bit() -> None:
    """Its features are exact in floating point, so nothing is left to rounding."""
    for benchmark, recorded in zip(
        published_sequence("linearly_separable"), RECORDED["linearly_separable"], strict=True
    ):
        digest = hashlib.sha256()
        for points, labels in (benchmark.train, benchmark.test):
            digest.update(np.column_stack([points, labels]).astype("<f8").tobytes())
        assert digest.hexdigest() == recorded["sha256"], recorded["file"]


def test_the_benchmarks_are_those_of_the_paper() -> None:
    options = {name: [benchmark.dataset for benchmark in published_sequence(name)] for name in RECORDED}
    sizes = list(range(2, 21))
    assert [d.n_features for d in options["linearly_separable"]] == sizes
    assert [d.n_features for d in options["two_curves"][:19]] == sizes
    assert [d.degree for d in options["two_curves"][19:]] == sizes
    assert [d.n_hyperplanes for d in options["hyperplanes_parity"]] == sizes
    assert [d.manifold_dimension for d in options["hidden_manifold"][19:]] == sizes
    assert [d.height for d in options["bars_and_stripes"]] == [4, 8, 16, 32]
    with pytest.raises(
        StudyError, match="No sequence of 'moons' was published; choose one of linearly_separable"
    ):
        next(published_sequence("moons"))


def test_another_stream_is_noticed() -> None:
    """A later benchmark drawn from a fresh stream, or the right rows in another order, is not the recorded one."""
    first, second, *_ = published_sequence("linearly_separable")
    recorded = RECORDED["linearly_separable"][1]
    fresh = LinearlySeparable(n_features=3, seed=42).points()
    split = (fresh[0][:240], fresh[1][:240]), (fresh[0][240:], fresh[1][240:])
    swapped = second.train[0].copy()
    swapped[[5, 6]] = swapped[[6, 5]]
    wrong = [
        first,
        Published(second.dataset, *split),
        Published(second.dataset, (swapped, second.train[1]), second.test),
    ]
    for benchmark in wrong:
        with pytest.raises(AssertionError):
            assert_equals(benchmark, recorded)


@pytest.mark.parametrize(
    ("dataset", "name"),
    [
        (LinearlySeparable(n_features=2, seed=42), "linearly_separable"),
        (HiddenManifold(n_features=2, seed=3), "hidden_manifold"),
        (HyperplanesParity(n_hyperplanes=2, seed=1), "hyperplanes_parity"),
        (TwoCurves(n_features=2, seed=3), "two_curves"),
        (BarsAndStripes(n_samples=1000, seed=42), "bars_and_stripes"),
    ],
)
def test_a_dataset_with_the_seed_of_a_sequence_is_its_first(dataset: Any, name: str) -> None:
    """Up to the split, which permutes the rows of all but the images."""
    points, labels = dataset.points()
    published = next(published_sequence(name))
    parts = [published.train] if name == "bars_and_stripes" else [published.train, published.test]
    expected = np.column_stack(
        [np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])]
    )
    found = np.column_stack([points, labels])
    assert np.array_equal(found[np.lexsort(found.T)], expected[np.lexsort(expected.T)])


@pytest.mark.parametrize("name", [*SEQUENCES, "bars_and_stripes"])
def test_the_global_stream_is_neither_read_nor_moved(name: str) -> None:
    np.random.seed(5)
    before = np.random.get_state()
    first = next(published_sequence(name))
    after = np.random.get_state()
    assert np.array_equal(before[1], after[1]) and before[2:] == after[2:]
    np.random.seed(6)
    assert np.array_equal(next(published_sequence(name)).train[0], first.train[0])
