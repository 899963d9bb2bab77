"""Scores against the size of the training part, and against noise in its labels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from study.comparison.evidence import PLAIN, Condition, Entrant, Evidence
from study.report.columns import Column
from study.report.palette import WIDTH, headline, legible, look
from study.report.sheet import NOTHING, Sheet, plain_sheet
from study.report.style import bare, drawn
from study.text import in_figure


@dataclass(frozen=True)
class Curve:
    """What is varied: its conditions in order, where each stands on the axis, and words for both."""

    name: str
    axis: str
    conditions: Sequence[Condition]
    place: Callable[[Condition], float]
    label: Callable[[Condition], str]


@dataclass(frozen=True)
class Line:
    """One entrant: mean metric at each condition over the splits that have all of them; NaN where there are none."""

    entrant: Entrant
    means: Sequence[float]
    n_splits: int


def curves_of(evidence: Evidence) -> list[Curve]:
    """Learning curve and label-noise curve, those that were computed."""
    seen = sorted({one.condition for one in evidence.outcomes})
    shots = sorted({int(count) for one in evidence.outcomes for count in one.sampled})
    sizes = [one for one in seen if one.label_noise == 0 and one.fraction != 1]
    noises = [one for one in seen if one.fraction == 1 and one.label_noise != 0]
    found = []
    if sizes:
        found.append(
            Curve(
                "Learning curves",
                "share of the training rows",
                [*sizes, PLAIN],
                lambda one: one.fraction,
                lambda one: f"{one.fraction:g}",
            )
        )
    if noises:
        axis = "share of the training labels replaced"
        if evidence.task == "regression":
            axis = "noise in the training targets, in their deviations"
        found.append(
            Curve(
                "Label noise",
                axis,
                [PLAIN, *noises],
                lambda one: one.label_noise,
                lambda one: f"{one.label_noise:g}",
            )
        )
    if shots:
        order = {count: float(number) for number, count in enumerate([*shots, 0])}
        found.append(
            Curve(
                "Finite shots",
                "shots a circuit, of models trained with exact values",
                [*(Condition(shots=count) for count in shots), PLAIN],
                lambda one: order[one.shots],
                lambda one: f"{one.shots:,}" if one.shots else "exact",
            )
        )
    return found


def lines_of(evidence: Evidence, curve: Curve, column: Column) -> list[Line]:
    """One line an entrant; points of different splits would differ by the split."""
    sign = 1.0 if column.higher_is_better else -1.0
    lines = []
    for entrant in evidence.entrants:
        scores = [evidence.scores(entrant.name, column.key, condition) for condition in curve.conditions]
        present = [set(found) for found in scores if found]
        shared = set.intersection(*present) if present else set()
        means = [
            sign * float(np.mean([found[split] for split in shared])) if found and shared else float("nan")
            for found in scores
        ]
        lines.append(Line(entrant, means, len(shared)))
    return lines


def draw_curve(path: Path, curve: Curve, lines: Sequence[Line], column: Column) -> bool:
    """Two plots on one scale: the candidates with their twins, and with the baselines. Returns whether any line was."""
    least = 2 if curve.name == "Finite shots" else 1  # models without a circuit have the exact value alone
    drawable = [line for line in lines if np.isfinite(line.means).sum() >= least]
    if not drawable:
        return False
    groups = [
        [line for line in drawable if line.entrant.role in ("candidate", role)]
        for role in ("twin", "baseline")
    ]
    groups = [group for group in groups if any(line.entrant.role != "candidate" for line in group)] or [
        drawable
    ]
    places = [curve.place(condition) for condition in curve.conditions]
    legend_rows = sum(-(-len(group) // 2) for group in groups)
    with legible(), drawn(path, width=WIDTH, height=1.0 + 2.3 * len(groups) + 0.2 * legend_rows) as figure:
        plots = np.atleast_1d(figure.subplots(len(groups), 1, sharex=True, sharey=True))
        for plot, group in zip(plots, groups, strict=True):
            bare(plot)
            for number, line in enumerate(group):
                style = look(number)
                plot.plot(
                    places, line.means, color=style.colour, marker=style.marker, linestyle=style.line, markersize=5,
                    linewidth=2.2 if line.entrant.role == "candidate" else 1.3, label=in_figure(line.entrant.label),
                )  # fmt: skip
            plot.set_ylabel(column.name)
            plot.legend(
                frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.03 if plot is not plots[-1] else -0.26),
                ncols=2,
            )  # fmt: skip
        plots[-1].set_xlabel(curve.axis)
        plots[-1].set_xticks(places, [curve.label(condition) for condition in curve.conditions])
        splits = sorted({line.n_splits for line in drawable})
        over = f"{splits[0]}" if len(splits) == 1 else f"{splits[0]} to {splits[-1]}"
        headline(figure, [curve.name, f"mean {column.name} over {over} split{'s' if splits[-1] > 1 else ''}"])
    return True


def curve_sheet(curve: Curve, lines: Sequence[Line], column: Column) -> Sheet:
    """The points of the curve in numbers."""
    header = ["model", *(curve.label(condition) for condition in curve.conditions), "splits"]
    rows = [
        [
            line.entrant.label,
            *(column.text(mean) if np.isfinite(mean) else NOTHING for mean in line.means),
            str(line.n_splits),
        ]
        for line in lines
    ]
    return plain_sheet(
        f"Mean {column.name} by {curve.axis}, over the splits that have every point of a line", header, rows
    )
