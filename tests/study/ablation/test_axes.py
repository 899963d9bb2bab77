"""Which axes are chosen, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from study.ablation.axes import Axes, choose_axes, choose_metric
from study.ablation.cells import make_grid
from study.ablation.collect import collect
from study.ablation.sweep import Job, Sweep
from study.errors import StudyError
from tests.study.ablation.make_sweeps import make_sweep

ENCODING, DEPTH, SEED = {"encoding": ["angle", "iqp"]}, {"depth": [4, 1, 2]}, {"seed": [0, 1]}


def sweep_of(axes: Mapping[str, Sequence[Any]]) -> Sweep:
    first = Job(number=0, values={key: values[0] for key, values in axes.items()}, folder="x")
    plan = {key: list(values) for key, values in axes.items()}
    return Sweep(
        format=1, axes=plan, task="classification", metric="f1", greater_is_better=True, jobs=[first]
    )


def names(axes: Axes) -> tuple[str | None, str | None, list[str], tuple[str, ...]]:
    x, y = axes.x, axes.y
    return x.key if x else None, y.key if y else None, [axis.key for axis in axes.panels], axes.over


@pytest.mark.parametrize(
    ("axes", "expected"),
    [
        (ENCODING | DEPTH | SEED, ("depth", "encoding", [], ("seed",))),
        (DEPTH | ENCODING, ("depth", "encoding", [], ())),
        (DEPTH | SEED, ("depth", None, [], ("seed",))),
        (ENCODING | SEED, ("encoding", None, [], ("seed",))),
        (SEED | {"split.fold": [0, 1]}, (None, None, [], ("seed", "split.fold"))),
        ({"ansatz": ["a", "b"], "n_qubits": [2, 4]}, ("n_qubits", "ansatz", [], ())),
        ({"ansatz": ["a", "b"], "measurement": ["z", "probs"]}, ("ansatz", "measurement", [], ())),
        ({"n_qubits": [2, 4], "optimizer.lr": [0.1, 0.01]}, ("n_qubits", "optimizer.lr", [], ())),
        ({"n_qubits": [2, 4]} | DEPTH | ENCODING | SEED, ("depth", "encoding", ["n_qubits"], ("seed",))),
        ({"reupload": [True, False]} | DEPTH, ("depth", "reupload", [], ())),
    ],
)
def test_defaults(axes: dict[str, list[Any]], expected: Any) -> None:
    assert names(choose_axes(sweep_of(axes))) == expected


def test_numbers_ascend_and_words_keep_their_order() -> None:
    axes = choose_axes(sweep_of({"encoding": ["iqp", "angle"]} | DEPTH))
    assert axes.x is not None and axes.y is not None
    assert axes.x.labels == ["1", "2", "4"]
    assert axes.y.labels == ["iqp", "angle"]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"x": "encoding"}, ("encoding", "depth", [], ("seed",))),
        ({"y": "depth"}, ("encoding", "depth", [], ("seed",))),
        ({"x": "seed"}, ("seed", "encoding", ["depth"], ())),
        ({"facet": "encoding"}, ("depth", None, ["encoding"], ("seed",))),
        ({"x": "depth", "y": "seed"}, ("depth", "seed", ["encoding"], ())),
        ({"facet": "seed"}, ("depth", "encoding", ["seed"], ())),
    ],
)
def test_what_is_asked_for_is_done(asked: dict[str, str], expected: Any) -> None:
    assert names(choose_axes(sweep_of(ENCODING | DEPTH | SEED), **asked)) == expected


@pytest.mark.parametrize("name", ["x", "y", "facet"])
def test_an_axis_that_was_not_swept(name: str) -> None:
    with pytest.raises(
        StudyError, match=rf"{name}=ansatz was not swept.*encoding, depth, seed \(a repeat\)\."
    ):
        choose_axes(sweep_of(ENCODING | DEPTH | SEED), **{name: "ansatz"})


@pytest.mark.parametrize(("one", "two"), [("x", "y"), ("x", "facet"), ("y", "facet")])
def test_the_same_axis_twice(one: str, two: str) -> None:
    with pytest.raises(StudyError, match=f"{one} and {two} are both depth: they must be different keys"):
        choose_axes(sweep_of(ENCODING | DEPTH), **{one: "depth", two: "depth"})


KEYS = ["encoding", "depth", "seed", "split.fold", "ansatz", "n_qubits"]


@given(st.data())
def test_every_swept_key_has_one_place(data: st.DataObject) -> None:
    swept = data.draw(st.lists(st.sampled_from(KEYS), min_size=1, unique=True))
    asked = data.draw(st.lists(st.sampled_from(swept), max_size=3, unique=True))
    x, y, panels, over = names(
        choose_axes(
            sweep_of({key: [1, 2] for key in swept}), **dict(zip(("x", "y", "facet"), asked, strict=False))
        )
    )
    places = [*(key for key in (x, y) if key), *panels, *over]
    assert sorted(places) == sorted(swept)
    assert set(over) <= {"seed", "split.fold"}


@given(st.data())
def test_every_job_is_in_one_cell(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    swept = data.draw(st.lists(st.sampled_from(KEYS), min_size=1, max_size=4, unique=True))
    axes = {key: data.draw(st.lists(st.integers(0, 9), min_size=1, max_size=2, unique=True)) for key in swept}
    collected = collect(make_sweep(tmp_path_factory.mktemp("sweep"), axes, epochs=1))
    grid = make_grid(collected, choose_axes(collected.sweep), "f1")
    numbers = [number for cell in grid.cells for number in cell.jobs["number"]]
    assert sorted(numbers) == list(range(len(collected.table)))
    assert all(cell.words == "" for cell in grid.cells)


def test_a_combination_that_no_job_has_is_said(tmp_path: Path) -> None:
    collected = collect(make_sweep(tmp_path, ENCODING | DEPTH))
    fewer = collected.sweep.model_copy(update={"jobs": collected.sweep.jobs[:-1]})
    fewer_collected = type(collected)(**{**vars(collected), "sweep": fewer, "table": collected.table[:-1]})
    grid = make_grid(fewer_collected, choose_axes(fewer), "f1")
    assert sum(cell.words == "not swept" for cell in grid.cells) == 1


class TestMetric:
    def test_the_declared_one_is_the_default(self, tmp_path: Path) -> None:
        collected = collect(make_sweep(tmp_path, DEPTH))
        assert choose_metric(collected) == "balanced_accuracy"
        assert choose_metric(collected, "log_loss") == "log_loss"
        assert choose_metric(collected, "val_log_loss") == "log_loss"

    def test_one_that_is_not_there(self, tmp_path: Path) -> None:
        collected = collect(make_sweep(tmp_path, DEPTH))
        with pytest.raises(StudyError, match=r"metric=rmse is not there\..*accuracy, .*log_loss\."):
            choose_metric(collected, "rmse")

    def test_none_is_there_yet(self, tmp_path: Path) -> None:
        collected = collect(make_sweep(tmp_path, DEPTH, status=lambda v: "running"))
        assert choose_metric(collected) == "balanced_accuracy"
        with pytest.raises(StudyError, match="no job of this sweep has finished"):
            choose_metric(collected, "rmse")
