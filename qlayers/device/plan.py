"""From a tape to a program and the numbers it runs on."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from pennylane.exceptions import DeviceError
from pennylane.operation import Operator, StatePrepBase
from pennylane.tape import QuantumScript

from qlayers.device.expansion import NO_OPERATIONS, expand, rank_of_parameters, setting
from qlayers.device.readout import Readout, readout_of
from qlayers.recent import Recent
from qlayers.simulator.gates import add_gate
from qlayers.simulator.program import Angle, Builder, Program
from qlayers.simulator.trace import MAX_QUBITS


class Slot(NamedTuple):
    """Where a parameter's numbers go: among the weights, or, if it has a batch, among the features."""

    number: int
    is_batched: bool
    start: int
    stop: int


class Entry(NamedTuple):
    """An operation of a structure. Together with the readout, entries say which program it is."""

    name: str
    qubits: tuple[int, ...]
    setting: Hashable
    shapes: tuple[tuple[int, ...], ...]
    batched: tuple[bool, ...]


@dataclass(frozen=True)
class Plan:
    """A program, and how the parameters of a tape become its weights and samples.

    Attributes:
        program: Has one weight or feature for every number among the parameters of gates.
        slots: One for every parameter of a gate, by the parameter's number on the tape.
    """

    program: Program
    slots: tuple[Slot, ...]


class Reading(NamedTuple):
    """A tape as the simulator sees it.

    Attributes:
        plan: What is run.
        readout: What the program measures.
        qubits: By wire label, in order.
        batch: Rows of every batched parameter, or None.
        preparation: The operation that prepares amplitudes, if there is one.
        n_before: How many of the tape's parameters belong to the preparation, of amplitudes or of a basis state.
    """

    plan: Plan
    readout: Readout
    qubits: dict[Hashable, int]
    batch: int | None
    preparation: StatePrepBase | None
    n_before: int


_plans: Recent[Plan] = Recent(64)


def read(tape: QuantumScript, sampled: bool = False) -> Reading:
    """Find or make the plan of a tape.

    Args:
        tape: After the device's preprocessing.
        sampled: Whether the state is wanted, to sample from, rather than the measurements.

    Raises:
        DeviceError: With what the tape has and the simulator cannot run.
    """
    qubits = _qubits(tape)
    if len(qubits) > MAX_QUBITS:
        raise DeviceError(
            f"qlayers.batched simulates at most {MAX_QUBITS} qubits, and this circuit has {len(qubits)}"
        )
    operations = list(tape.operations)
    n_before = operations[0].num_params if operations and isinstance(operations[0], StatePrepBase) else 0
    preparation = _taken_off(operations)
    batches = set() if preparation is None else {preparation.batch_size}
    entries = []
    for operation in operations:
        entries.append(_entry(operation, qubits, batches))
    batches.discard(None)
    if len(batches) > 1:
        raise DeviceError(
            f"all batched parameters of a circuit have one batch size; these have {sorted(batches)}"
        )
    (batch,) = batches or (None,)
    if batch == 0:
        raise DeviceError("a batch of no rows was given; at least one row is needed")
    readout = Readout() if sampled else readout_of(tape.measurements, qubits)
    key = (len(qubits), preparation is not None, tuple(entries), readout)
    plan = _plans.get(key, lambda: _make(operations, entries, readout, len(qubits), preparation is not None))
    return Reading(plan, readout, qubits, batch, preparation, n_before)


def pack(
    reading: Reading, tape: QuantumScript, dtype: type[np.floating[Any]], amplitudes: torch.Tensor | None
) -> tuple[torch.Tensor, torch.Tensor]:
    """Samples and weights for the program.

    Args:
        reading: Of this tape.
        tape: Has the parameters.
        dtype: Of what is returned.
        amplitudes: From :func:`amplitudes_of`, where the tape prepares some.

    Raises:
        DeviceError: A parameter is not finite, or on another device than the CPU.
    """
    program, data = reading.plan.program, tape.data
    rows = reading.batch or 1
    weights = np.empty(program.n_weights, dtype)
    samples = np.empty((rows, program.n_features + program.n_amplitudes), dtype)
    elsewhere = {str(v.device) for v in data if isinstance(v, torch.Tensor) and v.device.type != "cpu"}
    if elsewhere:
        raise DeviceError(
            f"qlayers.batched takes parameters on the CPU, but some are on {', '.join(sorted(elsewhere))}: move them "
            "by .cpu(), or use qlayers.QuantumLayer there"
        )
    for slot in reading.plan.slots:
        values = as_array(data[reading.n_before + slot.number])
        if slot.is_batched:
            samples[:, slot.start : slot.stop] = values.reshape(rows, -1)
        else:
            weights[slot.start : slot.stop] = values.reshape(-1)
    if amplitudes is not None:
        samples[:, program.n_features :] = amplitudes.detach().numpy()
    if not (np.isfinite(weights).all() and np.isfinite(samples).all()):
        wrong = next(
            gate for gate in tape.operations if not all(np.isfinite(as_array(v)).all() for v in gate.data)
        )
        raise DeviceError(f"parameters of gates are finite numbers; those of {wrong} are not all")
    return torch.from_numpy(samples), torch.from_numpy(weights)


def amplitudes_of(preparation: StatePrepBase, qubits: Mapping[Hashable, int]) -> torch.Tensor:
    """Real parts followed by imaginary parts, shape ``(batch or 1, 2 * 2**n_qubits)``."""
    state = preparation.state_vector(wire_order=list(qubits))
    if hasattr(state, "toarray"):
        state = state.toarray()
    state = torch.as_tensor(state if isinstance(state, torch.Tensor) else np.asarray(state))
    state = state.reshape(-1, 2 ** len(qubits)).to(torch.complex128)
    return torch.cat([state.real, state.imag], dim=1)


def as_array(value: Any) -> np.ndarray:
    """A parameter's numbers; what is complex without need becomes real."""
    array = value.detach().cpu().numpy() if isinstance(value, torch.Tensor) else np.asarray(value)
    if np.iscomplexobj(array):
        if np.any(array.imag):
            raise DeviceError("a gate has a complex angle; angles are real, in radians")
        array = array.real
    return array


def _qubits(tape: QuantumScript) -> dict[Hashable, int]:
    """Wires in PennyLane's order: numbers as they are, other labels as they come."""
    acted_on = list(dict.fromkeys(wire for operation in tape.operations for wire in operation.wires))
    measured = [wire for wire in tape.wires if wire not in set(acted_on)]
    if set(acted_on) == set(range(len(acted_on))):
        acted_on = list(range(len(acted_on)))
        numbers = range(len(acted_on), len(acted_on) + len(measured))
        if set(measured) == set(numbers):
            measured = list(numbers)
    return {wire: number for number, wire in enumerate([*acted_on, *measured])}


def _taken_off(operations: list[Operator]) -> StatePrepBase | None:
    """The preparation of amplitudes that a circuit begins with; a basis state is prepared by gates."""
    if not operations or not isinstance(operations[0], StatePrepBase):
        return None
    if operations[0].name == "BasisState":
        operations[:1] = operations[0].decomposition()
        return None
    return operations.pop(0)


def _entry(operation: Operator, qubits: Mapping[Hashable, int], batches: set[int | None]) -> Entry:
    wires = tuple([qubits[wire] for wire in operation.wires])
    if not operation.data:
        return Entry(operation.name, wires, setting(operation), (), ())
    shapes, batched = [], []
    for value, rank in zip(operation.data, rank_of_parameters(operation), strict=True):
        shape = tuple(np.shape(value))
        is_batched = len(shape) > rank
        if is_batched:
            batches.add(shape[0])
        shapes.append(shape[1:] if is_batched else shape)
        batched.append(is_batched)
    return Entry(operation.name, wires, setting(operation), tuple(shapes), tuple(batched))


def _make(
    operations: Sequence[Operator], entries: Sequence[Entry], readout: Readout, n_qubits: int, prepares: bool
) -> Plan:
    slots: list[Slot] = []
    stops = {False: 0, True: 0}
    for entry in entries:
        for shape, is_batched in zip(entry.shapes, entry.batched, strict=True):
            start = stops[is_batched]
            stops[is_batched] += math.prod(shape)
            slots.append(Slot(len(slots), is_batched, start, stops[is_batched]))
    n_weights, n_features = stops[False], stops[True]
    builder = Builder(max(1, n_qubits), n_weights, n_features, 2 * 2**n_qubits if prepares else 0)
    rest = iter(slots)
    for operation, entry in zip(operations, entries, strict=True):
        positions = [
            place + (n_weights if slot.is_batched else 0)
            for slot in (next(rest) for _ in entry.shapes)
            for place in range(slot.start, slot.stop)
        ]
        if entry.name in NO_OPERATIONS:
            continue
        for gate in expand(operation, entry.shapes):
            angles = [_renumbered(angle, positions) for angle in gate.angles]
            add_gate(builder, gate.name, [entry.qubits[p] for p in gate.positions], angles)
    return Plan(readout.finish(builder), tuple(slots))


def _renumbered(angle: Angle, positions: Sequence[int]) -> Angle:
    return Angle(
        angle.offset,
        tuple(
            (positions[a], positions[b] if b >= 0 else -1, coefficient) for a, b, coefficient in angle.terms
        ),
    )
