"""From a quantum function to a program: run it once, then never again.

The angles of a circuit are functions of inputs and weights. Here they are found as polynomials of degree two, exactly:
the function is run on a random sample, and the derivatives of every angle give its coefficients. That covers features
and weights as angles, user arithmetic such as ``2 * inputs[0] + weights[1]`` and the products of IQP encodings. Further
random samples show whether the polynomial and the gates are right everywhere; where they are not, the circuit is
refused with the reason, and runs as it did before.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.simulator.gates import GATE_SET, add_gate
from qlayers.simulator.program import Angle, Builder, Program, Word

MAX_QUBITS = 20

_TRIED = ((0.1, 1.0), (-1.0, -0.1), (-3.0, 3.0), (-3.0, 3.0), (-3.0, 3.0))
"""Ranges of the further samples that are tried, positive, negative and mixed."""


class NotTraceableError(Exception):
    """Why a circuit cannot be run by the batched simulator, in words for the user."""


def trace(
    draw_tape: Callable[[torch.Tensor, torch.Tensor], QuantumScript],
    n_qubits: int,
    n_weights: int,
    n_features: int,
    amplitudes: bool = False,
) -> Program:
    """Make a program of a circuit.

    Args:
        draw_tape: From flat weights and one sample, float64, to the circuit.
        n_qubits: Qubits, the wires 0 … n_qubits - 1.
        n_weights: Length of the flat weights.
        n_features: Length of a sample.
        amplitudes: Whether the circuit begins by preparing the sample as amplitudes; the program then takes samples of
            ``2**n_qubits`` amplitudes of norm 1 and leaves that gate out.

    Raises:
        NotTraceableError: With the reason.
    """
    if n_qubits > MAX_QUBITS:
        raise NotTraceableError(
            f"it has {n_qubits} qubits, and the batched simulator takes at most {MAX_QUBITS}"
        )
    generator = torch.Generator().manual_seed(0)
    points = [
        low + (high - low) * torch.rand(n_weights + n_features, generator=generator, dtype=torch.float64)
        for low, high in ((0.1, 1.0), *_TRIED)
    ]
    structures, angles = zip(
        *(_gates(draw_tape, point, n_weights, n_qubits, amplitudes) for point in points), strict=True
    )
    if structures.count(structures[0]) != len(points):
        raise NotTraceableError("its gates depend on the values of inputs or weights")
    polynomials = [_polynomial(angle, points[0]) for angle in angles[0]]
    for point, found in zip(points[1:], angles[1:], strict=True):
        for polynomial, angle in zip(polynomials, found, strict=True):
            if not math.isclose(_value(polynomial, point), angle.item(), rel_tol=1e-9, abs_tol=1e-9):
                raise NotTraceableError("an angle is no polynomial of degree two of inputs and weights")
    return _build(
        structures[0],
        polynomials,
        Builder(n_qubits, n_weights, 0, 2**n_qubits)
        if amplitudes
        else Builder(n_qubits, n_weights, n_features),
    )


def _gates(
    draw_tape: Callable[[torch.Tensor, torch.Tensor], QuantumScript],
    point: torch.Tensor,
    n_weights: int,
    n_qubits: int,
    amplitudes: bool,
) -> tuple[tuple[Any, ...], list[torch.Tensor]]:
    """The structure, which is compared, and the angles, which are functions of the point."""
    point.requires_grad_()
    tape = draw_tape(point[:n_weights], point[n_weights:])
    if amplitudes:
        preparation, *operations = tape.operations
        if preparation.num_params != 1 or preparation.name not in ("AmplitudeEmbedding", "StatePrep"):
            raise NotTraceableError(f"it begins with {preparation.name}, and not by preparing amplitudes")
        tape = QuantumScript(operations, tape.measurements)
    if any(isinstance(gate, (qp.ops.MidMeasure, qp.ops.Conditional)) for gate in tape.operations):
        raise NotTraceableError("it measures in the middle")
    (tape,), _ = qp.transforms.decompose(tape, gate_set=set(GATE_SET))
    gates: list[tuple[str, tuple[int, ...], int]] = []
    angles: list[torch.Tensor] = []
    for operation in tape.operations:
        if operation.name not in GATE_SET:
            raise NotTraceableError(
                f"it has the gate {operation.name}, which does not come down to rotations"
            )
        wires = tuple(_wire(wire, n_qubits) for wire in operation.wires)
        gates.append((operation.name, wires, len(operation.data)))
        angles += [torch.as_tensor(value, dtype=torch.float64) for value in operation.data]
    if any(angle.ndim for angle in angles):
        raise NotTraceableError("a gate's angle is not one number")
    return (tuple(gates), _measured(tape, n_qubits)), angles


def _wire(wire: Any, n_qubits: int) -> int:
    if not isinstance(wire, int) or not 0 <= wire < n_qubits:
        raise NotTraceableError(f"it uses the wire {wire!r}, which is not among 0 … {n_qubits - 1}")
    return wire


def _measured(tape: QuantumScript, n_qubits: int) -> tuple[Any, ...]:
    kinds = {type(measurement) for measurement in tape.measurements}
    if kinds == {qp.measurements.ExpectationMP}:
        return ("words", tuple(_word(measurement.obs, n_qubits) for measurement in tape.measurements))
    if kinds == {qp.measurements.ProbabilityMP} and len(tape.measurements) == 1:
        (measurement,) = tape.measurements
        if measurement.obs is None:
            wires = measurement.wires or range(n_qubits)
            return ("probabilities", tuple(_wire(wire, n_qubits) for wire in wires))
    raise NotTraceableError(
        "it measures something else than expectation values of Pauli words or one set of probabilities"
    )


def _word(observable: Any, n_qubits: int) -> Word:
    sentence = observable.pauli_rep
    if sentence is None or len(sentence) != 1:
        raise NotTraceableError(f"the observable {observable} is no Pauli word")
    ((word, coefficient),) = sentence.items()
    if coefficient != 1:
        raise NotTraceableError(f"the observable {observable} is a multiple of a Pauli word")
    return Word(tuple((_wire(wire, n_qubits), str(pauli)) for wire, pauli in word.items()))


def _polynomial(angle: torch.Tensor, point: torch.Tensor) -> Angle:
    """The polynomial of degree two with the angle's value, gradient and Hessian at the point."""
    if not angle.requires_grad:
        return Angle(angle.item())
    (gradient,) = torch.autograd.grad(angle, point, create_graph=True)
    slope = gradient.detach().clone()
    at = point.detach()
    quadratic: list[tuple[int, int, float]] = []
    if gradient.requires_grad:
        for i in torch.nonzero(slope).flatten().tolist():
            if not gradient[i].requires_grad:
                continue
            (row,) = torch.autograd.grad(gradient[i], point, retain_graph=True, allow_unused=True)
            if row is None:
                continue
            slope[i] -= (row * at).sum()
            for j in torch.nonzero(row).flatten().tolist():
                if j >= i:
                    quadratic.append((i, j, row[j].item() / (2.0 if i == j else 1.0)))
    linear = [(i, -1, slope[i].item()) for i in torch.nonzero(slope.abs() > 1e-12).flatten().tolist()]
    polynomial = Angle(0.0, tuple(linear + quadratic))
    return Angle(_rounded(angle.item() - _value(polynomial, at)), polynomial.terms)


def _rounded(offset: float) -> float:
    return 0.0 if abs(offset) < 1e-12 else offset


def _value(polynomial: Angle, point: torch.Tensor) -> float:
    return polynomial.offset + sum(
        coefficient * point[a].item() * (point[b].item() if b >= 0 else 1.0)
        for a, b, coefficient in polynomial.terms
    )


def _build(structure: tuple[Any, ...], polynomials: Sequence[Angle], builder: Builder) -> Program:
    gates, (kind, measured) = structure
    angles = iter(polynomials)
    for name, wires, n_angles in gates:
        add_gate(builder, name, wires, [next(angles) for _ in range(n_angles)])
    if kind == "words":
        return builder.finish_with_words(measured)
    return builder.finish_with_probabilities(measured)
