"""All figures of a sweep, each with what it shows in words for those who cannot see it."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

from study.ablation.cells import Grid
from study.ablation.collect import Collected
from study.ablation.curves import training_curves
from study.ablation.heatmap import heat_map
from study.ablation.lines import gradient_against_axis, metric_against_axis, metric_against_column
from study.ablation.measures import Measure, over_words
from study.report.palette import WIDTH
from study.report.picture import Picture

EXECUTIONS = ("executions", "gradient_executions")


def draw_panel(
    folder: Path, grid: Grid, panel: tuple[str, ...], measure: Measure, collected: Collected
) -> list[Picture]:
    """Draw into `folder` the figures of one panel for which there is something to draw."""
    suffix = _suffix(grid, panel)
    place = f" ({grid.title(panel)})" if panel else ""
    x, y = grid.axes.x.key if grid.axes.x else "", grid.axes.y.key if grid.axes.y else ""
    by = f", one line for each {y}" if y else ""

    path = folder / f"heat_map{suffix}.png"
    width = heat_map(path, grid, panel, measure)
    keys = " × ".join(_both(grid))
    title = f"Mean validation {measure.name}{f' over {keys}' if keys else ''}{place}"
    pictures = [Picture(path, _heat_map_alt(grid, panel, measure, title), width)]

    def add(name: str, title: str, draw: Callable[[Path], bool]) -> None:
        path = folder / f"{name}{suffix}.png"
        if draw(path):
            alt = f"{title}{by}; the numbers are in the table of this section."
            pictures.append(Picture(path, alt, WIDTH))

    add(
        "against_axis",
        f"Validation {measure.name} against {x}{place}",
        lambda p: metric_against_axis(p, grid, panel, measure),
    )
    for name, columns, words in (
        ("against_parameters", ("n_parameters",), "trained parameters"),
        ("against_executions", EXECUTIONS, "circuit executions"),
    ):
        add(
            name,
            f"Validation {measure.name} against {words}{place}",
            lambda p, columns=columns, words=words: metric_against_column(
                p, grid, panel, measure, columns, words
            ),  # type: ignore[misc]
        )
    add(
        "gradient_at_start",
        f"Gradient norm at the start against {x}{place}",
        lambda p: gradient_against_axis(p, grid, panel),
    )
    path = folder / f"training_curves{suffix}.png"
    if training_curves(path, grid, panel, collected.histories):
        title = f"Training curves{place}"
        alt = f"{title}: training and validation loss against the epoch, a small plot a configuration, a line a job."
        pictures.append(Picture(path, alt, WIDTH))
    return pictures


def _heat_map_alt(grid: Grid, panel: tuple[str, ...], measure: Measure, title: str) -> str:
    cells = grid.of(panel)
    judged = [(cell.interval.mean, cell) for cell in cells if cell.interval]
    words = [f"Heat map. {title}, over {over_words(grid.axes.over)}."]
    if judged:
        for word, (mean, cell) in (
            ("Highest", max(judged, key=lambda pair: pair[0])),
            ("lowest", min(judged, key=lambda pair: pair[0])),
        ):
            words.append(
                f"{word} {measure.text(mean)} at {grid.name(cell)}{',' if word == 'Highest' else '.'}"
            )
    words += [f"{grid.name(cell)}: {cell.words}." for cell in cells if cell.words]
    return " ".join(words)


def _both(grid: Grid) -> list[str]:
    """The keys of the two axes, as they were typed."""
    axes = {axis.key for axis in (grid.axes.x, grid.axes.y) if axis is not None}
    return [key for key in grid.axes.typed if key in axes]


def _suffix(grid: Grid, panel: tuple[str, ...]) -> str:
    """Part of a file name: safe everywhere, and different for each panel whatever its values are."""
    if not panel:
        return ""
    return (
        f"-{grid.panels.index(panel) + 1}-{re.sub(r'[^A-Za-z0-9]+', '_', grid.title(panel)).strip('_')[:60]}"
    )
