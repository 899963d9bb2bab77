"""Circuits for a quantum computer: on its qubits, in its gates."""

from __future__ import annotations

import functools
import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pennylane as qp
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.braket.circuits import WITHOUT_EFFECT
from qlayers.errors import ConfigurationError
from qlayers.machines.native import HADAMARD, NativeGate, Writer, rz
from qlayers.machines.placement import Map, map_of, place

if TYPE_CHECKING:
    from braket.circuits import Circuit

    from qlayers.machines.machine import Machine

LOOKS_AHEAD = 8
"""Gates on two qubits that are looked at ahead when qubits are swapped."""

TAKEN = frozenset({"CNOT", "CZ", "CY", "SWAP", "IsingZZ"})
"""Gates on two qubits that are written directly; others are taken apart to these."""


@dataclass(frozen=True)
class Transpiled:
    """A circuit as a machine runs it.

    Attributes:
        gates: Native gates on physical qubits, in order.
        layout: Where the circuit's qubits start, physical qubits in the order of the circuit's.
        measured: Where they end, and are measured.
        depth: Native gates one after another, virtual z rotations not counted.
        two_qubit_gates: Native gates on two qubits.
        estimated_fidelity: The product of the fidelities of all gates and of the readout of all qubits: what is left
            if errors are independent and none undoes another. Virtual z rotations are free.
    """

    gates: tuple[NativeGate, ...]
    layout: tuple[int, ...]
    measured: tuple[int, ...]
    depth: int
    two_qubit_gates: int
    estimated_fidelity: float

    @property
    def circuit(self) -> Circuit:
        """The gates in a verbatim box, and all qubits measured in the circuit's order, for the Braket SDK.

        Raises:
            ConfigurationError: The SDK is missing.
        """
        return _verbatim(self)


def transpile(tape: QuantumScript, machine: Machine, n_qubits: int | None = None) -> Transpiled:
    """Bring a circuit onto a machine's qubits and into its gates.

    The same circuit always becomes the same; where its gates are decides the layout and its angles do not, so that all
    samples of a batch run on the same qubits. Measured in the computational basis it gives the same bits with the same
    probabilities.

    Args:
        tape: On the wires 0 … n_qubits - 1, without a batch; its measurements are not looked at, and are taken to be
            in the computational basis.
        machine: Where it runs.
        n_qubits: The circuit's qubits; the tape's wires where None.

    Raises:
        ConfigurationError: The circuit is wider than the machine, has a gate that cannot be taken apart, or the
            machine's native gates are not among those that qlayers writes.
    """
    n_qubits = n_qubits if n_qubits is not None else max(tape.wires, default=0) + 1
    machine.check_width(n_qubits)
    writer = Writer(machine)
    operations = _taken_apart(tape, writer.entangler != "cz")
    pairs = Counter(tuple(sorted(o.wires)) for o in operations if len(o.wires) == 2 and o.name != "SWAP")
    layout = place(machine, n_qubits, tuple(sorted(pairs.items())))
    ends = _route(operations, layout, writer, map_of(machine))
    gates = tuple(writer.finish(ends))
    return Transpiled(
        gates=gates,
        layout=layout,
        measured=tuple(ends),
        depth=_depth(gates),
        two_qubit_gates=sum(len(gate.qubits) == 2 for gate in gates),
        estimated_fidelity=_fidelity(gates, ends, machine),
    )


def _taken_apart(tape: QuantumScript, with_angle: bool) -> list[Operator]:
    """Gates on one qubit and those of :data:`TAKEN`; IsingZZ only where the machine has such a gate."""

    def stop(operation: Operator) -> bool:
        if operation.name == "IsingZZ":
            return with_angle
        if operation.name in TAKEN or operation.name in WITHOUT_EFFECT:
            return True
        return len(operation.wires) == 1 and operation.has_matrix

    try:
        (found,), _ = qp.devices.preprocess.decompose(
            _through_zz(tape) if with_angle else tape,
            stopping_condition=stop,
            skip_initial_state_prep=False,
            name="transpile",
            error=ConfigurationError,
        )
    except ConfigurationError as error:
        raise ConfigurationError(f"The circuit cannot be transpiled: {error}") from error
    operations = [operation for operation in found.operations if operation.name not in WITHOUT_EFFECT]
    for operation in operations:
        if operation.batch_size is not None:
            raise ConfigurationError(
                f"A circuit is transpiled by itself, but {operation.name} has a batch of {operation.batch_size}. Take "
                "the tape apart with qp.transforms.broadcast_expand first."
            )
    return operations


def _through_zz(tape: QuantumScript) -> QuantumScript:
    """With gates that one ZZ rotation makes written by it: one gate on two qubits in place of two."""
    found: list[Operator] = []
    for operation in tape.operations:
        if operation.name in ("IsingXX", "IsingYY"):
            turn = qp.Hadamard if operation.name == "IsingXX" else functools.partial(qp.RX, math.pi / 2)
            back = qp.Hadamard if operation.name == "IsingXX" else functools.partial(qp.RX, -math.pi / 2)
            found += [turn(wires=wire) for wire in operation.wires]
            found.append(qp.IsingZZ(operation.data[0], wires=operation.wires))
            found += [back(wires=wire) for wire in operation.wires]
        elif operation.name in ("ControlledPhaseShift", "CRZ"):
            angle, (control, target) = operation.data[0], operation.wires
            # diag(1, 1, 1, exp(i angle)) and diag(1, 1, exp(-i angle/2), exp(i angle/2))
            found.append(qp.IsingZZ(-angle / 2, wires=operation.wires))
            found.append(qp.RZ(angle / 2, wires=target))
            if operation.name == "ControlledPhaseShift":
                found.append(qp.RZ(angle / 2, wires=control))
        else:
            found.append(operation)
    return QuantumScript(found, tape.measurements, shots=tape.shots)


def _route(operations: list[Operator], layout: tuple[int, ...], writer: Writer, around: Map) -> list[int]:
    """Write all gates, with swaps where qubits are not neighbours; where each qubit is in the end."""
    at = list(layout)
    ahead = [tuple(o.wires) for o in operations if len(o.wires) == 2 and o.name != "SWAP"]
    done = 0
    for operation in operations:
        wires = operation.wires.tolist()
        if len(wires) == 1:
            writer.one(at[wires[0]], np.asarray(qp.math.unwrap([operation.matrix()])[0], dtype=complex))
            continue
        first, second = wires
        if operation.name == "SWAP":  # costs nothing: from here on each is called the other
            at[first], at[second] = at[second], at[first]
            continue
        _bring_together(first, second, at, ahead[done + 1 : done + 1 + LOOKS_AHEAD], writer, around)
        done += 1
        _write(operation, at[first], at[second], writer)
    return at


def _write(operation: Operator, first: int, second: int, writer: Writer) -> None:
    if operation.name == "IsingZZ":
        writer.zz(first, second, float(qp.math.unwrap(operation.data)[0]))
        return
    before, after = _AROUND_CZ[operation.name]
    writer.one(second, before)
    writer.cz(first, second)
    writer.one(second, after)


_S = rz(math.pi / 2)
_AROUND_CZ = {
    "CZ": (np.eye(2), np.eye(2)),
    "CNOT": (HADAMARD, HADAMARD),
    "CY": (HADAMARD @ _S.conj(), _S @ HADAMARD),
}
"""Gates on the second qubit before and after a controlled z that make it another controlled gate."""


def _bring_together(
    first: int, second: int, at: list[int], ahead: list[tuple[Any, ...]], writer: Writer, around: Map
) -> None:
    """Swap two qubits towards each other along the cheapest way, and meet where it serves the next gates best."""
    if around.graph.has_edge(at[first], at[second]):
        return
    way = around.way(at[first], at[second])
    choices = []
    for meeting in range(len(way) - 1):  # the gate is on way[meeting] and way[meeting + 1]
        moved = list(at)
        swaps = [(way[i], way[i + 1]) for i in range(meeting)]
        swaps += [(way[i], way[i - 1]) for i in range(len(way) - 1, meeting + 1, -1)]
        for a, b in swaps:
            _exchange(moved, a, b)
        paid = sum(3 * around.pair(a, b) for a, b in swaps) + around.pair(way[meeting], way[meeting + 1])
        later = sum(around.pair(moved[a], moved[b]) for a, b in ahead)
        choices.append((paid + later, meeting, swaps))
    for a, b in min(choices)[2]:
        for control, target in ((a, b), (b, a), (a, b)):
            writer.one(target, HADAMARD)
            writer.cz(control, target)
            writer.one(target, HADAMARD)
        _exchange(at, a, b)


def _exchange(at: list[int], a: int, b: int) -> None:
    """What is on two physical qubits, of which one may be empty, changes places."""
    for qubit, physical in enumerate(at):
        at[qubit] = b if physical == a else a if physical == b else physical


def _depth(gates: tuple[NativeGate, ...]) -> int:
    found: dict[int, int] = {}
    for gate in gates:
        if not gate.virtual:
            level = 1 + max(found.get(qubit, 0) for qubit in gate.qubits)
            found.update(dict.fromkeys(gate.qubits, level))
    return max(found.values(), default=0)


def _fidelity(gates: tuple[NativeGate, ...], measured: list[int], machine: Machine) -> float:
    product = math.prod(machine.readout_fidelity[qubit] for qubit in measured)
    for gate in gates:
        if len(gate.qubits) == 2:
            product *= machine.fidelity(*gate.qubits) or 0.0
        elif not gate.virtual:
            product *= machine.one_qubit_fidelity[gate.qubits[0]]
    return product


def _verbatim(transpiled: Transpiled) -> Circuit:
    try:
        from braket.circuits import Circuit
    except ImportError as error:
        raise ConfigurationError(
            'Braket circuits need the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error
    inside = Circuit()
    for gate in transpiled.gates:
        getattr(inside, gate.name)(*gate.qubits, *gate.angles)
    circuit = Circuit().add_verbatim_box(inside) if transpiled.gates else Circuit()
    return circuit.measure(list(transpiled.measured))
