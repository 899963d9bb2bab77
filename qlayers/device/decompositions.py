"""Decompositions that hold for whatever values the parameters have, a batch of them included.

PennyLane's own serve where there is one. These are for operations that have none, or one that looks at the values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

import pennylane as qp
from pennylane.exceptions import DecompositionUndefinedError
from pennylane.operation import Operator
from pennylane.ops import Controlled


def decomposition(operation: Operator) -> Sequence[Operator]:
    """What an operation is made of.

    Raises:
        DecompositionUndefinedError: Nothing is known of the operation, not even its matrix.
    """
    if operation.name in _RULES:
        return _RULES[operation.name](operation)
    if isinstance(operation, Controlled) and operation.base.name in _TURNED_BY:
        return _controlled_rotation(operation)
    if isinstance(operation, Controlled) and operation.base.name in _RULES:
        controls = {"control": operation.control_wires, "control_values": operation.control_values}
        return [qp.ctrl(gate, **controls) for gate in _RULES[operation.base.name](operation.base)]
    if operation.has_decomposition:
        return operation.decomposition()
    if operation.has_matrix:
        return [qp.QubitUnitary(operation.matrix(), wires=operation.wires)]
    if operation.has_sparse_matrix:
        return [qp.QubitUnitary(operation.sparse_matrix().toarray(), wires=operation.wires)]
    raise DecompositionUndefinedError


_TURNED_BY = {"RX": qp.PauliZ, "RY": qp.PauliX, "RZ": qp.PauliX, "PhaseShift": qp.PauliX}


def _controlled_rotation(operation: Controlled) -> Sequence[Operator]:
    """Half the rotation forth and half of it back, the way back turned round if all controls are on.

    A phase shift is a rotation about Z and a phase, and the phase, controlled, is a phase shift of the controls.
    """
    base, controls, values = operation.base, operation.control_wires, operation.control_values
    (angle,), target = base.data, base.wires
    rotation = qp.RZ if base.name == "PhaseShift" else type(base)
    turn = qp.ctrl(_TURNED_BY[base.name](target), control=controls, control_values=values)
    gates = [rotation(angle / 2, wires=target), turn, rotation(-angle / 2, wires=target), turn]
    if base.name != "PhaseShift":
        return gates
    if len(controls) > 1:
        phase = qp.PhaseShift(angle / 2, wires=controls[-1:])
        shift = qp.ctrl(phase, control=controls[:-1], control_values=values[:-1])
    else:
        shift = qp.PhaseShift(angle / 2, wires=controls)
    flip = [] if values[-1] else [qp.X(controls[-1])]
    return [*gates, *flip, shift, *flip]


def _fermionic_swap(operation: Operator) -> Sequence[Operator]:
    (phi,), wires = operation.data, operation.wires
    rotations = [qp.RZ(phi / 2, wires=wire) for wire in wires]
    exchange = [qp.IsingXX(phi / 2, wires=wires), qp.IsingYY(phi / 2, wires=wires)]
    return [*rotations, *exchange, qp.GlobalPhase(-phi / 2)]


def _double_excitation_with_phases(operation: Operator, sign: int) -> Sequence[Operator]:
    """``exp(± i phi/2)`` on all states but the two that are rotated; a matrix could not be differentiated."""
    (phi,), wires = operation.data, operation.wires
    on_the_two = [
        qp.ctrl(qp.PhaseShift(-sign * phi / 2, wires[3]), control=wires[:3], control_values=[0, 0, 1]),
        qp.X(wires[3]),
        qp.ctrl(qp.PhaseShift(-sign * phi / 2, wires[3]), control=wires[:3], control_values=[1, 1, 0]),
        qp.X(wires[3]),
    ]
    return [qp.DoubleExcitation(phi, wires=wires), qp.GlobalPhase(-sign * phi / 2), *on_the_two]


_RULES: dict[str, Callable[[Operator], Sequence[Operator]]] = {
    "DoubleExcitationMinus": partial(_double_excitation_with_phases, sign=-1),
    "DoubleExcitationPlus": partial(_double_excitation_with_phases, sign=1),
    "FermionicSWAP": _fermionic_swap,
}
