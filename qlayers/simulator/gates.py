"""The gates that programs are built from, and what each is made of.

Everything else comes down to these by PennyLane's decompositions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from qlayers.simulator.kernels.kinds import X, Y, Z
from qlayers.simulator.program import Angle, Builder

_HALF_TURNS = {"PauliX": X, "PauliY": Y, "PauliZ": Z}
_FIXED = {"S": (Z, math.pi / 2), "T": (Z, math.pi / 4), "SX": (X, math.pi / 2)}
_ROTATIONS = {"RX": X, "RY": Y, "RZ": Z}
_OTHERS = {"PhaseShift", "Hadamard", "CNOT", "CZ", "SWAP", "MultiRZ", "GlobalPhase", "Identity"}

GATE_SET = frozenset({*_HALF_TURNS, *_FIXED, *_ROTATIONS, *_OTHERS})
"""By PennyLane's names."""


def add_gate(builder: Builder, name: str, qubits: Sequence[int], angles: Sequence[Angle]) -> None:
    """Add one gate of the set, its global phase included.

    Args:
        builder: Takes the gate.
        name: From :data:`GATE_SET`.
        qubits: What it acts on.
        angles: As many as PennyLane's operation has parameters, radians.
    """
    if name in _ROTATIONS:
        builder.rotate(qubits[0], _ROTATIONS[name], angles[0])
    elif name == "PhaseShift":
        builder.rotate(qubits[0], Z, angles[0])
        builder.phase(angles[0].times(-1.0))
    elif name in _HALF_TURNS:
        builder.rotate(qubits[0], _HALF_TURNS[name], math.pi)
        builder.phase(-math.pi)
    elif name in _FIXED:
        axis, angle = _FIXED[name]
        builder.rotate(qubits[0], axis, angle)
        builder.phase(-angle)
    elif name == "Hadamard":
        builder.hadamard(qubits[0])
    elif name == "CNOT":
        builder.cnot(*qubits)
    elif name == "CZ":
        builder.cz(*qubits)
    elif name == "SWAP":
        builder.swap(*qubits)
    elif name == "MultiRZ":
        builder.multi_rz(qubits, angles[0])
    elif name == "GlobalPhase":
        builder.phase(angles[0].times(2.0))
    elif name != "Identity":
        raise ValueError(f"{name} is not among the gates {sorted(GATE_SET)}")
