"""Noisy devices whose effect on a circuit can be worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pennylane as qp
from pennylane.tape import QuantumScript, QuantumScriptBatch
from pennylane.typing import PostprocessingFn


@qp.transform
def _read_wrongly(
    tape: QuantumScript, into_one: Sequence[float], into_zero: Sequence[float]
) -> tuple[QuantumScriptBatch, PostprocessingFn]:
    """Each wire is flipped just before it is read: 0 into 1, and 1 into 0, with a probability of its own."""
    (turned,), _ = qp.transforms.diagonalize_measurements(tape)
    errors = []
    for wire, (zero_wrong, one_wrong) in enumerate(zip(into_one, into_zero, strict=True)):
        # Kraus operators of a classical channel on the bit.
        kraus = [
            [[(1 - zero_wrong) ** 0.5, 0], [0, 0]],
            [[0, 0], [zero_wrong**0.5, 0]],
            [[0, one_wrong**0.5], [0, 0]],
            [[0, 0], [0, (1 - one_wrong) ** 0.5]],
        ]
        errors.append(qp.QubitChannel([qp.math.array(k, like="numpy") for k in kraus], wires=wire))
    return [turned.copy(operations=turned.operations + errors)], lambda results: results[0]


def misread(
    n_qubits: int,
    into_one: float | Sequence[float],
    into_zero: float | Sequence[float] | None = None,
    seed: int = 0,
) -> qp.devices.Device:
    """``default.mixed`` with readout errors on each wire, the same in both directions unless said."""
    first = [into_one] * n_qubits if isinstance(into_one, float) else list(into_one)
    second = (
        first
        if into_zero is None
        else [into_zero] * n_qubits
        if isinstance(into_zero, float)
        else list(into_zero)
    )
    return _read_wrongly(qp.device("default.mixed", wires=n_qubits, seed=seed), first, second)


def depolarised(n_qubits: int, p: float, seed: int = 0) -> qp.devices.Device:
    """``default.mixed`` with a depolarising channel on each wire of each gate, after it was decomposed."""
    device = qp.device("default.mixed", wires=n_qubits, seed=seed)
    return qp.noise.insert(device, qp.DepolarizingChannel, p, position="all")
