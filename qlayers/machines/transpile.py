"""Circuits for a quantum computer: on its qubits, in its gates."""

from __future__ import annotations

import functools
import itertools
import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pennylane as qp
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.braket.circuits import WITHOUT_EFFECT
from qlayers.errors import ConfigurationError
from qlayers.machines.native import HADAMARD, NativeGate, Writer, rz
from qlayers.machines.placement import SWAP, Map, cost, map_of, places

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


def transpile(
    tape: QuantumScript,
    machine: Machine,
    n_qubits: int | None = None,
    where: Sequence[int] | None = None,
) -> Transpiled:
    """Bring a circuit onto a machine's qubits and into its gates.

    The same circuit always becomes the same; where its gates are decides the layout and its angles do not, so that all
    samples of a batch run on the same qubits. Measured in the computational basis it gives the same bits with the same
    probabilities. Nothing is fused or cancelled across a ``qp.Barrier`` on the gates' wires. A circuit that goes back
    and forth between barriers, as the folded ``U | U† | U``, runs on the qubits of ``U``, with as many times its gates
    on two qubits.

    Args:
        tape: On the wires 0 … n_qubits - 1, without a batch; its measurements are not looked at, and are taken to be
            in the computational basis.
        machine: Where it runs.
        n_qubits: The circuit's qubits; the tape's wires where None.
        where: Physical qubits for a circuit without gates on two qubits, in place of the best; others do not heed it.

    Raises:
        ConfigurationError: The circuit is wider than the machine, has a gate that cannot be taken apart, or the
            machine's native gates are not among those that qlayers writes.
    """
    n_qubits = n_qubits if n_qubits is not None else max(tape.wires, default=0) + 1
    machine.check_width(n_qubits)
    writer = Writer(machine)
    operations = _taken_apart(tape, writer.entangler != "cz")
    shape, barriers = _shape(operations)
    layout, plan = (
        (tuple(where), ())
        if where is not None and not shape
        else _plan_of_fold(machine, n_qubits, shape, barriers)
    )
    ends = _write_all(operations, layout, plan, writer)
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
    operations = [
        operation
        for operation in found.operations
        if operation.name not in WITHOUT_EFFECT or _holds_apart(operation)
    ]
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


Shape = tuple[tuple[tuple[int, int], bool], ...]
"""Of each gate on two qubits its wires, and whether it is a swap. The others have no say in where it runs."""
Swaps = tuple[tuple[int, int], ...]


def _holds_apart(operation: Operator) -> bool:
    return operation.name == "Barrier" and not operation.hyperparameters.get("only_visual")


def _shape(operations: list[Operator]) -> tuple[Shape, frozenset[int]]:
    """The gates on two qubits, and after how many of them there is a barrier."""
    found: list[tuple[tuple[int, int], bool]] = []
    barriers = set()
    for operation in operations:
        if operation.name == "Barrier":
            barriers.add(len(found))
        elif len(operation.wires) == 2:
            first, second = operation.wires
            found.append(((first, second), operation.name == "SWAP"))
    return tuple(found), frozenset(barriers)


@functools.lru_cache(maxsize=1024)
def _plan_of_fold(
    machine: Machine, n_qubits: int, shape: Shape, barriers: frozenset[int]
) -> tuple[tuple[int, ...], tuple[Swaps, ...]]:
    """As :func:`_plan`, where the circuit goes back and forth, the plan of its first part back and forth."""
    folded = _fold(shape, barriers)
    if folded is None:
        return _plan(machine, n_qubits, shape)
    end, size = folded
    layout, there = _plan(machine, n_qubits, shape[:end])
    forth = there[end - size :]
    # The swaps before a gate are behind it on the way back, which is before the gate that comes next. Those before the
    # first gate stay as they are.
    back = [tuple(reversed(swaps)) for swaps in reversed(forth[1:])]
    turns = [(), *back], [(), *forth[1:]]
    times = (len(shape) - end) // size
    return layout, there + tuple(itertools.chain(*(turns[number % 2] for number in range(times))))


def _fold(shape: Shape, barriers: frozenset[int]) -> tuple[int, int] | None:
    """Where the circuit, at a barrier, begins to go back and forth to its end, and over how many gates.

    So ``U | U† | U`` begins at the end of the first ``U``. Which of a gate's qubits is the first is not looked at.
    """
    kinds = [(frozenset(wires), is_swap) for wires, is_swap in shape]
    places = sorted(barriers - {0, len(kinds)})
    for end in places:
        forth = kinds[:end]
        for size in (later - end for later in [*places, len(kinds)] if later > end):
            rest = len(kinds) - end
            if size > end or rest % size or any(end + size * k not in barriers for k in range(rest // size)):
                continue
            turns = [forth[: end - size - 1 : -1] if end > size else forth[::-1], forth[end - size :]]
            if kinds[end:] == [kind for k in range(rest // size) for kind in turns[k % 2]]:
                return end, size
    return None


@functools.lru_cache(maxsize=1024)
def _plan(machine: Machine, n_qubits: int, shape: Shape) -> tuple[tuple[int, ...], tuple[Swaps, ...]]:
    """Where the circuit starts, and for each gate on two qubits the physical qubits that are swapped before it.

    Placements that are found without the order of the gates are compared by what they cost in their order, and the
    best are made better by changing the places of two qubits as long as that helps.
    """
    pairs = Counter(tuple(sorted(wires)) for wires, is_swap in shape if not is_swap)
    around = map_of(machine)
    tried: dict[tuple[int, ...], float] = {}

    def price(layout: tuple[int, ...]) -> float:
        if layout not in tried:
            tried[layout] = _route(shape, layout, around)[0]
        return tried[layout]

    starts = places(machine, n_qubits, tuple(sorted(pairs.items())))
    best_of: dict[frozenset[int], tuple[int, ...]] = {}
    for layout in starts:
        region = frozenset(layout)
        best_of[region] = min(best_of.get(region, layout), layout, key=price)
    layout = min((_improved(found, price) for found in best_of.values()), key=price)
    return layout, _route(shape, layout, around)[1]


def _improved(layout: tuple[int, ...], price: Callable[[tuple[int, ...]], float]) -> tuple[int, ...]:
    """The best that is found by exchanging two places again and again."""
    while True:
        exchanged = []
        for first, second in itertools.combinations(range(len(layout)), 2):
            other = list(layout)
            other[first], other[second] = other[second], other[first]
            exchanged.append(tuple(other))
        best = min(exchanged, key=price, default=layout)
        if price(best) >= price(layout) - 1e-12:
            return layout
        layout = best


def _route(shape: Shape, layout: tuple[int, ...], around: Map) -> tuple[float, tuple[Swaps, ...]]:
    """The cost of all gates on two qubits, of one on each qubit and of the readout; and the swaps before each."""
    at = list(layout)
    ahead = [wires for wires, is_swap in shape if not is_swap]
    done, spent, plan = 0, 0.0, []
    for wires, is_swap in shape:
        swaps: Swaps = ()
        if is_swap:
            first, second = wires
            at[first], at[second] = at[second], at[first]
        else:
            swaps = _together(wires, at, ahead[done + 1 : done + 1 + LOOKS_AHEAD], around)
            for a, b in swaps:
                spent += SWAP * around.pair(a, b)
                _exchange(at, a, b)
            spent += around.pair(at[wires[0]], at[wires[1]])
            done += 1
        plan.append(swaps)
    spent += sum(cost(around.machine.readout_fidelity[q]) for q in at)
    spent += sum(cost(around.machine.one_qubit_fidelity[q]) for q in layout)
    return spent, tuple(plan)


def _write_all(
    operations: list[Operator], layout: tuple[int, ...], plan: tuple[Swaps, ...], writer: Writer
) -> list[int]:
    """Write all gates and swaps; where each qubit is in the end."""
    at = list(layout)
    before = iter(plan)
    for operation in operations:
        wires = operation.wires.tolist()
        if operation.name == "Barrier":
            writer.barrier(at[wire] for wire in wires)
            continue
        if len(wires) == 1:
            writer.one(at[wires[0]], np.asarray(qp.math.unwrap([operation.matrix()])[0], dtype=complex))
            continue
        first, second = wires
        swaps = next(before)
        if operation.name == "SWAP":  # costs nothing: from here on each is called the other
            at[first], at[second] = at[second], at[first]
            continue
        for a, b in swaps:
            for control, target in ((a, b), (b, a), (a, b)):
                writer.one(target, HADAMARD)
                writer.cz(control, target)
                writer.one(target, HADAMARD)
            _exchange(at, a, b)
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


def _together(wires: tuple[int, ...], at: list[int], ahead: Sequence[tuple[int, ...]], around: Map) -> Swaps:
    """Swaps of two qubits towards each other along the cheapest way, meeting where it serves the next gates best."""
    first, second = wires
    if around.graph.has_edge(at[first], at[second]):
        return ()
    way = around.way(at[first], at[second])
    choices = []
    for meeting in range(len(way) - 1):  # the gate is on way[meeting] and way[meeting + 1]
        moved = list(at)
        swaps = [(way[i], way[i + 1]) for i in range(meeting)]
        swaps += [(way[i], way[i - 1]) for i in range(len(way) - 1, meeting + 1, -1)]
        for a, b in swaps:
            _exchange(moved, a, b)
        paid = sum(SWAP * around.pair(a, b) for a, b in swaps) + around.pair(way[meeting], way[meeting + 1])
        later = sum(around.pair(moved[a], moved[b]) for a, b in ahead)
        choices.append((paid + later, meeting, tuple(swaps)))
    return min(choices)[2]


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
        from braket.circuits import Circuit, Instruction, compiler_directives
    except ImportError as error:
        raise ConfigurationError(
            'Braket circuits need the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error
    inside = Circuit()
    for gate in transpiled.gates:
        getattr(inside, gate.name)(*gate.qubits, *gate.angles)
    measured = list(transpiled.measured)
    if transpiled.gates:
        return Circuit().add_verbatim_box(inside).measure(measured)
    # add_verbatim_box leaves out a box that is empty, and without one the qubits are not physical ones.
    empty = (compiler_directives.StartVerbatimBox(), compiler_directives.EndVerbatimBox())
    return Circuit([Instruction(directive, measured) for directive in empty]).measure(measured)
