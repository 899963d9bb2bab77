"""The forest plot: how much better the candidate is than each of the others, and how well that is known."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from study.comparison.report.differences import Comparison
from study.report.palette import COLOURS, INK, WIDTH, headline, legible
from study.report.style import GREY, bare, drawn
from study.statistics.corrected_t import CorrectedT
from study.text import in_figure

ROLES = {"twin": (COLOURS[1], "s"), "baseline": (COLOURS[0], "o"), "candidate": (COLOURS[2], "D")}

BAND, BAND_COLOUR, LEAST_POINTS = "band", "#e3e3e3", 5.0
"""The region of practical equivalence: how it is found among the patches, and how narrow it is drawn at least."""


def forest_plot(path: Path, comparisons: Sequence[Comparison], candidate: str, name: str) -> bool:
    """Draw one row a comparison that has an interval. Returns whether there was any.

    Args:
        path: where the PNG goes.
        comparisons: of the candidate with the others.
        candidate: its label.
        name: of the metric.
    """
    rows = [(one, one.test) for one in comparisons if isinstance(one.test, CorrectedT)]
    if not rows:
        return False
    with legible(), drawn(path, width=WIDTH, height=1.9 + 0.3 * len(rows)) as figure:
        plot = bare(figure.subplots())
        plot.axvline(0, color=GREY, linewidth=1)
        seen = set()
        for place, (one, test) in enumerate(rows):
            colour, marker = ROLES[one.other.role]
            _mark(plot, place, one, first=place == 0)
            label = one.other.role if one.other.role not in seen else None
            seen.add(one.other.role)
            plot.plot([test.low, test.high], [place, place], color=colour, linewidth=1.6)
            plot.plot(
                [test.mean], [place], marker=marker, color=colour, linestyle="none", markersize=6, label=label
            )
        plot.set_yticks(range(len(rows)), [in_figure(one.other.label) for one, _ in rows])
        plot.set_ylim(len(rows) - 0.4, -0.6)
        plot.set_xlabel(f"difference in {name}\n← other better · candidate better →")
        plot.locator_params(axis="x", nbins=5)
        headline(
            figure,
            [f"{candidate} minus each of the others", "mean and 95% corrected interval over the folds"],
        )
        figure.legend(frameon=False, loc="outside lower center", ncols=2)
        _widen(figure, plot)
    return True


def _widen(figure: Figure, plot: Axes) -> None:
    """Give a band that would be lost behind the line at 0 the least width that is seen."""
    figure.draw_without_rendering()  # the layout decides how wide a unit is
    for band in plot.patches:
        if not isinstance(band, Rectangle) or band.get_gid() != BAND:
            continue
        width = band.get_window_extent().width * 72 / figure.dpi
        if 0 < width < LEAST_POINTS:
            middle, unit = band.get_x() + band.get_width() / 2, band.get_width() / width
            band.set(x=middle - unit * LEAST_POINTS / 2, width=unit * LEAST_POINTS)


def _mark(plot: Axes, place: int, one: Comparison, first: bool) -> None:
    """The region of practical equivalence and the margin of one row: they may be shares of the other's score."""
    if one.rope:
        label = "no practical difference" if first else None
        bars = plot.barh(
            place, 2 * one.rope, 1.0, -one.rope, color=BAND_COLOUR, linewidth=0, zorder=0.5, label=label
        )
        bars[0].set_gid(BAND)
    if one.margin:
        label = "margin" if first else "_margin"
        plot.vlines(
            -one.margin, place - 0.5, place + 0.5, color=INK, linestyle="--", linewidth=1, label=label
        )
