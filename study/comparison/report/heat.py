"""Heat maps of tuning: the mean validation loss over the two settings of a model that its trials varied most."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.patches import Rectangle

from study.comparison.evidence import Entrant, Evidence
from study.report.palette import EMPTY, WIDTH, headline, is_dark, legible, scale_of
from study.report.style import drawn
from study.text import in_figure

BINS = 4  # of a setting with more values than that; a trial seldom hits one twice
NOT_SETTINGS = frozenset({"entrant", "repeat", "fold", "seed", "number", "state", "loss"})
FAR = 30.0  # without a declared scale, a largest value so many times the smallest has bins of equal ratio


def varied_keys(evidence: Evidence, entrant: Entrant, trials: pd.DataFrame) -> list[str]:
    """The settings of a model that its trials varied, the most varied first."""
    own = trials[trials["entrant"] == entrant.name] if "entrant" in trials else trials.iloc[:0]
    counts = {
        str(key): own[key].dropna().astype(str).nunique() for key in own.columns if key not in NOT_SETTINGS
    }
    searched = evidence.declared.get("entrants", {}).get(entrant.name, {}).get("search", {})
    order = {key: place for place, key in enumerate(searched)}
    keys = [key for key, count in counts.items() if count > 1]
    return sorted(keys, key=lambda key: (-counts[key], order.get(key, len(order))))


def logarithmic(evidence: Evidence, entrant: Entrant) -> frozenset[str]:
    """The settings of a model that are searched on a logarithmic scale."""
    search = evidence.declared.get("entrants", {}).get(entrant.name, {}).get("search", {})
    return frozenset(key for key, space in search.items() if isinstance(space, Mapping) and space.get("log"))


def heat_map(
    path: Path,
    entrant: Entrant,
    keys: Sequence[str],
    trials: pd.DataFrame,
    in_ratios: Collection[str] = (),
) -> str | None:
    """Draw the mean loss of an entrant's trials over one or two settings.

    Args:
        path: where the PNG goes.
        entrant: whose.
        keys: one or two columns of `trials`.
        trials: one row a trial.
        in_ratios: columns whose bins have equal ratios, because they were searched so.

    Returns:
        What it shows in words; None if no trial has a finite loss.
    """
    own = trials[(trials["entrant"] == entrant.name) & np.isfinite(trials["loss"].astype(float))]
    own = own.dropna(subset=list(keys))
    if own.empty:
        return None
    columns, at_column = _binned(own[keys[0]], keys[0] in in_ratios)
    rows, at_row = _binned(own[keys[1]], keys[1] in in_ratios) if len(keys) > 1 else ([""], [0] * len(own))
    cells: dict[tuple[int, int], list[float]] = {}
    for row, column, loss in zip(at_row, at_column, own["loss"], strict=True):
        cells.setdefault((row, column), []).append(float(loss))
    means = {place: float(np.mean(values)) for place, values in cells.items()}
    scale, colours = scale_of(list(means.values())), mpl.colormaps["cividis_r"]
    width = max(WIDTH, 1.0 + 0.08 * max(map(len, rows)) + 0.85 * len(columns))
    with legible(), drawn(path, width=width, height=1.9 + 0.5 * len(rows)) as figure:
        plot = figure.subplots()
        for row, column in np.ndindex(len(rows), len(columns)):
            mean = means.get((row, column))
            colour = mpl.colors.to_rgb(EMPTY) if mean is None else colours(scale(mean))[:3]
            corner = (column - 0.5, row - 0.5)
            plot.add_patch(Rectangle(corner, 1, 1, facecolor=colour, edgecolor="white", linewidth=2))
            text = "no trial" if mean is None else f"{mean:.3g}\nn = {len(cells[row, column])}"
            ink = "white" if is_dark(colour) else "black"
            plot.text(column, row, text, ha="center", va="center", color=ink, size=8)
        plot.set(xlim=(-0.5, len(columns) - 0.5), ylim=(len(rows) - 0.5, -0.5))
        turned = max(map(len, columns)) * len(columns) > 48
        plot.set_xticks(
            range(len(columns)), columns, rotation=25 if turned else 0, ha="right" if turned else "center"
        )
        plot.set_yticks(range(len(rows)) if len(keys) > 1 else [], rows if len(keys) > 1 else [])
        plot.tick_params(length=0)
        plot.spines[:].set_visible(False)
        plot.set_xlabel(in_figure(keys[0]))
        plot.set_ylabel(in_figure(keys[1]) if len(keys) > 1 else "")
        headline(figure, [f"{entrant.label}: mean validation loss of its trials", "darker is worse"])
    best = min(means, key=lambda place: means[place])
    where = f"{keys[0]} {columns[best[1]]}" + (f", {keys[1]} {rows[best[0]]}" if len(keys) > 1 else "")
    return (
        f"Heat map. Mean validation loss of {len(own)} trials of {entrant.label} over {' and '.join(keys)}; lowest "
        f"{means[best]:.3g} at {where}."
    )


def _binned(values: pd.Series[Any], in_ratios: bool) -> tuple[list[str], list[int]]:
    """Labels of the columns, and which of them each value is in."""
    distinct = sorted(set(values.tolist()), key=lambda value: (str(type(value)), value))
    if len(distinct) <= BINS + 1 or not all(_is_number(value) for value in distinct):
        names: Mapping[Any, int] = {value: place for place, value in enumerate(distinct)}
        return [in_figure(_short(value)) for value in distinct], [names[value] for value in values]
    low, high = float(distinct[0]), float(distinct[-1])
    edges = (
        np.geomspace(low, high, BINS + 1)
        if low > 0 and (in_ratios or high > FAR * low)
        else np.linspace(low, high, BINS + 1)
    )
    places = np.clip(np.digitize(values.astype(float), edges[1:-1]), 0, BINS - 1)
    to = "–" if low >= 0 else " to "
    labels = [f"{a:.2g}{to}{b:.2g}" for a, b in pairwise(edges)]
    return labels, [int(place) for place in places]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float | np.number) and not isinstance(value, bool) and math.isfinite(value)


def _short(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
