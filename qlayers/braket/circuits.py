"""PennyLane circuits as Braket circuits."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pennylane as qp
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.errors import ConfigurationError

if TYPE_CHECKING:
    from braket.circuits import Circuit

GATES: dict[str, str] = {
    "x": "PauliX",
    "y": "PauliY",
    "z": "PauliZ",
    "h": "Hadamard",
    "s": "S",
    "si": "Adjoint(S)",
    "t": "T",
    "ti": "Adjoint(T)",
    "v": "SX",
    "vi": "Adjoint(SX)",
    "rx": "RX",
    "ry": "RY",
    "rz": "RZ",
    "phaseshift": "PhaseShift",
    "cnot": "CNOT",
    "cy": "CY",
    "cz": "CZ",
    "swap": "SWAP",
    "iswap": "ISWAP",
    "ecr": "ECR",
    "cphaseshift": "ControlledPhaseShift",
    "xx": "IsingXX",
    "yy": "IsingYY",
    "zz": "IsingZZ",
    "xy": "IsingXY",
    "ccnot": "Toffoli",
    "cswap": "CSWAP",
    "unitary": "QubitUnitary",
}
"""Braket's names of gates, as in ``action[…].supportedOperations`` of a device, and PennyLane's."""

WITHOUT_EFFECT = frozenset({"Identity", "GlobalPhase", "Barrier", "WireCut", "Snapshot"})
"""Operations that change no result of a circuit, and that no device is told of."""

EVERYWHERE = frozenset(GATES.values()) - {"QubitUnitary"}
"""Gates that Braket's own simulators and compiler know by name; computers want unitaries taken apart."""


def gates_of(supported: Iterable[str]) -> frozenset[str]:
    """PennyLane's names of those gates that a Braket device supports.

    Args:
        supported: Braket's names in lower case, such as ``device.properties.action[…].supportedOperations``; those
            that PennyLane has no gate for (``"measure_ff"``, ``"barrier"`` …) are passed over.
    """
    return frozenset(GATES[name] for name in supported if name in GATES)


def to_braket(tape: QuantumScript, n_qubits: int) -> Circuit:
    """The gates of a circuit, without its measurements, for the Braket SDK.

    The translation of each gate is that of the PennyLane-Braket plugin. Global phases and identities are left out, and
    so a qubit on which nothing happens is not in the circuit; :func:`measured` measures it all the same.

    Args:
        tape: On the wires 0 … n_qubits - 1, of gates that Braket knows, with numbers as parameters. Noise channels
            are translated too, for the simulators that take them.
        n_qubits: Wires there are.

    Raises:
        ConfigurationError: A wire or a gate that Braket does not have, a batch of parameters, or the SDK is missing.
    """
    try:
        from braket.circuits import Circuit, Instruction
        from braket.pennylane_plugin.translation import translate_operation
    except ImportError as error:
        raise ConfigurationError(
            'Braket circuits need the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error

    known = set(range(n_qubits))
    circuit = Circuit()
    for operation in tape.operations:
        if not known.issuperset(operation.wires):
            raise ConfigurationError(
                f"{operation} is on the wires {operation.wires.tolist()}, but the circuit has the wires "
                f"0 … {n_qubits - 1}. Map the wires of the tape with qp.map_wires first."
            )
        if operation.name in WITHOUT_EFFECT:
            continue
        if operation.batch_size is not None:
            raise ConfigurationError(
                f"A Braket circuit holds one sample, but {operation.name} has a batch of {operation.batch_size}. Take "
                "the tape apart with qp.transforms.broadcast_expand first."
            )
        try:
            gate = translate_operation(_of_numpy(operation))
        except NotImplementedError as error:
            raise ConfigurationError(
                f"Braket has no gate {operation.name}. Take it apart with qp.transforms.decompose first; to_braket "
                f"takes {', '.join(sorted(GATES.values()))}."
            ) from error
        circuit.add_instruction(Instruction(gate, operation.wires.tolist()))
    return circuit


def measured(tape: QuantumScript, n_qubits: int) -> Circuit:
    """As :func:`to_braket`, with every qubit measured in the computational basis, qubit 0 first."""
    circuit = to_braket(tape, n_qubits)
    return circuit.measure(range(n_qubits))


def _of_numpy(operation: Operator) -> Operator:
    """The operation with plain numbers for parameters, which may have been tensors."""
    if not operation.data:
        return operation
    plain = [qp.math.unwrap([value])[0] for value in operation.data]
    plain = [float(value) if qp.math.ndim(value) == 0 else value for value in plain]
    return qp.ops.functions.bind_new_parameters(operation, plain)
