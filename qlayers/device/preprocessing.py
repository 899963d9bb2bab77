"""What the device does to a circuit before it runs it, by PennyLane's transforms."""

from __future__ import annotations

from typing import Any

import pennylane as qp
from pennylane.allocation import DynamicWire
from pennylane.devices import ExecutionConfig
from pennylane.devices.default_qubit import accepted_analytic_measurement, accepted_sample_measurement
from pennylane.devices.preprocess import (
    decompose,
    device_resolve_dynamic_wires,
    no_sampling,
    validate_device_wires,
    validate_measurements,
)
from pennylane.exceptions import DeviceError
from pennylane.measurements import ClassicalShadowMP, ShadowExpvalMP
from pennylane.operation import Operator
from pennylane.ops import MidMeasure
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.transforms import broadcast_expand, defer_measurements
from pennylane.typing import PostprocessingFn
from pennylane.wires import Wires

from qlayers.device.decompositions import decomposition
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
    transforms.add_transform(_validate_wires, wires=wires, name=name)
    transforms.add_transform(defer_measurements, allow_postselect=False)
    transforms.add_transform(_one_by_one_where_needed)
    transforms.add_transform(
        decompose,
        # Whoever asks for a Jacobian, rather than for its product with a vector, counts on numbers as parameters.
        stopping_condition=takes if config.use_device_jacobian_product else takes_numbers,
        decomposer=decomposition,
        device_wires=wires,
        target_gates=GATE_SET,
        name=name,
    )
    transforms.add_transform(device_resolve_dynamic_wires, wires=wires, allow_resets=False)
    transforms.add_transform(_measure_all_where_none_is_named, wires=wires, name=name)
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
def _validate_wires(
    tape: QuantumScript, wires: Wires | None, name: str
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Before measurements are deferred, which takes wires that the device need not have: they cost no hardware."""
    if not any(isinstance(wire, DynamicWire) for wire in tape.wires):
        measures = any(isinstance(gate, MidMeasure) for gate in tape.operations)
        return validate_device_wires(tape, wires or (tape.wires if measures else None), name=name)
    fixed = [qp.Identity(wire) for wire in tape.wires if not isinstance(wire, DynamicWire)]
    validate_device_wires(QuantumScript(fixed), wires, name=name)
    return (tape,), _first


@qp.transform
def _measure_all_where_none_is_named(
    tape: QuantumScript, wires: Wires | None, name: str
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """In circuits with dynamic wires, which have places by now."""
    if all(measurement.obs or measurement.wires for measurement in tape.measurements):
        return (tape,), _first
    return validate_device_wires(tape, wires, name=name)


@qp.transform
def _one_by_one_where_needed(tape: QuantumScript) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Sample by sample, since PennyLane takes apart one matrix, and draws shadows of one state, at a time."""
    shadows = any(isinstance(m, ShadowExpvalMP | ClassicalShadowMP) for m in tape.measurements)
    # The batch size is found by looking at every operation once more, so it is asked for last.
    wanted = shadows or any(_is_batch_of_matrices(operation) for operation in tape.operations)
    if wanted and tape.batch_size is not None:
        return broadcast_expand(tape)
    return (tape,), _first


def _is_batch_of_matrices(operation: Operator) -> bool:
    deep = any(len(qp.math.shape(value)) > 2 for value in operation.data)
    return deep and operation.batch_size is not None and operation.name not in TEMPLATES
