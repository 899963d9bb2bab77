"""The critical-difference diagram."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from study.report.palette import COLOURS, INK, WIDTH, headline, legible, literal
from study.report.style import drawn
from study.statistics.friedman import FriedmanNemenyi

WIDE = WIDTH + 0.6  # inches; its labels need room


def draw_diagram(path: Path, ranks: FriedmanNemenyi, labels: Mapping[str, str], metric: str) -> str:
    """Draw average ranks, bars over models that Nemenyi's test does not tell apart, and the critical difference.

    Args:
        path: where the PNG goes.
        ranks: what is drawn, by scikit-posthocs.
        labels: of the entrants, by name; all different.
        metric: that was ranked by, in words.

    Returns:
        What it shows, in words.
    """
    from scikit_posthocs import critical_difference_diagram

    averages = {literal(labels[name]): rank for name, rank in ranks.ranks.items()}
    with (
        legible(),
        drawn(path, width=WIDE, height=1.9 + 0.3 * len(averages)) as figure,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", FutureWarning)
        plot = figure.subplots()
        critical_difference_diagram(
            averages, _linked(ranks, labels), alpha=ranks.alpha, ax=plot, left_only=True,
            label_fmt_left="{label} ({rank:.2f})", label_props={"size": 8.5},
            marker_props={"s": 22, "color": COLOURS[0]}, elbow_props={"color": INK, "linewidth": 0.8},
            crossbar_props={"color": COLOURS[1], "linewidth": 2.5, "marker": None},
        )  # fmt: skip
        _ruler(plot, ranks)
        headline(
            figure,
            [
                f"Average rank over {ranks.n} datasets, by {metric}",
                "1 is best; a bar links what Nemenyi's test does not tell apart",
            ],
        )
    order = ", ".join(f"{labels[name]} {rank:.2f}" for name, rank in ranks.ranks.items())
    bars = "; ".join(", ".join(labels[name] for name in group) for group in ranks.groups)
    return (
        f"Critical-difference diagram, average ranks over {ranks.n} datasets, 1 is best: {order}. Critical difference "
        f"{ranks.critical_difference:.2f}. {f'Not told apart: {bars}' if bars else 'All are told apart'}."
    )


def _ruler(plot: object, ranks: FriedmanNemenyi) -> None:
    """The critical difference as a length above the axis, from rank 1 on."""
    end = 1 + ranks.critical_difference
    plot.plot([1, end], [1.6, 1.6], color=INK, linewidth=1.2, marker="|", markersize=7)  # type: ignore[attr-defined]
    plot.text(  # type: ignore[attr-defined]
        (1 + end) / 2, 1.85, f"critical difference {ranks.critical_difference:.2f}", ha="center", va="bottom", size=8.5
    )  # fmt: skip


def _linked(ranks: FriedmanNemenyi, labels: Mapping[str, str]) -> pd.DataFrame:
    """1 for two models of one group, else 0: exactly the bars that `ranks.groups` has."""
    names = list(ranks.ranks)
    table = pd.DataFrame(np.eye(len(names)), index=names, columns=names)
    for group in ranks.groups:
        table.loc[list(group), list(group)] = 1.0
    shown = {name: literal(labels[name]) for name in names}
    return table.rename(index=shown, columns=shown)
