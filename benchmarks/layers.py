"""Forward plus backward of one quantum layer, side by side with what else there is.

    python benchmarks/layers.py --quick         # the smallest size, without the peers
    python benchmarks/layers.py                 # all sizes
    python benchmarks/layers.py --sides all     # and all peers, from an environment of their own: see README.md

Angle (RY) encoding → strongly entangling layers → ⟨Z⟩ on every qubit, float32. Every side runs in a process of its own;
they are checked against QuantumLayer first and then timed in turns, so that a machine that slows down slows them all.
Ratios are of medians. Two sizes are for TorchLayer alone: 16 qubits, and 20 qubits with one sample, with peak memory.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from client import SideError, started
from output import Table, add_write_option, console_and_tell, publish
from problems import STRONGLY_ENTANGLING, Problem
from sides import OURS, SIDES, Side, add_sides_option, chosen_sides
from turns import QUICK, Effort, Measured, Party, Tell

SIZES = [(4, 2, 32), (4, 6, 128), (8, 4, 64), (10, 4, 128), (12, 4, 32)]
LARGE = [((16, 4, 16), ["default_qubit", "lightning"]), ((20, 4, 1), ["lightning"])]
SMALLEST = (2, 1, 16)
MEMORY_AT = (20, 4, 1)
BYTES_AN_AMPLITUDE = 8  # complex64


def problem_of(size: tuple[int, int, int]) -> Problem:
    """Of qubits, depth and batch."""
    return Problem(STRONGLY_ENTANGLING, *size)


def digits(number: float) -> str:
    """Three digits, and all before the point."""
    return f"{number:.0f}" if number >= 100 else f"{number:.3g}"


def cell(measured: Measured | None, ours: float) -> str:
    """Milliseconds, and in brackets how many times as long as QuantumLayer."""
    if measured is None or measured.median is None:
        return "–"
    text = digits(1e3 * measured.median)
    return text if measured.side is OURS else f"{text} ({digits(measured.median / ours)}×)"


def times_table(title: str, sides: Sequence[Side], rows: Sequence[tuple[str, Sequence[Measured]]]) -> Table:
    """One row a size, one column a side; who was left out where, and why, stands below."""
    cells, notes = [], []
    for name, found in rows:
        by_name = {measured.side.name: measured for measured in found}
        ours = by_name[OURS.name].median
        assert ours is not None
        cells.append([name, *(cell(by_name.get(side.name), ours) for side in sides)])
        notes += [
            f"{measured.side.label} at {name}: {measured.failure}." for measured in found if measured.failure
        ]
    return Table(title, ["qubits, depth, batch", *(side.label for side in sides)], cells, notes)


def first_calls_table(sides: Sequence[Side], rows: Sequence[tuple[str, Sequence[Measured]]]) -> Table | None:
    """What those that compile need for it; in no median."""
    compiling = [side for side in sides if side.compiles]
    if not compiling:
        return None
    cells = []
    for name, found in rows:
        by_name = {measured.side.name: measured.first for measured in found}
        seconds = [by_name.get(side.name) for side in compiling]
        cells.append([name, *("–" if taken is None else f"{taken:.1f}" for taken in seconds)])
    title = "Seconds of the first call, compilation included"
    return Table(title, ["qubits, depth, batch", *(side.label for side in compiling)], cells)


def overhead_table(found: Sequence[Measured]) -> Table:
    """What a step of the smallest circuit costs beyond nn.Linear."""
    layer, linear = (
        next(measured.median for measured in found if measured.side.name == name)
        for name in (OURS.name, "linear")
    )
    assert layer is not None and linear is not None
    row = [f"{1e6 * layer:.0f}", f"{1e6 * linear:.0f}", f"{1e6 * (layer - linear):.0f}"]
    return Table(
        "Overhead at 2 qubits, depth 1, batch 16, median µs a step",
        ["", "QuantumLayer", "nn.Linear", "difference"],
        [["", *row]],
        ["Goal: a difference of at most 120 µs."],
    )


def memory_table(sides: Sequence[Side], size: tuple[int, int, int], limit: float, tell: Tell) -> Table:
    """Peak memory in fresh processes, in units of one sample's state."""
    problem, state = problem_of(size), BYTES_AN_AMPLITUDE * 2 ** size[0]
    rows = []
    for side in sides:
        tell(f"{problem.size}: memory of {side.label}")
        with started([side]) as [client]:
            try:
                answer = client.ask("memory", limit, problem)
            except SideError as error:
                rows.append([side.label, f"failed: {error}", ""])
                continue
        shares = [answer["step"], answer["building"]]
        rows.append([side.label, *("not told" if b is None else f"{b / state:.1f}" for b in shares)])
    return Table(
        f"Peak memory at {problem.size}, in states of 2^{size[0]} amplitudes in complex64",
        ["", "a step", "building the layer"],
        rows,
        ["Goal: at most 6 in a step of QuantumLayer."],
    )


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest of the sizes alone, for a moment")
    parser.add_argument("--no-large", action="store_true", help="without 16 and 20 qubits")
    parser.add_argument("--seconds", type=float, help="that each side may take at each size (default 20)")
    add_sides_option(parser)
    add_write_option(parser)
    options = parser.parse_args()
    sides = chosen_sides(parser, options.sides)
    effort = QUICK if options.quick else Effort()
    if options.seconds is not None:
        effort = Effort(effort.turns, effort.steps, options.seconds, effort.limit)
    sizes = SIZES[:1] if options.quick else SIZES
    large = [] if options.quick or options.no_large else LARGE
    console, progress = console_and_tell()
    tell = progress.print
    rows: list[tuple[str, list[Measured]]] = []
    tables: list[Table] = []
    names = [side.name for side in sides]
    with started(sides) as clients:
        party = Party(clients)
        try:
            party.introduce(tell)
            if "linear" in names:
                smallest = party.measure(problem_of(SMALLEST), effort, tell, ["linear"])
                tables.append(overhead_table(smallest))
            for size in sizes:
                rows.append((problem_of(size).size, party.measure(problem_of(size), effort, tell)))
            for size, only in large:
                wanted = [name for name in only if name in names]
                rows.append((problem_of(size).size, party.measure(problem_of(size), effort, tell, wanted)))
        except SideError as error:
            parser.exit(1, f"{error}\n")
        versions = party.versions
    tables.insert(
        0, times_table("Forward + backward, median ms (times as long as QuantumLayer)", sides, rows)
    )
    if (first_calls := first_calls_table(sides, rows)) is not None:
        tables.insert(1, first_calls)
    if large:
        with_memory = [side for side in sides if side is OURS or side.name == "lightning"]
        tables.append(memory_table(with_memory, MEMORY_AT, effort.limit, tell))
    publish("layers", tables, versions, console, options.write, options.quick)
    if left_out := [SIDES[name].label for name in SIDES if name not in names]:
        console.print(f"Left out: {'; '.join(left_out)}. --sides all has everybody.", highlight=False)


if __name__ == "__main__":
    main()
