"""What a circuit really applies: its gates after decomposition, counted, drawn and digested.

Everything here works on a PennyLane tape, so that it says the same of circuits built from parts, from a QNode or by a
subclass.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.tape import QuantumScript

GATE_SET = frozenset(
    {
        "RX",
        "RY",
        "RZ",
        "PhaseShift",
        "Hadamard",
        "PauliX",
        "PauliY",
        "PauliZ",
        "S",
        "T",
        "CNOT",
        "CZ",
        "GlobalPhase",
    }
)
"""Gates into which circuits are decomposed before they are counted. Not decomposed: what PennyLane has no rule for."""

_DIGEST_DECIMALS = 9  # platforms differ in the last digits of a double, and write 0 as 1e-17


@dataclass(frozen=True)
class CircuitCounts:
    """The size of a circuit.

    Attributes:
        n_qubits: Qubits it acts on.
        circuit_depth: Gates on the longest path after decomposition into :data:`GATE_SET`, state preparation included.
        gates: Number of gates by kind after the same decomposition, most frequent first; global phases left out.
        n_parameters: Trainable numbers.
    """

    n_qubits: int
    circuit_depth: int
    gates: dict[str, int]
    n_parameters: int

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)

    def __str__(self) -> str:
        gates = ", ".join(f"{count} {name}" for name, count in self.gates.items())
        return (
            f"{self.n_qubits} qubits, circuit depth {self.circuit_depth}, {self.n_parameters} parameters, "
            f"{sum(self.gates.values())} gates ({gates})"
        )


def decompose(tape: QuantumScript) -> QuantumScript:
    """The same circuit in :data:`GATE_SET`, as far as PennyLane has decompositions."""
    (decomposed,), _ = qp.transforms.decompose(tape, gate_set=set(GATE_SET))
    return decomposed


def count(tape: QuantumScript, n_parameters: int) -> CircuitCounts:
    """Count the gates that a tape comes to."""
    operations = [operation for operation in decompose(tape).operations if operation.name != "GlobalPhase"]
    by_kind = Counter(operation.name for operation in operations)
    level: dict[Any, int] = {}
    for operation in operations:
        depth = 1 + max((level.get(wire, 0) for wire in operation.wires), default=0)
        level.update(dict.fromkeys(operation.wires, depth))
    return CircuitCounts(
        n_qubits=len(tape.wires),
        circuit_depth=max(level.values(), default=0),
        gates=dict(sorted(by_kind.items(), key=lambda item: (-item[1], item[0]))),
        n_parameters=n_parameters,
    )


def digest(tapes: Iterable[QuantumScript]) -> str:
    """A name for the circuit, taken from the gates applied: sixteen hexadecimal digits.

    The tapes are the same circuit at several fixed inputs and weights. Gates enter after decomposition, with wires,
    settings and angles, so that a change anywhere in an encoding's or ansatz's body changes the digest, and
    renaming a class does not.
    """
    record = [
        {
            "gates": [_describe(operation) for operation in decompose(tape).operations],
            "measured": [_describe_measurement(measurement) for measurement in tape.measurements],
        }
        for tape in tapes
    ]
    return hashlib.sha256(json.dumps(record, sort_keys=True).encode()).hexdigest()[:16]


def draw(tape: QuantumScript, decimals: int | None = None) -> str:
    """The circuit as text, templates expanded one level; angles are shown when ``decimals`` is given."""
    (expanded,) = qp.transforms.decompose(tape, max_expansion=1)[0]
    return str(qp.drawer.tape_text(expanded, decimals=decimals, max_length=100, show_matrices=False))


def draw_figure(tape: QuantumScript) -> Any:
    """The circuit as a matplotlib figure, templates expanded one level."""
    import matplotlib.pyplot as plt

    (expanded,) = qp.transforms.decompose(tape, max_expansion=1)[0]
    figure, _ = qp.drawer.tape_mpl(expanded, style="black_white")
    plt.close(figure)  # out of pyplot's global list, where it would be shown and kept a second time
    return figure


def _describe(operation: Any) -> list[Any]:
    settings = {
        key: repr(value) for key, value in operation.hyperparameters.items() if not hasattr(value, "queue")
    }
    return [
        operation.name,
        [str(wire) for wire in operation.wires],
        settings,
        [_rounded(p) for p in operation.data],
    ]


def _describe_measurement(measurement: Any) -> list[Any]:
    return [type(measurement).__name__, str(measurement.obs), [str(wire) for wire in measurement.wires]]


def _rounded(value: Any) -> list[str]:
    numbers = np.asarray(qp.math.toarray(value)).ravel()
    # Adding 0.0 turns -0.0 into 0.0, so that the two spell the same.
    return [f"{np.round(number, _DIGEST_DECIMALS) + 0.0:.{_DIGEST_DECIMALS}f}" for number in numbers]
