"""The scorecard as a picture: price, time and fidelity of this workload on every machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib.axes import Axes

from study.ladder.scorecard import Card
from study.ladder.words import dollars
from study.report.palette import COLOURS, INK, WIDTH, headline, legible
from study.report.style import bare, drawn
from study.sweep.watch import duration
from study.text import in_figure


def score_plot(path: Path, cards: Sequence[Card], title: Sequence[str]) -> None:
    """Draw three panels, one row a machine: price in dollars, seconds without the queue, estimated fidelity.

    Args:
        path: where the PNG goes.
        cards: at least one.
        title: lines above the figure.
    """
    panels: list[tuple[str, Callable[[Card], float | None], Callable[[float], str], bool]] = [
        ("price", lambda card: card.usd, dollars, True),
        ("time, no queue", lambda card: card.seconds, duration, True),
        ("estimated fidelity", lambda card: card.estimated_fidelity, "{:.2f}".format, False),
    ]
    with legible(), drawn(path, width=WIDTH, height=1.2 + 3 * (0.5 + 0.24 * len(cards))) as figure:
        for number, (axes, (name, value, text, wide)) in enumerate(
            zip(figure.subplots(len(panels), 1), panels, strict=True)
        ):
            _panel(bare(axes), cards, name, value, text, wide, COLOURS[number])
        headline(figure, title)


def _panel(
    axes: Axes,
    cards: Sequence[Card],
    name: str,
    value: Callable[[Card], float | None],
    text: Callable[[float], str],
    wide: bool,
    colour: str,
) -> None:
    values = [value(card) for card in cards]
    known = [one for one in values if one is not None]
    if wide and known and min(known) > 0 and max(known) > 20 * min(known):
        axes.set_xscale("log")
    left = min(known) / 3 if axes.get_xscale() == "log" else 0.0
    for place, one in enumerate(values):
        if one is None:
            axes.annotate(
                "not known" if cards[place].refused is None else "cannot run it", (0, place),
                xycoords=("axes fraction", "data"), xytext=(3, 0), textcoords="offset points", va="center", color=INK,
            )  # fmt: skip
            continue
        axes.barh(place, one - left, left=left, color=colour, height=0.6)
        axes.annotate(
            in_figure(text(one)),
            (one, place),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            color=INK,
        )
    axes.set_yticks(range(len(cards)), [in_figure(card.label) for card in cards])
    axes.set_ylim(len(cards) - 0.4, -0.6)
    axes.set_xticks([])
    axes.minorticks_off()
    axes.grid(False)
    axes.spines["bottom"].set_visible(False)
    axes.margins(x=0.25)
    if known:
        high = max(known)
        axes.set_xlim(left, high * (high / left) ** 0.35 if left else high * 1.3 if high else 1.0)
    axes.set_title(f"{name}, logarithmic" if left else name, loc="left")
