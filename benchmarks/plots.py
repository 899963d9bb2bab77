"""Time of a step against qubits and against batch, one line a side, as qubits.svg and batch.svg beside this file.

    python benchmarks/plots.py --quick                # few points, without the peers
    python benchmarks/plots.py --sides all            # everybody
    python benchmarks/plots.py --redraw               # the pictures again, from qubits.json and batch.json

The circuit and the way of measuring are those of layers.py. A line ends where a step takes longer than ``--longest``
seconds, or where a side cannot go on; the picture says which and why. Needs qlayers' extra ``plot``.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from client import SideError, started
from output import console_and_tell, machine
from problems import STRONGLY_ENTANGLING, Problem
from sides import HERE, OURS, SIDES, Side, add_sides_option, chosen_sides
from turns import Effort, Party, Tell


@dataclass(frozen=True)
class Axis:
    """One picture.

    Attributes:
        name: Of its files, and of what grows.
        label: Under the axis.
        fixed: What does not grow, for the title.
        problems: By what grows.
        quick: Those for ``--quick``.
    """

    name: str
    label: str
    fixed: str
    problems: dict[int, Problem]
    quick: Sequence[int]


AXES = [
    Axis(
        "qubits",
        "qubits",
        "4 layers, batch 32",
        {n: Problem(STRONGLY_ENTANGLING, n, 4, 32) for n in range(2, 17, 2)},
        (2, 4, 6),
    ),
    Axis(
        "batch",
        "samples a batch",
        "8 qubits, 4 layers",
        {b: Problem(STRONGLY_ENTANGLING, 8, 4, b) for b in (1, 4, 16, 64, 256, 1024, 4096)},
        (1, 16, 256),
    ),
]
# Okabe and Ito's colours, which readers with any colour vision tell apart; ours is black.
COLOURS = {
    "quantum_layer": "#000000",
    "default_qubit": "#d55e00",
    "batched_device": "#009e73",
    "lightning": "#e69f00",
    "linear": "#999999",
    "with_deepquantum": "#cc79a7",
    "with_pyqtorch": "#a6761d",
    "with_tensorcircuit": "#56b4e9",
    "with_jax": "#0072b2",
}
NEAR = 0.055
"""How near two labels may come, as a share of the picture's height."""


def measure(
    axis: Axis, party: Party, sides: Sequence[Side], effort: Effort, longest: float, quick: bool, tell: Tell
) -> dict[str, Any]:
    """Median seconds by side, as points of what grows and seconds."""
    lines: dict[str, list[tuple[int, float]]] = {side.name: [] for side in sides}
    notes: list[str] = []
    going_on = [side.name for side in sides]
    for value, problem in axis.problems.items():
        if quick and value not in axis.quick:
            continue
        for measured in party.measure(problem, effort, tell, going_on):
            name = measured.side.name
            if measured.median is not None:
                lines[name].append((value, measured.median))
            if name in going_on and (measured.median is None or measured.median > longest):
                going_on.remove(name)
                why = measured.failure or f"a step takes {measured.median:.1f} s"
                notes.append(f"{measured.side.label} ends at {axis.name} {value}: {why}.")
    return {"lines": lines, "notes": notes, "machine": machine(party.versions), "quick": quick}


def draw(axis: Axis, found: dict[str, Any], path: Path) -> None:
    """Write the picture: logarithmic times, every line named at its end."""
    import matplotlib
    from matplotlib.figure import Figure

    style = {"font.family": "sans-serif", "font.size": 10, "svg.fonttype": "path", "svg.hashsalt": "qlayers"}
    with matplotlib.rc_context(style):
        figure = Figure(figsize=(9.5, 5.6), layout="constrained")
        _fill(figure, axis, found)
        figure.savefig(path, metadata={"Date": None})


def _fill(figure: Any, axis: Axis, found: dict[str, Any]) -> None:
    axes = figure.add_subplot()
    ends: list[tuple[float, float, str]] = []
    for name, points in found["lines"].items():
        if not points:
            continue
        x, y = zip(*points, strict=True)
        ours = name == OURS.name
        milliseconds = [1e3 * seconds for seconds in y]
        axes.plot(
            x, milliseconds, marker="o", markersize=4, color=COLOURS[name], linewidth=2.6 if ours else 1.5,
            zorder=3 if ours else 2, linestyle="--" if name == "linear" else "-",
        )  # fmt: skip
        ends.append((x[-1], milliseconds[-1], name))
    axes.set_yscale("log")
    if axis.name == "batch":
        axes.set_xscale("log", base=4)
    ticks = sorted({x for points in found["lines"].values() for x, _ in points})
    axes.set_xticks(ticks, [str(tick) for tick in ticks])
    axes.minorticks_off()
    axes.set_xlabel(axis.label)
    axes.set_ylabel("forward + backward, ms")
    axes.grid(alpha=0.3)
    axes.spines[["top", "right"]].set_visible(False)
    quick = ", a quick run" if found["quick"] else ""
    axes.set_title(f"Angle encoding, strongly entangling layers, ⟨Z⟩: {axis.fixed}{quick}", loc="left")
    figure.draw_without_rendering()  # the labels are placed by where the layout puts the lines
    _name_lines(axes, ends)
    described, versions = found["machine"].split("; ", 1)
    below = "\n".join([*found["notes"], described, versions])
    figure.supxlabel(below, fontsize=6.5, color="#666666", x=0.01, ha="left")


def _name_lines(axes: Any, ends: Sequence[tuple[float, float, str]]) -> None:
    """Labels to the right, in the order of the lines' ends and pushed apart, with a thin line from each to its end."""
    to_share = axes.transData + axes.transAxes.inverted()
    heights = {name: to_share.transform((x, y)) for x, y, name in ends}
    order = sorted(ends, key=lambda end: heights[end[2]][1])
    places: list[float] = []
    for *_, name in order:
        wanted = float(heights[name][1])
        places.append(max(wanted, places[-1] + NEAR) if places else wanted)
    # Pushed out at the top, they come down together.
    over = max(0.0, places[-1] - 1.0) if places else 0.0
    for number in range(len(places) - 1, -1, -1):
        limit = 1.0 if number == len(places) - 1 else places[number + 1] - NEAR
        places[number] = min(places[number], limit) if over else places[number]
    for (x, y, name), place in zip(order, places, strict=True):
        axes.annotate(
            SIDES[name].label,
            (x, y),
            xytext=(1.03, place),
            textcoords="axes fraction",
            va="center",
            color=COLOURS[name],
            fontweight="bold" if name == OURS.name else "normal",
            annotation_clip=False,
            arrowprops={
                "arrowstyle": "-",
                "color": COLOURS[name],
                "linewidth": 0.6,
                "alpha": 0.6,
                "shrinkB": 3,
            },
        )


def main() -> None:
    """Measure and draw."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="few points, for a moment each")
    parser.add_argument("--redraw", action="store_true", help="draw what was measured before")
    parser.add_argument(
        "--longest", type=float, default=5.0, help="seconds of a step after which a line ends (default 5)"
    )
    parser.add_argument("--folder", type=Path, default=HERE, help="where to write (default: benchmarks/)")
    add_sides_option(parser)
    options = parser.parse_args()
    console, progress = console_and_tell()
    files = {axis.name: options.folder / f"{axis.name}.json" for axis in AXES}
    if not options.redraw:
        sides = chosen_sides(parser, options.sides)
        effort = Effort(3, 3, 0.5, 60.0) if options.quick else Effort(6, 5, 5.0)
        with started(sides) as clients:
            party = Party(clients)
            try:
                party.introduce(progress.print)
                for axis in AXES:
                    found = measure(
                        axis, party, sides, effort, options.longest, options.quick, progress.print
                    )
                    files[axis.name].write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")
            except SideError as error:
                parser.exit(1, f"{error}\n")
    for axis in AXES:
        if not files[axis.name].exists():
            parser.error(f"--redraw: {files[axis.name]} is missing. Leave --redraw out to measure.")
        path = options.folder / f"{axis.name}.svg"
        draw(axis, json.loads(files[axis.name].read_text(encoding="utf-8")), path)
        console.print(str(path), highlight=False)


if __name__ == "__main__":
    main()
