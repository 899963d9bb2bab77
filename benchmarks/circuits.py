"""Forward plus backward of other circuits than the table's: QuantumLayer against TorchLayer on default.qubit.

    python benchmarks/circuits.py --quick
    python benchmarks/circuits.py

IQP encoding with hardware-efficient layers, amplitude encoding with probabilities as output, and a QNode with
arithmetic on its inputs, wrapped by ``QuantumLayer.from_qnode``. Measured as in layers.py.
"""

from __future__ import annotations

import argparse

from client import SideError, started
from layers import times_table
from output import add_write_option, console_and_tell, publish
from problems import AMPLITUDE, ARITHMETIC, CIRCUITS, IQP, Problem
from sides import SIDES, add_sides_option, chosen_sides
from turns import QUICK, Effort, Party

SIZES = {
    IQP: [(4, 2, 32), (8, 4, 64), (10, 4, 128)],
    AMPLITUDE: [(4, 2, 32), (8, 4, 64), (10, 4, 32)],
    ARITHMETIC: [(4, 2, 32), (8, 4, 64), (10, 4, 128)],
}
ALLOWED = [name for name, side in SIDES.items() if set(SIZES) <= side.circuits]
DEFAULT = "quantum_layer,default_qubit"


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the smallest size of each, for a moment")
    add_sides_option(parser, ALLOWED)
    parser.set_defaults(sides=DEFAULT)
    add_write_option(parser)
    options = parser.parse_args()
    sides = chosen_sides(parser, options.sides, ALLOWED)
    effort = QUICK if options.quick else Effort()
    console, progress = console_and_tell()
    rows = []
    with started(sides) as clients:
        party = Party(clients)
        try:
            party.introduce(progress.print)
            for circuit, sizes in SIZES.items():
                for size in sizes[:1] if options.quick else sizes:
                    problem = Problem(circuit, *size)
                    rows.append((circuit, problem, party.measure(problem, effort, progress.print)))
        except SideError as error:
            parser.exit(1, f"{error}\n")
    tables = [
        times_table(
            f"{CIRCUITS[circuit]}, median ms (times as long as QuantumLayer)",
            sides,
            [(problem.size, found) for name, problem, found in rows if name == circuit],
        )
        for circuit in SIZES
    ]
    publish("circuits", tables, party.versions, console, options.write, options.quick)


if __name__ == "__main__":
    main()
