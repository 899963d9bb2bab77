"""The error of circuits by the number of shots, beside the line that theory draws."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from study.ladder.curve import Point
from study.ladder.judging import Judged
from study.report.palette import WIDTH, headline, legend_below, legible, look
from study.report.style import GREY, bare, drawn
from study.text import in_figure


def shots_plot(path: Path, points: Sequence[Point], judged: Sequence[Judged], title: Sequence[str]) -> None:
    """Draw the curve on two logarithmic scales, and every rung that samples at its own number of shots.

    Args:
        path: where the PNG goes.
        points: of the curve; at least one.
        judged: the rungs.
        title: lines above the figure.
    """
    rungs = [one for one in judged if one.record.shots is not None and one.error is not None]
    height = 3.4 + 0.2 * (-(-(len(rungs) + 2) // 2))
    with legible(), drawn(path, width=WIDTH, height=height) as figure:
        axes = bare(figure.subplots())
        axes.set(xscale="log", yscale="log")
        shots = np.array([point.shots for point in points])
        errors = np.array([point.error for point in points])
        expected = [point.expected for point in points if point.expected is not None]
        scale = expected[0] * np.sqrt(shots[0]) if expected else errors[0] * np.sqrt(shots[0])
        ends = np.array([shots.min() / 1.6, shots.max() * 1.6])
        words = "theory, σ/√shots" if expected else "1/√shots through the first point"
        axes.plot(ends, scale / np.sqrt(ends), color=GREY, linestyle="--", linewidth=1.2, label=words)
        spans = [
            np.clip(errors - [point.low for point in points], 0, None),
            np.clip([point.high for point in points] - errors, 0, None),
        ]
        axes.errorbar(
            shots,
            errors,
            yerr=spans,
            fmt="o",
            color=look(0).colour,
            capsize=3,
            markersize=5,
            label="sampling alone",
        )
        for number, one in enumerate(rungs, start=1):
            style = look(number)
            assert one.error is not None and one.record.shots is not None
            axes.plot(
                [one.record.shots], [one.error.seen], marker=style.marker, color=style.colour, linestyle="none",
                markersize=7, fillstyle="none", markeredgewidth=1.6, label=in_figure(one.record.label),
            )  # fmt: skip
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.0f}"))
        axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.yaxis.set_minor_formatter(NullFormatter())
        axes.set(xlabel="shots a circuit", ylabel="error of an output (root mean square)")
        headline(figure, title)
        legend_below(figure)
