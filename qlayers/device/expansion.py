"""Operations that the device takes as they are, and the gates they stand for.

A QNode's cost is mostly that of making PennyLane operations, one Python object a gate. Operations whose angles are
polynomials of degree two of their parameters need not be decomposed on every call: what they stand for is found once,
and then a parameter is looked up in an array.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any, NamedTuple

import pennylane as qp
import torch
from pennylane.devices.preprocess import decompose
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers._layer.undisturbed import undisturbed
from qlayers.recent import Recent
from qlayers.simulator.formula import Formula
from qlayers.simulator.gates import GATE_SET
from qlayers.simulator.polynomial import polynomials_of
from qlayers.simulator.program import Angle
from qlayers.simulator.recording import Recorder
from qlayers.simulator.trace import as_angle

NO_OPERATIONS = frozenset({"Barrier", "Snapshot"})
"""What changes no state. Snapshots are taken by ``qp.snapshots``, which runs the circuit up to each of them."""

COMPOSED = frozenset(
    {
        "CH", "CRX", "CRY", "CRZ", "CRot", "CSWAP", "CY", "ControlledPhaseShift", "ECR", "ISWAP", "IsingXX", "IsingXY",
        "IsingYY", "IsingZZ", "PSWAP", "Rot", "SISWAP", "Toffoli", "U1", "U2", "U3",
    }
)  # fmt: skip
"""Gates of several gates of the set; their parameters are numbers."""

TEMPLATES = frozenset(
    {
        "AngleEmbedding", "BasicEntanglerLayers", "IQPEmbedding", "QAOAEmbedding", "SimplifiedTwoDesign",
        "StronglyEntanglingLayers",
    }
)  # fmt: skip
"""Templates, whose parameters are arrays."""


class Gate(NamedTuple):
    """A gate of the set: its name, the positions of its wires among the operation's, its angles by parameter."""

    name: str
    positions: tuple[int, ...]
    angles: tuple[Angle, ...]


_expansions: Recent[tuple[Gate, ...]] = Recent(512)


def rank_of_parameters(operation: Operator) -> Sequence[int]:
    """How many dimensions each parameter has for one sample; one more, in front, is the batch."""
    return operation.ndim_params if operation.name in TEMPLATES else (0,) * operation.num_params


def setting(operation: Operator) -> Hashable:
    """What an operation's gates depend on besides its name and the shapes of its parameters."""
    if operation.name not in TEMPLATES:
        return None
    # Options may name wires.
    return (_frozen(operation.hyperparameters), operation.wires.labels)


def expand(operation: Operator, shapes: Sequence[tuple[int, ...]]) -> tuple[Gate, ...]:
    """The gates of an operation.

    Args:
        operation: Named in the set, in :data:`COMPOSED` or in :data:`TEMPLATES`.
        shapes: Of its parameters, without a batch.

    Returns:
        Gates with angles as polynomials of all the parameters' entries in a row.
    """
    if operation.name in GATE_SET:
        positions = tuple(range(len(operation.wires)))
        angles = tuple(Angle(0.0, ((number, -1, 1.0),)) for number in range(len(shapes)))
        return (Gate(operation.name, positions, angles),)
    key = (operation.name, len(operation.wires), tuple(shapes), setting(operation))
    return _expansions.get(key, lambda: _find(operation, shapes))


def _find(operation: Operator, shapes: Sequence[tuple[int, ...]]) -> tuple[Gate, ...]:
    sizes = [math.prod(shape) for shape in shapes]
    generator = torch.Generator().manual_seed(0)
    point = 6 * torch.rand(sum(sizes), generator=generator, dtype=torch.float64) - 3
    with undisturbed(), Recorder((point, torch.empty(0))) as recorder:
        parts = [part.reshape(shape) for part, shape in zip(point.split(sizes), shapes, strict=True)]
        bound = qp.ops.functions.bind_new_parameters(operation, parts) if parts else operation
        with qp.QueuingManager.stop_recording():
            (tape,), _ = decompose(
                QuantumScript([bound]), stopping_condition=lambda gate: gate.name in GATE_SET
            )
        angles = [as_angle(value) + 0.0 for gate in tape.operations for value in gate.data]
    polynomials = polynomials_of(Formula.recorded(recorder, angles), len(point))
    if None in polynomials:
        raise AssertionError(f"{operation.name} is no operation with polynomials as angles")
    rest = iter(polynomials)
    return tuple(
        Gate(
            gate.name,
            tuple(operation.wires.index(wire) for wire in gate.wires),
            tuple(angle for _, angle in zip(range(gate.num_params), rest, strict=False) if angle is not None),
        )
        for gate in tape.operations
    )


def _frozen(value: Any) -> Hashable:
    if isinstance(value, dict):
        return tuple((name, _frozen(entry)) for name, entry in sorted(value.items()))
    if isinstance(value, list | tuple):
        return tuple(_frozen(entry) for entry in value)
    hash(value)
    return value
