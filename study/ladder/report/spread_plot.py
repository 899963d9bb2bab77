"""How far what circuits measured lies from exact values on each rung, and how much of that is sampling."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from study.ladder.certainty import has_ends
from study.ladder.judging import Judged
from study.report.palette import COLOURS, INK, WIDTH, headline, legible
from study.report.style import bare, drawn
from study.text import in_figure


def spread_plot(path: Path, judged: Sequence[Judged], title: Sequence[str]) -> bool:
    """Draw one row a rung that has a distance. Returns whether there was any.

    Args:
        path: where the PNG goes.
        judged: the rungs, the lowest first.
        title: lines above the figure.
    """
    rungs = [one for one in judged if one.circuits is not None]
    if not rungs:
        return False
    with legible(), drawn(path, width=WIDTH, height=1.9 + 0.32 * len(rungs)) as figure:
        axes = bare(figure.subplots())
        explained = False
        measured = "measured, 95% interval" if has_ends(one.circuits for one in rungs) else "measured"
        for place, one in enumerate(rungs):
            assert one.circuits is not None
            low, high = one.circuits.low, one.circuits.high
            if low is not None and high is not None:
                axes.plot([low, high], [place, place], color=COLOURS[0], linewidth=1.8)
            axes.plot(
                [one.circuits.value], [place], marker="o", color=COLOURS[0], linestyle="none", markersize=6
            )
            if one.sampling is not None:
                axes.plot(
                    [one.sampling], [place], marker="|", color=INK, markersize=12, markeredgewidth=1.6,
                    linestyle="none", label="_again" if explained else "by sampling alone, in theory",
                )  # fmt: skip
                explained = True
        axes.plot([], [], marker="o", color=COLOURS[0], linewidth=1.8, label=measured)
        axes.set_yticks(range(len(rungs)), [in_figure(one.record.label) for one in rungs])
        axes.set_ylim(len(rungs) - 0.5, -0.5)
        axes.set_xlim(left=0)
        axes.set_xlabel("total variation distance")
        axes.locator_params(axis="x", nbins=5)
        headline(figure, title)
        figure.legend(frameon=False, loc="outside lower center", ncols=1)
    return True
