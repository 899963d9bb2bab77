"""Training curves of every job, one small plot a configuration."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes as Plot
from matplotlib.ticker import MaxNLocator

from study.ablation.cells import Cell, Grid
from study.report.palette import EMPTY, HATCH, INK, WIDTH, headline, legend_below, legible
from study.report.style import BLUE, ORANGE, bare, drawn
from study.text import in_figure

ACROSS = 4
TRAINING: dict[str, Any] = {"color": BLUE}
VALIDATION: dict[str, Any] = {"color": ORANGE, "linestyle": "--"}
MARKERS = {BLUE: "o", ORANGE: "s"}


def training_curves(
    path: Path, grid: Grid, panel: tuple[str, ...], histories: Mapping[int, pd.DataFrame]
) -> bool:
    """Training and validation loss against the epoch, a thin line a job, on the same scales everywhere.

    A job that has not finished is drawn as far as it came. Returns whether there was anything to draw.
    """
    cells = grid.of(panel)
    if not any(_histories(cell, histories) for cell in cells):
        return False
    columns = len(grid.axes.x.values) if grid.axes.x else 1
    across = columns if columns <= ACROSS else min(ACROSS, len(cells))
    down = math.ceil(len(cells) / across)
    with legible(), drawn(path, width=WIDTH, height=1.1 + 1.35 * down) as figure:
        plots = np.atleast_1d(figure.subplots(down, across, sharex=True, sharey=True)).ravel()
        for plot, cell in zip(plots, cells, strict=False):
            _curves(bare(plot), cell, _histories(cell, histories))
            plot.set_title(_name(cell), size=8.5)
        for plot in plots[len(cells) :]:
            plot.set_visible(False)
        losses = [value for cell in cells for one in _histories(cell, histories) for value in _losses(one)]
        if losses and 0 < 20 * min(losses) < max(losses):
            plots[0].set_yscale("log")
        plots[0].xaxis.set_major_locator(MaxNLocator(nbins=4, integer=True, min_n_ticks=1))
        lone = all(len(one) == 1 for cell in cells for one in _histories(cell, histories))
        handles = [
            plots[0].plot([], [], label="training", **_look(TRAINING, lone))[0],
            plots[0].plot([], [], label="validation", **_look(VALIDATION, lone))[0],
        ]
        legend_below(figure, handles=handles)
        for plot in plots[max(0, len(cells) - across) : len(cells)]:
            plot.set_xlabel("epoch", size=8.5)
            plot.tick_params(labelbottom=True)
        figure.supylabel("loss", size=9)
        what = "Losses after the one epoch, one point a job" if lone else "Training curves, one line a job"
        headline(figure, [what, grid.title(panel)])
    return True


def _curves(plot: Plot, cell: Cell, histories: list[pd.DataFrame]) -> None:
    if not histories:
        plot.set_facecolor(EMPTY)
        plot.patch.set_hatch(HATCH)
        plot.patch.set_edgecolor(INK)
        words = (cell.words or "no curve kept").replace(", ", "\n")
        plot.text(
            0.5, 0.5, words, transform=plot.transAxes, ha="center", va="center", size=8,
            bbox={"facecolor": EMPTY, "edgecolor": "none"},
        )  # fmt: skip
        return
    for history in histories:
        lone = len(history) == 1
        plot.plot(history["epoch"], history["train_loss"], **_look(TRAINING, lone))
        plot.plot(history["epoch"], history["val_loss"], **_look(VALIDATION, lone))
    if cell.words:
        plot.text(
            0.97,
            0.95,
            cell.words.replace(", ", "\n"),
            transform=plot.transAxes,
            ha="right",
            va="top",
            size=7.5,
        )


def _look(style: dict[str, Any], lone: bool) -> dict[str, Any]:
    """Of a curve; a single epoch makes no line, and gets a marker."""
    alone = {"marker": MARKERS[style["color"]], "markersize": 5, "linestyle": "none"} if lone else {}
    return {"linewidth": 1, "alpha": 0.8, **style, **alone}


def _histories(cell: Cell, histories: Mapping[int, pd.DataFrame]) -> list[pd.DataFrame]:
    return [
        histories[number] for number in cell.jobs["number"] if number in histories and len(histories[number])
    ]


def _losses(history: pd.DataFrame) -> list[float]:
    values = history[["train_loss", "val_loss"]].to_numpy(dtype=float).ravel()
    return [float(value) for value in values if math.isfinite(value)]


def _name(cell: Cell) -> str:
    return in_figure(", ".join(word for word in (cell.y, cell.x) if word))
