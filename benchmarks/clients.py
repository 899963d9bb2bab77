"""Programs as people write them with TorchLayer, with our layers put in TorchLayer's place.

    python benchmarks/clients.py --quick
    python benchmarks/clients.py
    python benchmarks/clients.py --kinds qlstm,gan --rounds 51

The programs are in programs/. Each is written twice in one process with one thread, with equal weights; outputs and
gradients of the first step are compared, then both take turns. A program that our layers refuse, crash in or compute
otherwise is reported and not timed.
"""

from __future__ import annotations

import argparse
import os
import statistics
from collections.abc import Sequence
from importlib.metadata import version

os.environ["OMP_NUM_THREADS"] = "1"  # read when torch and lightning are loaded

import torch
from output import Table, add_write_option, console_and_tell, publish
from pairs import LEAST_ROUNDS, Pair, measure
from programs import KINDS, Kind

ROUNDS = 21
SECONDS = 20.0
"""After which a program has no more turns."""
GOAL_NATIVE, GOAL_AS_WRITTEN = 20, 0.95


def chosen_kinds(parser: argparse.ArgumentParser, text: str) -> list[Kind]:
    """Return what ``--kinds`` asks for; end the program with one message if there is no such kind."""
    names = list(KINDS) if text == "all" else [name.strip() for name in text.split(",")]
    for name in names:
        if name not in KINDS:
            parser.error(
                f"--kinds: {name!r} is no kind of program. Allowed: all, or any of {', '.join(KINDS)}, "
                "separated by commas."
            )
    return [KINDS[name] for name in dict.fromkeys(names)]


def milliseconds(seconds: Sequence[float]) -> str:
    """Return the median, with three digits."""
    median = 1e3 * statistics.median(seconds)
    return f"{median:.0f}" if median >= 100 else f"{median:.3g}"


def factor(ratio: float) -> str:
    """Return a ratio with two decimals, or one where it is large."""
    return f"{ratio:.1f}" if ratio >= 10 else f"{ratio:.2f}"


def programs_table(pairs: Sequence[Pair]) -> Table:
    """One row a program; what our layers said of how they run stands below."""
    rows, notes = [], []
    for pair in pairs:
        begin = [pair.kind.name, pair.kind.description]
        if pair.failure is not None:
            rows.append([*begin, "–", "–", pair.failure, "–"])
            continue
        low, high = (factor(bound) for bound in pair.interval)
        ratio = f"{factor(pair.ratio)} ({low} to {high})"
        rows.append(
            [*begin, milliseconds(pair.theirs), milliseconds(pair.ours), ratio, ", ".join(pair.devices)]
        )
        if pair.reason is not None:
            notes.append(f"{pair.kind.name}: {pair.reason}")
    return Table(
        "A step of each program, median ms, and the median ratio of TorchLayer's time to ours (95 % interval)",
        ["kind", "program", "TorchLayer", "qlayers", "ratio", "ran on"],
        rows,
        notes,
    )


def summary_table(pairs: Sequence[Pair]) -> Table:
    """The median over kinds, apart for those that ran natively and those that PennyLane ran."""
    timed = [pair for pair in pairs if pair.failure is None]
    rows = []
    for label, native in (("native", True), ("on PennyLane as written", False)):
        found = [pair for pair in timed if pair.is_native is native]
        median = factor(statistics.median(pair.ratio for pair in found)) if found else "–"
        slow = ", ".join(pair.kind.name for pair in found if not pair.interval[0] > 1) or "none"
        rows.append([label, str(len(found)), median, slow])
    failed = [pair.kind.name for pair in pairs if pair.failure is not None]
    notes = [
        f"Goals: of native kinds no interval that is not above 1, and a median of at least {GOAL_NATIVE}; of kinds "
        f"that PennyLane runs as written a median of at least {GOAL_AS_WRITTEN}.",
        f"Not timed: {', '.join(failed) or 'none'}. Of all others outputs and gradients agree.",
    ]
    return Table("Over kinds", ["", "kinds", "median ratio", "interval not above 1"], rows, notes)


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{LEAST_ROUNDS} rounds, for a minute or two")
    parser.add_argument(
        "--kinds", default="all", help=f"all, or names separated by commas: {', '.join(KINDS)}"
    )
    parser.add_argument("--rounds", type=int, help=f"turns of each of the two (default {ROUNDS})")
    add_write_option(parser)
    options = parser.parse_args()
    kinds = chosen_kinds(parser, options.kinds)
    if options.write and len(kinds) < len(KINDS):
        parser.error("--write puts the table of all kinds into README.md: leave --kinds out.")
    rounds = options.rounds
    if rounds is None:
        rounds = LEAST_ROUNDS if options.quick else ROUNDS
    if rounds < LEAST_ROUNDS:
        parser.error(f"--rounds: {rounds} are too few for an interval. Allowed: {LEAST_ROUNDS} or more.")
    torch.set_num_threads(1)
    console, progress = console_and_tell()
    pairs = []
    for kind in kinds:
        progress.print(f"{kind.name}: {kind.description}", markup=False)
        pairs.append(measure(kind, rounds, SECONDS))
        if pairs[-1].failure is not None:
            progress.print(f"{kind.name} {pairs[-1].failure}", markup=False, style="bold red")
    versions = {
        name: version(name) for name in ("numba", "numpy", "pennylane", "pennylane-lightning", "torch")
    }
    tables = [programs_table(pairs), summary_table(pairs)]
    publish("clients", tables, versions, console, options.write, options.quick)
    if differing := [pair.kind.name for pair in pairs if (pair.failure or "").startswith("DIFFERS")]:
        parser.exit(1, f"Wrong numbers: {', '.join(differing)} differ from TorchLayer's.\n")


if __name__ == "__main__":
    main()
