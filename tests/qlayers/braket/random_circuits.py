"""Circuits drawn by hypothesis, of every gate that Braket has a name for."""

from __future__ import annotations

import math

import pennylane as qp
from hypothesis import strategies as st
from pennylane.operation import Operator

from qlayers.braket.circuits import GATES

ROTATIONS = {
    "RX",
    "RY",
    "RZ",
    "PhaseShift",
    "ControlledPhaseShift",
    "IsingXX",
    "IsingYY",
    "IsingZZ",
    "IsingXY",
}
WIDTH = {
    **dict.fromkeys(["CNOT", "CY", "CZ", "SWAP", "ISWAP", "ECR", "ControlledPhaseShift", "IsingXX"], 2),
    **dict.fromkeys(["IsingYY", "IsingZZ", "IsingXY"], 2),
    **dict.fromkeys(["Toffoli", "CSWAP"], 3),
}
ANGLES = st.one_of(
    st.floats(-2 * math.pi, 2 * math.pi, allow_nan=False),
    st.sampled_from([0.0, math.pi / 2, math.pi, -math.pi]),
)


def gate(name: str, wires: list[int], angle: float) -> Operator:
    if name == "QubitUnitary":
        return qp.QubitUnitary(qp.matrix(qp.Rot(angle, 0.3, angle / 2, wires=0)), wires=wires)
    if name.startswith("Adjoint"):
        return qp.adjoint(getattr(qp, name[len("Adjoint(") : -1])(wires=wires))
    kind = getattr(qp, name)
    return kind(angle, wires=wires) if name in ROTATIONS else kind(wires=wires)


@st.composite
def operations(
    draw: st.DrawFn, n_qubits: int, names: tuple[str, ...] = tuple(GATES.values()), longest: int = 12
) -> list[Operator]:
    """A list of gates on the wires 0 … n_qubits - 1, which it need not all use."""
    fitting = [name for name in names if WIDTH.get(name, 1) <= n_qubits]
    found = []
    for name in draw(st.lists(st.sampled_from(fitting), min_size=1, max_size=longest)):
        order = draw(st.permutations(range(n_qubits)))
        found.append(gate(name, list(order[: WIDTH.get(name, 1)]), draw(ANGLES)))
    return found
