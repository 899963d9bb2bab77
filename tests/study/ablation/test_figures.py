"""What is drawn: looked up in the figure itself, not in its pixels."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from matplotlib.figure import Figure

from study.ablation import curves, heatmap, lines
from study.ablation.axes import choose_axes
from study.ablation.cells import Grid, make_grid
from study.ablation.collect import Collected, collect
from study.ablation.measures import Measure, measure
from tests.study.ablation.make_sweeps import Values, make_sweep

AXES = {"encoding": ["angle", "iqp"], "depth": [1, 2, 4], "seed": [0, 1, 2]}
PLACE = Path("never-written.png")


@pytest.fixture
def figures(monkeypatch: pytest.MonkeyPatch) -> list[Figure]:
    kept: list[Figure] = []

    @contextmanager
    def keep(path: Path, width: float, height: float) -> Iterator[Figure]:
        figure = Figure(figsize=(width, height))
        yield figure
        kept.append(figure)

    modules: list[ModuleType] = [heatmap, lines, curves]
    for module in modules:
        monkeypatch.setattr(module, "drawn", keep)
    return kept


def outcome(values: Values) -> float:
    return 0.5 + 0.1 * values["depth"] + 0.01 * values["seed"] + (0.005 if values["encoding"] == "iqp" else 0)


def troubled(values: Values) -> str:
    if values["encoding"] == "iqp" and values["depth"] == 2:
        return "failed"
    return "gone" if values == {"encoding": "angle", "depth": 4, "seed": 1} else "finished"


def of(
    root: Path, axes: Any = AXES, metric: str = "balanced_accuracy", **how: Any
) -> tuple[Collected, Grid, Measure]:
    collected = collect(make_sweep(root, axes, **how))
    grid = make_grid(collected, choose_axes(collected.sweep), metric)
    return collected, grid, measure(collected.sweep.task, metric)


def texts(figure: Figure) -> str:
    found = [text.get_text() for axes in figure.axes for text in axes.texts]
    return "\n".join([*found, figure.get_suptitle()])


def hatched(figure: Figure) -> int:
    return sum(1 for patch in figure.axes[0].patches if patch.get_hatch())


def test_a_cell_holds_mean_interval_and_n(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, outcome=outcome)
    heatmap.heat_map(PLACE, grid, (), shown)
    written = texts(figures[0])
    # 0.60, 0.61, 0.62: t(2) = 4.303 times 0.01 / sqrt(3) is 0.0248.
    assert "0.610" in written
    assert "0.585 to 0.635\nn = 3" in written
    assert "95% t-intervals over seed" in written
    assert hatched(figures[0]) == 0


def test_failed_and_missing_cells_are_hatched_and_say_so(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, outcome=outcome, status=troubled)
    heatmap.heat_map(PLACE, grid, (), shown)
    assert "failed 3/3" in texts(figures[0])
    assert "n = 2\nmissing 1/3" in texts(figures[0])
    assert hatched(figures[0]) == 2


def test_an_undefined_metric_is_not_left_out_in_silence(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, outcome=lambda v: None if v["seed"] == 0 else 0.5)
    heatmap.heat_map(PLACE, grid, (), shown)
    assert "undefined 1/3" in texts(figures[0])


def test_without_repeats_there_is_no_interval(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, {"encoding": ["angle"], "depth": [1, 2]})
    heatmap.heat_map(PLACE, grid, (), shown)
    assert "one run a cell: no intervals" in texts(figures[0])
    assert "no interval\nn = 1" in texts(figures[0])


def test_brighter_is_better(tmp_path: Path, figures: list[Figure]) -> None:
    for number, task in enumerate(("classification", "regression")):
        metric = "balanced_accuracy" if task == "classification" else "rmse"
        _, grid, shown = of(tmp_path / task, outcome=outcome, task=task, metric=metric)
        heatmap.heat_map(PLACE, grid, (), shown)
        first, last = (sum(figures[number].axes[0].patches[at].get_facecolor()[:3]) for at in (0, 5))
        assert (first < last) == (task == "classification")
        label = figures[number].axes[1].get_xlabel()
        assert ("higher" if task == "classification" else "lower") in label


def test_numbers_can_be_read_on_every_colour(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, {"depth": list(range(1, 30))}, outcome=lambda v: v["depth"] / 30)
    heatmap.heat_map(PLACE, grid, (), shown)
    plot = figures[0].axes[0]
    inks = [text.get_color() for text in plot.texts if text.get_weight() == "bold"]
    assert len(inks) == 29
    for patch, ink in zip(plot.patches, inks, strict=True):
        linear = [
            c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in patch.get_facecolor()[:3]
        ]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        contrast = 1.05 / (luminance + 0.05) if ink == "white" else (luminance + 0.05) / 0.05
        assert contrast >= 4.5  # what WCAG asks for


def test_lines_hold_the_means_and_break_where_one_is_missing(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, outcome=outcome, status=troubled)
    assert lines.metric_against_axis(PLACE, grid, (), shown)
    drawn = {
        line.get_label(): line for line in figures[0].axes[0].lines if not line.get_label().startswith("_")
    }
    assert set(drawn) == {"angle", "iqp"}
    means = [float(value) for value in drawn["iqp"].get_ydata()]
    assert means[::2] == pytest.approx([0.615, 0.915])
    assert math.isnan(means[1])
    assert list(drawn["angle"].get_ydata()) == pytest.approx([0.61, 0.71, 0.91])  # 0.90 and 0.92, one missing
    whiskers = [
        line
        for line in figures[0].axes[0].lines
        if line.get_label().startswith("_child") and len(line.get_xdata()) == 2
    ]
    assert len(whiskers) == 5


def test_cost_is_all_executions(tmp_path: Path, figures: list[Figure]) -> None:
    collected, grid, shown = of(tmp_path)
    columns = ("executions", "gradient_executions")
    assert lines.metric_against_column(PLACE, grid, (), shown, columns, "circuit executions")
    table = collected.table[collected.table["encoding"] == "angle"]
    expected = (table["executions"] + table["gradient_executions"]).groupby(table["depth"]).mean()
    (angle,) = (line for line in figures[0].axes[0].lines if line.get_label() == "angle")
    assert [float(x) for x in angle.get_xdata()] == pytest.approx(expected.astype(float).tolist())


def test_one_cost_for_all_is_drawn_too(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, {"encoding": ["angle", "iqp"], "seed": [0, 1]})
    assert lines.metric_against_column(PLACE, grid, (), shown, ("n_parameters",), "parameters")


def test_a_norm_is_never_shown_below_zero(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, _ = of(tmp_path, {"depth": [2], "seed": [0, 1]})
    assert lines.gradient_against_axis(PLACE, grid, ())
    assert figures[0].axes[0].get_ylim()[0] == 0
    assert 0 in figures[0].axes[0].get_yticks()


def test_the_gradient_is_on_a_logarithmic_scale_where_it_spans_one(
    tmp_path: Path, figures: list[Figure]
) -> None:
    _, grid, _ = of(tmp_path / "a")
    assert lines.gradient_against_axis(PLACE, grid, ())
    assert figures[0].axes[0].get_yscale() == "log"
    _, grid, _ = of(tmp_path / "b", {"depth": [2], "encoding": ["angle", "iqp"]})
    assert lines.gradient_against_axis(PLACE, grid, ())
    assert figures[1].axes[0].get_yscale() == "linear"


def test_words_are_points_and_not_joined(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, shown = of(tmp_path, {"ansatz": ["a", "b", "c"], "seed": [0, 1]})
    assert lines.metric_against_axis(PLACE, grid, (), shown)
    assert figures[0].axes[0].lines[-1].get_linestyle() == "None"
    assert [label.get_text() for label in figures[0].axes[0].get_xticklabels()] == ["a", "b", "c"]


def test_every_job_has_its_curves(tmp_path: Path, figures: list[Figure]) -> None:
    collected, grid, _ = of(tmp_path, status=lambda v: "gone" if v["depth"] == 1 else troubled(v))
    assert curves.training_curves(PLACE, grid, (), collected.histories)
    plots = figures[0].axes
    assert [plot.get_title() for plot in plots] == [
        "angle, 1",
        "angle, 2",
        "angle, 4",
        "iqp, 1",
        "iqp, 2",
        "iqp, 4",
    ]
    assert "missing 3/3" in [text.get_text() for text in plots[0].texts]
    assert plots[0].patch.get_hatch()
    assert len(plots[1].lines) == 6
    assert "failed 3/3" in [text.get_text() for text in plots[4].texts]


def test_there_is_nothing_to_draw_without_results(tmp_path: Path, figures: list[Figure]) -> None:
    collected, grid, shown = of(tmp_path, status=lambda v: "gone")
    assert not lines.metric_against_axis(PLACE, grid, (), shown)
    assert not lines.metric_against_column(PLACE, grid, (), shown, ("n_parameters",), "parameters")
    assert not lines.gradient_against_axis(PLACE, grid, ())
    assert not curves.training_curves(PLACE, grid, (), collected.histories)
    heatmap.heat_map(PLACE, grid, (), shown)
    assert texts(figures[0]).count("missing 3/3") == 6


def extent(figure: Figure) -> tuple[float, float]:
    low, high = figure.axes[0].get_ylim()
    return float(low), float(high)


def arrows(figure: Figure) -> list[tuple[str, float]]:
    return [
        (line.get_marker(), float(line.get_ydata()[0]))
        for line in figure.axes[0].lines
        if line.get_label().startswith("_") and line.get_marker() in ("^", "v")
    ]


def test_bars_are_cut_where_no_value_can_be_and_say_so(tmp_path: Path, figures: list[Figure]) -> None:
    axes = {"depth": [1, 2], "seed": [0, 1]}
    # Two runs: 0.9 and 1.0 have the interval 0.95 ± 0.64, and 0.5 and 0.501 that of 0.494 to 0.507.
    _, grid, shown = of(
        tmp_path, axes, outcome=lambda v: (0.9, 1.0)[v["seed"]] if v["depth"] == 1 else 0.5 + v["seed"] / 1000
    )
    assert lines.metric_against_axis(PLACE, grid, (), shown)
    assert arrows(figures[0]) == [("^", 1.0)]
    assert "an arrow" in figures[0].get_suptitle()
    low, high = extent(figures[0])
    assert 0.2 < low < 0.32
    assert 1 < high < 1.03
    assert max(figures[0].axes[0].get_yticks()) == pytest.approx(1)
    assert lines.metric_against_column(PLACE, grid, (), shown, ("n_parameters",), "parameters")
    assert arrows(figures[1]) == [("^", 1.0)]


def test_a_metric_without_bounds_is_not_cut(tmp_path: Path, figures: list[Figure]) -> None:
    axes = {"depth": [1], "seed": [0, 1]}
    _, grid, shown = of(tmp_path, axes, task="regression", metric="rmse", outcome=lambda v: 50 + v["seed"])
    assert lines.metric_against_axis(PLACE, grid, (), shown)
    assert arrows(figures[0]) == []
    assert "an arrow" not in figures[0].get_suptitle()
    assert extent(figures[0])[1] > 56.8  # 50.5 + 12.706 / 2


def test_no_marker_is_cut_at_the_edge(tmp_path: Path, figures: list[Figure]) -> None:
    _, grid, _ = of(tmp_path)
    assert lines.gradient_against_axis(PLACE, grid, ())
    means = [line for line in figures[0].axes[0].lines if not line.get_label().startswith("_")]
    assert means
    assert not any(line.get_clip_on() for line in means)


def test_one_epoch_is_points_and_said(tmp_path: Path, figures: list[Figure]) -> None:
    for number, epochs in enumerate((1, 2)):
        collected, grid, _ = of(tmp_path / str(epochs), epochs=epochs)
        assert curves.training_curves(PLACE, grid, (), collected.histories)
        figure = figures[number]
        assert ("the one epoch" in figure.get_suptitle()) is (epochs == 1)
        markers = {line.get_marker() for line in figure.axes[1].lines}
        assert markers == ({"o", "s"} if epochs == 1 else {"None"})


def test_a_configuration_is_named_as_it_was_typed(tmp_path: Path) -> None:
    _, grid, _ = of(tmp_path, {"depth": [1], "ansatz": ["a"], "reupload": [True], "encoding": ["iqp"]})
    assert grid.name(grid.cells[0]) == "depth=1, ansatz=a, reupload=true, encoding=iqp"
