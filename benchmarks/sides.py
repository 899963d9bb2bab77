"""Who is compared, and in which environment each side runs."""

from __future__ import annotations

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path

from problems import AMPLITUDE, ARITHMETIC, IQP, STRONGLY_ENTANGLING

HERE = Path(__file__).resolve().parent
PEERS = HERE / ".venv-peers"
HOW_TO_MAKE_PEERS = (
    "  python3.11 -m venv benchmarks/.venv-peers\n"
    "  benchmarks/.venv-peers/bin/python -m pip install -r benchmarks/peers/requirements.txt"
)
_ALL_CIRCUITS = frozenset({STRONGLY_ENTANGLING, IQP, AMPLITUDE, ARITHMETIC})
_ONE_CIRCUIT = frozenset({STRONGLY_ENTANGLING})


@dataclass(frozen=True)
class Side:
    """One of those compared.

    Attributes:
        name: On the command line, and of its module in ``workers/``.
        label: In tables.
        circuits: Those it runs.
        is_peer: Whether it needs the peers' environment.
        compiles: Whether its first call at a size compiles; that is reported apart.
        computes_same: Whether its results are the circuit's; nn.Linear's are not.
    """

    name: str
    label: str
    circuits: frozenset[str] = _ONE_CIRCUIT
    is_peer: bool = False
    compiles: bool = False
    computes_same: bool = True

    @property
    def python(self) -> Path:
        """The interpreter of its environment."""
        return PEERS / "bin" / "python" if self.is_peer else Path(sys.executable)


OURS = Side("quantum_layer", "QuantumLayer", _ALL_CIRCUITS)
"""The first side everywhere: the others' results are compared with it, and ratios are to it."""

SIDES = {
    side.name: side
    for side in (
        OURS,
        Side("default_qubit", "TorchLayer, default.qubit", _ALL_CIRCUITS),
        Side("batched_device", "TorchLayer, qlayers.batched", _ALL_CIRCUITS),
        Side("lightning", "TorchLayer, lightning.qubit"),
        Side("linear", "nn.Linear", computes_same=False),
        Side("with_deepquantum", "DeepQuantum", is_peer=True),
        Side("with_pyqtorch", "pyqtorch (float64)", is_peer=True),
        Side("with_tensorcircuit", "TensorCircuit-NG, JAX jit", is_peer=True, compiles=True),
        Side("with_jax", "PennyLane default.qubit, JAX jit", is_peer=True, compiles=True),
    )
}
OWN = [name for name, side in SIDES.items() if not side.is_peer]


def add_sides_option(parser: argparse.ArgumentParser, allowed: list[str] | None = None) -> None:
    """The option ``--sides``."""
    parser.add_argument(
        "--sides",
        default="own",
        help="own (all that qlayers' environment has), all (the peers too), or names separated by commas: "
        + ", ".join(allowed or SIDES),
    )


def chosen_sides(parser: argparse.ArgumentParser, text: str, allowed: list[str] | None = None) -> list[Side]:
    """What ``--sides`` asks for, ours first; ends the program with one message if that cannot be had.

    Args:
        parser: Says how the option is wrong.
        text: The option's value.
        allowed: The sides that this script knows; all of them when None.
    """
    known = allowed or list(SIDES)
    groups = {"own": [name for name in known if name in OWN], "all": known}
    names = groups.get(text) or [name.strip() for name in text.split(",")]
    for name in names:
        if name not in known:
            parser.error(
                f"--sides: {name!r} is no side. Allowed: own, all, or any of {', '.join(known)}, separated by commas."
            )
    sides = [OURS, *(SIDES[name] for name in dict.fromkeys(names) if name != OURS.name)]
    missing = [side.name for side in sides if not side.python.exists()]
    if missing:
        parser.error(
            f"--sides: {', '.join(missing)} run in an environment of their own, which is missing. Make it in the "
            f"checkout with\n{HOW_TO_MAKE_PEERS}"
        )
    return sides
