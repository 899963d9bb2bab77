"""The figures of a run, each made from what the run folder already holds."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.ticker import MaxNLocator

from study.metrics import calibration_bins
from study.report.palette import legend_below
from study.report.style import BLUE, GREEN, GREY, ORANGE, bare, drawn
from study.text import in_figure

Z_95 = 1.959963984540054


def learning_curves(path: Path, history: pd.DataFrame, title: str) -> None:
    """Training and validation loss above, gradient norm below, one point an epoch.

    Args:
        path: where the PNG goes.
        history: columns `epoch`, `train_loss`, `val_loss` and `gradient_norm`.
        title: above the figure.
    """
    with drawn(path, height=5.5) as figure:
        loss, gradient = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
        # A single epoch makes no line: the marker shows it.
        style: dict[str, Any] = {"marker": "o", "markersize": 3, "linewidth": 1.6}
        epochs = history["epoch"].to_numpy()
        bare(loss).plot(epochs, history["train_loss"], color=BLUE, label="training", **style)
        loss.plot(epochs, history["val_loss"], color=ORANGE, label="validation", **style)
        if history["val_loss"].notna().any():
            best = epochs[history["val_loss"].argmin()]
            loss.axvline(
                best, color=GREY, linestyle=":", linewidth=1.2, label=f"best validation (epoch {best})"
            )
        loss.set_ylabel("loss")
        loss.set_title(in_figure(title))
        loss.legend(frameon=False)
        bare(gradient).plot(epochs, history["gradient_norm"], color=GREEN, **style)
        norms = history["gradient_norm"]
        if 0 < 10 * norms.min() < norms.max():
            gradient.set_yscale("log")
        gradient.set_ylabel("gradient norm (L2)")
        gradient.set_xlabel("epoch")
        gradient.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))


def confusion_matrix(
    path: Path, targets: np.ndarray, predicted: np.ndarray, classes: Sequence[str], title: str
) -> None:
    """Counts of true class against predicted class; the shade is the share of the true class.

    Args:
        path: where the PNG goes.
        targets: labels (n_rows,).
        predicted: labels (n_rows,).
        classes: all labels, in the order of rows and columns.
        title: above the figure.
    """
    position, shown = {label: index for index, label in enumerate(classes)}, list(map(in_figure, classes))
    counts = np.zeros((len(classes), len(classes)), dtype=int)
    for target, prediction in zip(targets, predicted, strict=True):
        counts[position[target], position[prediction]] += 1
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = max(4.0, 1.8 + 0.5 * len(classes))
    with drawn(path, width=size + 0.8, height=size) as figure:
        axes = figure.subplots()
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        figure.colorbar(image, ax=axes, label="share of the true class", shrink=0.85)
        for row, column in np.ndindex(counts.shape):
            ink = "white" if shares[row, column] > 0.5 else "black"
            axes.text(column, row, str(counts[row, column]), ha="center", va="center", color=ink)
        long = max(map(len, shown)) * len(classes) > 30
        axes.set_xticks(
            range(len(classes)), shown, rotation=45 if long else 0, ha="right" if long else "center"
        )
        axes.set_yticks(range(len(classes)), shown)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        axes.set_title(in_figure(title))


def parity_plot(path: Path, targets: np.ndarray, predicted: np.ndarray, name: str, title: str) -> None:
    """Predicted against true values, in the target's own units, with the line on which they agree."""
    low = float(min(targets.min(), predicted.min()))
    high = float(max(targets.max(), predicted.max()))
    margin = 0.04 * (high - low or 1.0)
    limits = (low - margin, high + margin)
    with drawn(path, width=5.0, height=5.0) as figure:
        axes = bare(figure.subplots())
        axes.plot(limits, limits, color=GREY, linestyle=":", linewidth=1.2, label="prediction = truth")
        axes.scatter(targets, predicted, s=18, color=BLUE, alpha=0.6, linewidth=0, label="test row")
        axes.set(
            xlim=limits,
            ylim=limits,
            xlabel=f"true {name}",
            ylabel=f"predicted {name}",
            title=in_figure(title),
        )
        axes.set_aspect("equal")
        axes.legend(frameon=False)


def reliability_diagram(path: Path, correct: np.ndarray, confidence: np.ndarray, title: str) -> None:
    """How often the predicted class was right, against the probability it was given.

    Each point is one of the bins of the calibration error, with its 95 % Wilson interval; below, how many test rows
    are in each.

    Args:
        path: where the PNG goes.
        correct: was the predicted class the true one, bool (n_rows,).
        confidence: the probability of the predicted class (n_rows,).
        title: above the figure.
    """
    edges, bins = calibration_bins(confidence)
    left = float(edges[bins.min()])
    with drawn(path, width=5.0, height=6.0) as figure:
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
        bare(upper).plot(
            (0, 1), (0, 1), color=GREY, linestyle=":", linewidth=1.2, label="perfectly calibrated"
        )
        for index in np.unique(bins):
            inside = bins == index
            share, mean = correct[inside].mean(), confidence[inside].mean()
            low, high = wilson_interval(int(correct[inside].sum()), int(inside.sum()))
            upper.errorbar(
                mean,
                share,
                yerr=[[share - low], [high - share]],
                fmt="o",
                color=BLUE,
                capsize=3,
                markersize=5,
            )
        upper.plot([], [], "o", color=BLUE, label="test rows in a bin, 95 % interval")
        upper.set(xlim=(left, 1), ylim=(0, 1.02), ylabel="share that was right", title=in_figure(title))
        # Outside: points lie above the diagonal for one model and below it for the next.
        legend_below(figure)
        counts = np.bincount(bins, minlength=len(edges) - 1)
        bare(lower).bar(edges[:-1], counts, width=np.diff(edges), align="edge", color=BLUE, edgecolor="white")
        lower.set(xlabel="probability given to the predicted class", ylabel="rows")
        lower.yaxis.set_major_locator(MaxNLocator(nbins=3, integer=True))


def wilson_interval(successes: float, trials: float, z: float = Z_95) -> tuple[float, float]:
    """Wilson's score interval for a proportion; unlike the normal one it stays inside [0, 1].

    E. B. Wilson, J. Am. Stat. Assoc. 22, 209 (1927).
    """
    share = successes / trials
    centre = (share + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z / (1 + z**2 / trials) * math.sqrt(share * (1 - share) / trials + z**2 / (4 * trials**2))
    return min(share, max(0.0, centre - half)), max(share, min(1.0, centre + half))
