"""Noise models on devices: what is added to a circuit, and whether it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.devices.preprocess import decompose
from pennylane.exceptions import DeviceError
from pennylane.operation import Channel, Operator
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn

from qlayers.errors import ConfigurationError
from qlayers.noise._base import BlochMap, NoiseModel

NATIVE_GATES = frozenset({"CNOT", "CZ", "Hadamard", "RX", "RY", "RZ"})
"""The gates that count as one: every other is made of these before noise is added."""

_NO_GATES = frozenset({"Barrier", "GlobalPhase", "Identity", "Snapshot"})

_ANGLE = 0.7
_TOLERANCE = 1e-6


class NoiseError(ConfigurationError):
    """A device does not do what its noise model says."""


def is_native(operation: Operator) -> bool:
    """Whether an operation is one gate, or none."""
    return operation.name in NATIVE_GATES or operation.name in _NO_GATES or isinstance(operation, Channel)


def add_transforms(
    pipeline: qp.CompilePipeline, models: Sequence[NoiseModel], name: str
) -> qp.CompilePipeline:
    """A device's transforms, followed by those that bring its circuits to native gates and add noise.

    Args:
        pipeline: The device's own.
        models: In the order of their channels.
        name: The device's, for messages.
    """
    pipeline.add_transform(
        decompose,
        stopping_condition=is_native,
        target_gates=NATIVE_GATES,
        skip_initial_state_prep=False,
        name=name,
    )
    pipeline.add_transform(_with_noise_of_gates, models=tuple(models))
    if any(model.before_readout(0) for model in models):
        pipeline.add_transform(qp.transforms.split_non_commuting, grouping_strategy="qwc")
        pipeline.add_transform(qp.transforms.diagonalize_measurements)
        pipeline.add_transform(_with_noise_of_readout, models=tuple(models), name=name)
    return pipeline


def _first(results: Any) -> Any:
    return results[0]


@qp.transform
def _with_noise_of_gates(
    tape: QuantumScript, models: Sequence[NoiseModel]
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    operations: list[Operator] = []
    with qp.QueuingManager.stop_recording():
        for operation in tape.operations:
            operations.append(operation)
            if operation.name in NATIVE_GATES:
                n_wires = len(operation.wires)
                for wire in operation.wires:
                    for model in models:
                        operations += model.after_gate(wire, n_wires)
    return (tape.copy(operations=operations, trainable_params=tape.trainable_params),), _first


@qp.transform
def _with_noise_of_readout(
    tape: QuantumScript, models: Sequence[NoiseModel], name: str
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    for measurement in tape.measurements:
        words = None if measurement.obs is None else measurement.obs.pauli_rep
        diagonal = words is not None and all(set(word.values()) <= {"Z"} for word in words)
        if measurement.obs is not None and not diagonal:
            raise DeviceError(
                f"{name} reads qubits in the computational basis, into which {measurement.obs} cannot be one. "
                "Measure Pauli words or probabilities, or leave out the readout error."
            )
    measured = set().union(*(measurement.wires or tape.wires for measurement in tape.measurements))
    with qp.QueuingManager.stop_recording():
        flips = [
            channel
            for wire in tape.wires
            if wire in measured
            for model in models
            for channel in model.before_readout(wire)
        ]
    copied = tape.copy(operations=[*tape.operations, *flips], trainable_params=tape.trainable_params)
    return (copied,), _first


def check_noise(device: qp.devices.Device, models: Sequence[NoiseModel]) -> None:
    """Compare a device with what its noise models say in closed form, on circuits that they change.

    RX(x) on the first qubit, measured in Z and in Y, and, on two qubits, RX(x) and then a CNOT: the CNOT leaves the
    control's Z alone and turns its Y into Y ⊗ X, so that both are known behind the noise of the second gate too.

    Args:
        device: With wires 0, 1 …; it is run without shots.
        models: What it should apply.

    Raises:
        NoiseError: An expectation value differs by more than 10⁻⁶.
    """
    one, two = _composed(models, 1), _composed(models, 2)
    readout = math.prod(model.of_readout() for model in models)
    y, z = -math.sin(_ANGLE) * one.y, math.cos(_ANGLE) * one.z + one.shift
    rotation, entangler = qp.RX(_ANGLE, 0), qp.CNOT([0, 1])
    probes: list[tuple[list[Operator], Operator, float]] = [
        ([rotation], qp.Z(0), readout * z),
        ([rotation], qp.Y(0), readout * y),
    ]
    if len(device.wires) > 1:
        probes += [
            ([rotation, entangler], qp.Z(0), readout * (z * two.z + two.shift)),
            ([rotation, entangler], qp.Y(0) @ qp.X(1), readout**2 * y * two.y * two.x),
        ]
    tapes = [QuantumScript(gates, [qp.expval(observable)]) for gates, observable, _ in probes]
    found = [float(np.real(value)) for value in qp.execute(tapes, device, diff_method=None)]
    for value, (gates, observable, expected) in zip(found, probes, strict=True):
        if not abs(value - expected) <= _TOLERANCE:
            names = ", ".join(repr(model) for model in models)
            circuit = " ".join(gate.name for gate in gates)
            raise NoiseError(
                f"The device {device.name} does not apply the noise that it was given, {names}: after {circuit} with "
                f"the angle {_ANGLE}, ⟨{observable}⟩ should be {expected:.6f} and is {value:.6f}. Nothing was run "
                "on it; this is an error of the device or of the noise model."
            )


def _composed(models: Sequence[NoiseModel], n_wires: int) -> BlochMap:
    return reduce(BlochMap.then, (model.of_gate(n_wires) for model in models), BlochMap())
