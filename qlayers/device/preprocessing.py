"""What the device does to a circuit before it runs it, by PennyLane's transforms."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pennylane as qp
from pennylane.devices import ExecutionConfig
from pennylane.devices.default_qubit import accepted_analytic_measurement, accepted_sample_measurement
from pennylane.devices.preprocess import (
    decompose,
    device_resolve_dynamic_wires,
    no_sampling,
    validate_device_wires,
    validate_measurements,
)
from pennylane.exceptions import DecompositionUndefinedError, DeviceError
from pennylane.measurements import ClassicalShadowMP, ShadowExpvalMP
from pennylane.operation import Operator
from pennylane.ops import Controlled, MidMeasure
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms import broadcast_expand, defer_measurements
from pennylane.typing import PostprocessingFn
from pennylane.wires import Wires

from qlayers.device.expansion import COMPOSED, NO_OPERATIONS, TEMPLATES
from qlayers.simulator.gates import GATE_SET

NUMBERS = GATE_SET | COMPOSED | NO_OPERATIONS
"""Operations whose parameters are numbers."""


def takes_numbers(operation: Operator) -> bool:
    """Whether an operation runs as it is and has numbers as parameters, or none."""
    return operation.name in NUMBERS


def takes(operation: Operator) -> bool:
    """Whether an operation runs as it is."""
    return operation.name in NUMBERS or operation.name in TEMPLATES


def pipeline(name: str, wires: Wires | None, config: ExecutionConfig) -> qp.CompilePipeline:
    """The transforms, in order.

    Args:
        name: The device's, for messages.
        wires: The device's, or None for those that the circuit has.
        config: After the device has set it up.
    """
    transforms = qp.CompilePipeline()
    transforms.add_transform(_refuse_postselection, name=name)
    transforms.add_transform(defer_measurements, allow_postselect=False)
    transforms.add_transform(_one_by_one_where_needed)
    transforms.add_transform(
        decompose,
        # Whoever asks for a Jacobian, rather than for its product with a vector, counts on numbers as parameters.
        stopping_condition=takes if config.use_device_jacobian_product else takes_numbers,
        decomposer=_decomposition,
        device_wires=wires,
        target_gates=GATE_SET,
        name=name,
    )
    transforms.add_transform(device_resolve_dynamic_wires, wires=wires, allow_resets=False)
    transforms.add_transform(validate_device_wires, wires, name=name)
    transforms.add_transform(
        validate_measurements,
        analytic_measurements=accepted_analytic_measurement,
        sample_measurements=accepted_sample_measurement,
        name=name,
    )
    if config.gradient_method == "adjoint":
        transforms.add_transform(no_sampling, name=f"adjoint + {name}")
        if not config.use_device_jacobian_product:
            transforms.add_transform(broadcast_expand)
    return transforms


def _first(results: Any) -> Any:
    return results[0]


@qp.transform
def _refuse_postselection(tape: QuantumScript, name: str) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    if any(isinstance(gate, MidMeasure) and gate.postselect is not None for gate in tape.operations):
        raise DeviceError(f"{name} does not postselect on measurements in the middle; default.qubit does")
    return (tape,), _first


@qp.transform
def _one_by_one_where_needed(tape: QuantumScript) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Sample by sample, since PennyLane takes apart one matrix, and draws shadows of one state, at a time."""
    shadows = any(
        isinstance(measurement, ShadowExpvalMP | ClassicalShadowMP) for measurement in tape.measurements
    )
    if tape.batch_size is not None and (
        shadows or any(_is_taken_apart_one_by_one(gate) for gate in tape.operations)
    ):
        return broadcast_expand(tape)
    return (tape,), _first


_ONE_BY_ONE = {"Evolution", "Exp", "FermionicSWAP"}
"""Operations whose decomposition asks whether a parameter is real, which a batch of tensors cannot answer."""


def _is_taken_apart_one_by_one(operation: Operator) -> bool:
    if operation.batch_size is None or operation.name in TEMPLATES:
        return False
    has_matrices = any(len(qp.math.shape(value)) > 2 for value in operation.data)
    return has_matrices or operation.name in _ONE_BY_ONE


def _decomposition(operation: Operator) -> Sequence[Operator]:
    """PennyLane's, except where that has none, or one that depends on the values of parameters."""
    if operation.name in _SIGNS:
        return _double_excitation_with_phases(operation, _SIGNS[operation.name])
    if isinstance(operation, Controlled) and operation.base.name in _TURNED_BY:
        return _controlled_rotation(operation)
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


_SIGNS = {"DoubleExcitationPlus": 1, "DoubleExcitationMinus": -1}


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
