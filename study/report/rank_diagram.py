"""Average ranks on one axis, with bars over what is not told apart, in the manner of Demšar (2006)."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from study.report.palette import COLOURS, INK, WIDTH, headline, legible
from study.report.style import drawn
from study.text import in_figure

WIDE = WIDTH + 0.6  # inches; its labels need room


def draw_rank_diagram(
    path: Path,
    ranks: Mapping[str, float],
    groups: Sequence[Sequence[str]],
    title: Sequence[str],
    critical_difference: float | None = None,
) -> None:
    """Draw the diagram, by scikit-posthocs.

    Args:
        path: where the PNG goes.
        ranks: average rank of each model, by the label that is shown.
        groups: labels that one bar links, neighbours in rank.
        title: lines above it.
        critical_difference: drawn as a length above the axis.
    """
    from scikit_posthocs import critical_difference_diagram

    shown = {label: in_figure(label) for label in ranks}
    # The drawing takes p-values and links what is above a level: 1 within a group and 0 elsewhere gives just its bars.
    linked = pd.DataFrame(np.eye(len(ranks)), index=list(shown.values()), columns=list(shown.values()))
    for group in groups:
        members = [shown[label] for label in group]
        linked.loc[members, members] = 1.0
    room = 0.0 if critical_difference is None else 0.3
    with (
        legible(),
        drawn(path, width=WIDE, height=1.6 + room + 0.3 * len(ranks)) as figure,
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", FutureWarning)
        plot = figure.subplots()
        critical_difference_diagram(
            {shown[label]: rank for label, rank in ranks.items()}, linked, alpha=0.5, ax=plot, left_only=True,
            label_fmt_left="{label} ({rank:.2f})", label_props={"size": 8.5},
            marker_props={"s": 22, "color": COLOURS[0]}, elbow_props={"color": INK, "linewidth": 0.8},
            crossbar_props={"color": COLOURS[1], "linewidth": 2.5, "marker": None},
        )  # fmt: skip
        if critical_difference is not None:
            plot.plot(
                [1, 1 + critical_difference], [1.6, 1.6], color=INK, linewidth=1.2, marker="|", markersize=7
            )
            words = f"critical difference {critical_difference:.2f}"
            plot.text(1 + critical_difference / 2, 1.85, words, ha="center", va="bottom", size=8.5)
        headline(figure, list(title))
