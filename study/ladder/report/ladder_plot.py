"""The ladder plot: the metric on each rung, and beneath it what the rung took."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

from study.ladder.certainty import has_ends
from study.ladder.judging import Judged
from study.ladder.words import labelled, metric_column
from study.report.columns import PRIMARY
from study.report.palette import COLOURS, INK, WIDTH, headline, legible
from study.report.style import GREY, bare, drawn
from study.text import in_figure

A_RUNG = 0.5  # inches
HERE, OUTSIDE = (COLOURS[0], "o"), (COLOURS[1], "s")
CLASSICAL = (GREY, "X")


def width_of(judged: Sequence[Judged]) -> float:
    """Inches: as wide as the page of a phone, wider for many rungs."""
    return max(WIDTH, 0.8 + A_RUNG * len(judged))


def ladder_plot(
    path: Path, judged: Sequence[Judged], task: str, reference: str, title: Sequence[str]
) -> None:
    """Draw the metric with its interval on every rung, and beneath it what the rung took.

    Between them, its difference from the reference on the same rows; then the time of a row, and the price of all.

    Args:
        path: where the PNG goes.
        judged: the rungs, the lowest first.
        task: "classification" or "regression".
        reference: the name of the rung that the others are compared with.
        title: lines above the figure.
    """
    with legible(), drawn(path, width=width_of(judged), height=6.6) as figure:
        metric, difference, seconds, price = figure.subplots(4, 1, sharex=True, height_ratios=(6, 4, 3, 0.7))
        _metric(bare(metric), judged, task, reference)
        _difference(bare(difference), judged, task, reference)
        _seconds(bare(seconds), judged)
        _price(price, judged)
        labels = [in_figure(labelled(one.record).replace(" (", "\n(")) for one in judged]
        price.set_xticks(range(len(judged)), labels, rotation=40, ha="right", rotation_mode="anchor")
        price.set_xlim(-0.6, len(judged) - 0.4)
        headline(figure, title)
        planned = [one.record.outside for one in judged if one.record.status == "planned"]
        if planned or any(one.record.outside for one in judged):
            if planned:
                colour, marker = OUTSIDE if any(planned) else HERE
                metric.plot(
                    [], [], marker=marker, color=colour, linestyle="none", fillstyle="none", label="planned"
                )
            handles, labels = metric.get_legend_handles_labels()
            figure.legend(handles, labels, frameon=False, loc="outside lower center", ncols=2)


def _metric(axes: Axes, judged: Sequence[Judged], task: str, reference: str) -> None:
    column = metric_column(task)
    shown = [(place, one) for place, one in enumerate(judged) if PRIMARY[task] in one.metrics]
    exact = next((one.metrics[PRIMARY[task]].value for _, one in shown if one.record.name == reference), None)
    if exact is not None:
        axes.axhline(exact, color=GREY, linestyle=":", linewidth=1.2)
    seen = set()
    for place, one in shown:
        (colour, marker), label = _look(one)
        label, again = "_again" if label in seen else label, label
        seen.add(again)
        interval = one.metrics[PRIMARY[task]]
        if interval.low is not None and interval.high is not None:
            axes.plot([place, place], [interval.low, interval.high], color=colour, linewidth=1.8)
        axes.plot(
            [place],
            [interval.value],
            marker=marker,
            color=colour,
            linestyle="none",
            markersize=6,
            label=label,
            clip_on=False,  # of a perfect rung, at the upper end
        )
    for place, one in enumerate(judged):
        if one.record.status in ("failed", "planned"):
            axes.text(
                place, 0.5, "failed" if one.record.status == "failed" else "planned only", rotation=90, ha="center",
                va="center", color=INK, transform=axes.get_xaxis_transform(),
            )  # fmt: skip
    if task == "classification":
        axes.set_ylim(top=min(1.0, axes.get_ylim()[1]))  # of which there is no more
    drawn_ones = has_ends(one.metrics[PRIMARY[task]] for _, one in shown)
    axes.set_ylabel(f"{column.name}\nwith 95% interval" if drawn_ones else column.name)


def _look(one: Judged) -> tuple[tuple[str, str], str]:
    """Colour and marker of a rung's metric, and what the legend calls them."""
    if one.record.status == "classical":
        return CLASSICAL, "a classical model instead"
    return (OUTSIDE, "on others' machines") if one.record.outside else (HERE, "on this machine")


def _difference(axes: Axes, judged: Sequence[Judged], task: str, reference: str) -> None:
    axes.axhline(0, color=GREY, linestyle=":", linewidth=1.2)
    for place, one in enumerate(judged):
        interval = one.differences.get(PRIMARY[task])
        if interval is None:
            continue
        colour, marker = OUTSIDE if one.record.outside else HERE
        if interval.low is not None and interval.high is not None:
            axes.plot([place, place], [interval.low, interval.high], color=colour, linewidth=1.8)
        axes.plot([place], [interval.value], marker=marker, color=colour, linestyle="none", markersize=6)
    low, high = axes.get_ylim()
    widest = max(abs(low), abs(high), 0.01 if task == "classification" else 0.0)
    if high - low < 1e-3 * widest:
        axes.set_ylim(-widest, widest)  # nothing differs, and rounding is not to fill the plot
    axes.set_ylabel(f"minus\n{in_figure(reference)}")


def _seconds(axes: Axes, judged: Sequence[Judged]) -> None:
    axes.set_yscale("log")
    for place, one in enumerate(judged):
        colour, marker = OUTSIDE if one.record.outside else HERE
        if one.record.row_seconds:
            axes.plot(
                [place], [one.record.row_seconds], marker=marker, color=colour, linestyle="none", markersize=6
            )
        elif one.record.plan.get("seconds") and one.record.status == "planned":
            axes.plot(
                [place], [one.record.plan["seconds"] / max(1, one.record.plan.get("circuits", 1))], marker=marker,
                color=colour, linestyle="none", markersize=6, fillstyle="none",
            )  # fmt: skip
    low, high = axes.get_ylim()
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    axes.set_ylim(10.0 ** decades[0], 10.0 ** decades[-1])
    axes.yaxis.set_major_locator(FixedLocator([10.0**power for power in decades][:: 1 + len(decades) // 5]))
    axes.yaxis.set_major_formatter(FuncFormatter(_time_tick))
    axes.yaxis.set_minor_locator(NullLocator())
    axes.set_ylabel("time a row")


def _time_tick(value: float, _: int) -> str:
    if value < 1e-3:
        return f"{value * 1e6:g} µs"
    if value < 1:
        return f"{value * 1e3:g} ms"
    return f"{value:g} s"


def _price(axes: Axes, judged: Sequence[Judged]) -> None:
    """The price in words: it is nothing on most rungs, which no scale shows well."""
    axes.spines[:].set_visible(False)
    axes.set_yticks([])
    axes.tick_params(axis="x", length=0)
    axes.set_ylim(0, 1)
    axes.set_ylabel("price", rotation=0, ha="right", va="center")
    for place, one in enumerate(judged):
        record = one.record
        usd = record.plan.get("usd") if record.status == "planned" else record.execution.get("usd")
        text = "–" if usd is None else "$0" if not usd else f"${usd:.2f}" if usd < 100 else f"${usd:.0f}"
        text = f"plan:\n{text}" if record.status == "planned" else text
        axes.text(place, 0.5, in_figure(text), ha="center", va="center", size=8.5)
