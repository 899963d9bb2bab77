"""From a quantum function to a program: run it a few times, then never again.

The angles of a circuit are functions of inputs and weights. Torch's tracer writes them down as operations, and refuses
a function that looks at values, as an ``if`` does: what is left has the same gates everywhere. Most angles turn out to
be polynomials of degree two, which are found from their derivatives at one random point and tried at others: features
and weights as angles, arithmetic such as ``2 * inputs[0] + weights[1]``, the products of IQP encodings. They are
evaluated inside the simulator; the others stay the torch operations that they are.

The bits of basis states are further features, each the angle of the gate that flips its qubit.

The result is compared with default.qubit before it is used.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.measurements import VarianceMP
from pennylane.operation import Operator, StatePrepBase
from pennylane.tape import QuantumScript

from qlayers.basis_states import bits_as_angles
from qlayers.errors import QlayersError
from qlayers.simulator.bits import Bits
from qlayers.simulator.columns import Columns, columns_of
from qlayers.simulator.deciding import (
    RANDOM,
    DrawTape,
    decides_on,
    noticing_random_numbers,
    why_not_alike,
)
from qlayers.simulator.formula import Formula, Function, trace_formula
from qlayers.simulator.gates import GATE_SET, add_gate
from qlayers.simulator.polynomial import polynomial_of, value_at
from qlayers.simulator.program import Angle, Builder
from qlayers.simulator.readout import read
from qlayers.simulator.traced import TracedCircuit

MAX_QUBITS = 20
COMPARED_QUBITS = 14
"""The largest circuits that are compared with default.qubit; above, that takes seconds."""

_CLOSE = {torch.float32: 1e-5, torch.float64: 1e-8}

_RANGES = ((0.1, 1.0), (-3.0, 3.0), (-1.0, -0.1))
"""Where angles are looked at: between the bounds, at random."""


class NotTraceableError(Exception):
    """Why a circuit cannot be run by the batched simulator, in words for the user."""


class NoSuchWireError(NotTraceableError):
    """A wire that the device has not, so that no simulator can run the circuit."""


def trace(
    draw_tape: DrawTape,
    n_qubits: int,
    n_weights: int,
    n_features: int,
    dtype: torch.dtype = torch.float64,
) -> TracedCircuit:
    """Make a program of a circuit.

    Args:
        draw_tape: From flat weights and one sample, float64, to the circuit.
        n_qubits: Qubits, the wires 0 … n_qubits - 1.
        n_weights: Length of the flat weights.
        n_features: Length of a sample.
        dtype: In which the program is first compared with default.qubit. What float32 cannot tell, float64 does; to
            begin with it would be to compile for it too.

    Raises:
        NotTraceableError: With the reason.
    """
    if n_qubits > MAX_QUBITS:
        raise NotTraceableError(
            f"it has {n_qubits} qubits, and the batched simulator takes at most {MAX_QUBITS}"
        )
    generator = torch.Generator().manual_seed(0)
    draw = _Draw(draw_tape, n_weights, n_features)
    n_bits = draw.count_bits()
    points = [
        low
        + (high - low) * torch.rand(n_weights + n_features + n_bits, generator=generator, dtype=torch.float64)
        for low, high in _RANGES
    ]
    looks = [_look(draw, point.requires_grad_(), n_qubits) for point in points]
    if any(look.structure != looks[0].structure for look in looks):
        raise NotTraceableError(_why_gates_differ(draw, points[0].detach()))
    preparation = _preparation(looks, [draw.sample(point) for point in points], n_qubits)
    polynomials = _polynomials(looks, points)
    formula = _formula(draw, points[0].detach(), preparation.prepares_sample)
    odd = [number for number, polynomial in enumerate(polynomials) if polynomial is None]
    sampled = [number for number in odd if formula.only([number]).reads_sample()]
    shared = [number for number in odd if number not in sampled]
    if (sampled or n_bits) and preparation.prepares_sample:
        raise NotTraceableError("it prepares its inputs as amplitudes and has angles that depend on them")
    n_read = 0 if preparation.prepares_sample else n_features + n_bits
    n_all = n_weights + len(shared)
    angles = [
        _after(polynomial, n_weights, len(shared))
        if polynomial is not None
        else Angle(0.0, ((n_weights + shared.index(number), -1, 1.0),))
        if number in shared
        else Angle(0.0, ((n_all + n_read + sampled.index(number), -1, 1.0),))
        for number, polynomial in enumerate(polynomials)
    ]
    builder = Builder(n_qubits, n_all, n_read + len(sampled), preparation.n_amplitudes(n_qubits))
    remaining = iter(angles)
    for name, wires, n_angles in looks[0].structure[0]:
        add_gate(builder, name, wires, [next(remaining) for _ in range(n_angles)])
    try:
        readout = read(looks[0].tape.measurements)
    except NotImplementedError as reason:
        raise NotTraceableError(str(reason)) from reason
    circuit = TracedCircuit(
        readout.finish(builder),
        readout,
        formula.only(shared) if shared else None,
        _for_batches(formula.only(sampled), n_weights, n_features + n_bits) if sampled else None,
        preparation.prepares_sample,
        preparation.initial,
        _bits(draw, points) if n_bits else None,
    )
    if n_qubits <= COMPARED_QUBITS:
        tried = dict.fromkeys([dtype, torch.float64])
        if not any(_agrees_with_default_qubit(circuit, draw, n_bits, precision) for precision in tried):
            raise NotTraceableError(
                _why_not_alike(draw, points[0].detach())
                or "the program made of it disagrees with default.qubit, which is a defect of qlayers: please report "
                "the circuit"
            )
    elif (unlike := _why_not_alike(draw, points[0].detach())) is not None:
        raise NotTraceableError(unlike)
    return circuit


# ---------------------------------------------------------------- one look at the circuit


@dataclass(frozen=True)
class _Draw:
    """Draws the circuit at points: the weights, a sample, then the numbers that stand in for the bits."""

    draw_tape: DrawTape
    n_weights: int
    n_features: int

    def at(self, point: torch.Tensor) -> tuple[QuantumScript, list[torch.Tensor]]:
        """The circuit, and the bits that its author wrote."""
        return self.of(point[: self.n_weights], point[self.n_weights :])

    def of(self, weights: torch.Tensor, numbers: torch.Tensor) -> tuple[QuantumScript, list[torch.Tensor]]:
        """The same of weights, and of sample and stand-ins in one."""
        with bits_as_angles(numbers[self.n_features :]) as bits:
            tape = self.draw_tape(weights, numbers[: self.n_features])
        return tape, [bit for state in bits for bit in state.unbind()]

    def sample(self, point: torch.Tensor) -> torch.Tensor:
        """Without the numbers that stand in for bits."""
        return point[self.n_weights : self.n_weights + self.n_features]

    def count_bits(self) -> int:
        """How many bits of basis states the circuit takes."""
        generator = torch.Generator().manual_seed(0)
        numbers = torch.rand(self.n_weights + self.n_features, generator=generator, dtype=torch.float64)
        with bits_as_angles() as bits, _blaming_the_author(), noticing_random_numbers() as noticed:
            self.draw_tape(numbers[: self.n_weights], numbers[self.n_weights :])
        if noticed:
            raise NotTraceableError(RANDOM)
        return sum(map(len, bits))


@contextmanager
def _blaming_the_author() -> Iterator[None]:
    try:
        yield
    except QlayersError:
        raise
    except Exception as error:  # whatever the author's function raises: it may want data of another kind
        raise NotTraceableError(f"its quantum function fails on a random sample ({error})") from error


@dataclass(frozen=True)
class _Look:
    """The circuit at one point.

    Attributes:
        tape: As its author wrote it, without the state preparation.
        structure: What must be the same everywhere.
        angles: The parameters of its gates, differentiable functions of the point.
        preparation: The state preparation at its beginning, if there is one.
    """

    tape: QuantumScript
    structure: tuple[Any, ...]
    angles: list[torch.Tensor]
    preparation: Operator | None


def _look(draw: _Draw, point: torch.Tensor, n_qubits: int) -> _Look:
    with _blaming_the_author():
        drawn, _ = draw.at(point)
    tape, preparation = _without_preparation(drawn)
    operations = _decomposed(tape)
    gates = [
        (operation.name, tuple(_wire(wire, n_qubits) for wire in operation.wires), len(operation.data))
        for operation in operations
    ]
    for measurement in tape.measurements:
        for wire in measurement.wires:
            _wire(wire, n_qubits)
        if measurement.obs is not None and any(map(qp.math.requires_grad, measurement.obs.data)):
            raise NotTraceableError("its observables depend on inputs or weights")
    measured = tuple(measurement.hash for measurement in tape.measurements)
    prepared = preparation is not None and (preparation.name, tuple(preparation.wires))
    return _Look(tape, (gates, measured, prepared), _angles(operations), preparation)


def _without_preparation(tape: QuantumScript) -> tuple[QuantumScript, Operator | None]:
    if tape.operations and isinstance(tape.operations[0], (qp.StatePrep, qp.AmplitudeEmbedding)):
        return QuantumScript(tape.operations[1:], tape.measurements), tape.operations[0]
    return tape, None


def _decomposed(tape: QuantumScript) -> list[Operator]:
    if any(isinstance(gate, (qp.ops.MidMeasure, qp.ops.Conditional)) for gate in tape.operations):
        raise NotTraceableError("it measures in the middle")
    (tape,), _ = qp.transforms.decompose(tape, gate_set=set(GATE_SET))
    for operation in tape.operations:
        if operation.name not in GATE_SET:
            raise NotTraceableError(
                f"it has the gate {operation.name}, which does not come down to rotations"
            )
    return list(tape.operations)


def _angles(operations: Sequence[Operator]) -> list[torch.Tensor]:
    angles = [
        torch.as_tensor(value, dtype=torch.float64) for operation in operations for value in operation.data
    ]
    if any(angle.ndim for angle in angles):
        raise NotTraceableError("a gate's angle is not one number")
    return angles


def _wire(wire: Any, n_qubits: int) -> int:
    if not isinstance(wire, int) or not 0 <= wire < n_qubits:
        raise NoSuchWireError(f"it uses the wire {wire!r}, which is not among 0 … {n_qubits - 1}")
    return wire


# ---------------------------------------------------------------- the initial state


@dataclass(frozen=True)
class _Preparation:
    prepares_sample: bool
    initial: torch.Tensor | None

    def n_amplitudes(self, n_qubits: int) -> int:
        if self.initial is not None:
            return len(self.initial)
        return 2**n_qubits if self.prepares_sample else 0


def _preparation(looks: Sequence[_Look], samples: Sequence[torch.Tensor], n_qubits: int) -> _Preparation:
    if looks[0].preparation is None:
        return _Preparation(False, None)
    states = [_prepared_state(look.preparation, n_qubits) for look in looks]
    if all(torch.equal(state, states[0]) for state in states) and not states[0].requires_grad:
        return _Preparation(False, torch.cat([states[0].real, states[0].imag]).double())
    for state, sample in zip(states, samples, strict=True):
        expected = torch.zeros(2**n_qubits, dtype=torch.float64)
        expected[: len(sample)] = (sample / sample.norm()).detach()
        if not torch.allclose(state.detach(), expected.to(state.dtype), rtol=0.0, atol=1e-12):
            raise NotTraceableError(
                "it prepares a state that is neither constant nor its inputs, normalised and padded with zeros"
            )
    return _Preparation(True, None)


def _prepared_state(preparation: Operator | None, n_qubits: int) -> torch.Tensor:
    assert isinstance(preparation, StatePrepBase)
    for wire in preparation.wires:
        _wire(wire, n_qubits)
    return torch.as_tensor(preparation.state_vector(wire_order=range(n_qubits))).reshape(-1)


# ---------------------------------------------------------------- angles


def _polynomials(looks: Sequence[_Look], points: Sequence[torch.Tensor]) -> list[Angle | None]:
    """The angles as polynomials, found at the first point; None for those that are something else at the others."""
    polynomials: list[Angle | None] = [polynomial_of(angle, points[0]) for angle in looks[0].angles]
    for look, point in zip(looks[1:], points[1:], strict=True):
        for number, angle in enumerate(look.angles):
            polynomial = polynomials[number]
            if polynomial is not None and not math.isclose(
                value_at(polynomial, point), angle.item(), rel_tol=1e-9, abs_tol=1e-9
            ):
                polynomials[number] = None
    return polynomials


def _after(polynomial: Angle, n_weights: int, n_further: int) -> Angle:
    """The polynomial once further weights stand between weights and features."""

    def moved(position: int) -> int:
        return position + n_further if position >= n_weights else position

    return Angle(polynomial.offset, tuple((moved(a), moved(b), c) for a, b, c in polynomial.terms))


def _formula(draw: _Draw, point: torch.Tensor, keep_sample: bool) -> Formula:
    """All angles as torch operations. A prepared sample is kept fixed: preparing it checks its norm, a value."""
    sample = point[draw.n_weights :]

    def angles(weights: torch.Tensor, traced: torch.Tensor) -> list[torch.Tensor]:
        drawn, _ = draw.of(weights, sample if keep_sample else traced)
        tape, _ = _without_preparation(drawn)
        return [angle + 0.0 for angle in _angles(_decomposed(tape))]

    return _traced_formula(draw, angles, point[: draw.n_weights], sample)


def _for_batches(formula: Formula, n_weights: int, n_features: int) -> Formula | Columns:
    return columns_of(formula, n_weights, n_features) or formula


def _traced_formula(draw: _Draw, function: Function, weights: torch.Tensor, sample: torch.Tensor) -> Formula:
    try:
        return trace_formula(function, weights, sample)
    except (RuntimeError, TypeError) as error:
        raise NotTraceableError(_why_gates_differ(draw, torch.cat([weights, sample]))) from error


def _why_gates_differ(draw: _Draw, point: torch.Tensor) -> str:
    reason = _why_not_alike(draw, point)
    if reason is None:
        values = decides_on(draw.draw_tape, point[: draw.n_weights], draw.sample(point))
        reason = f"its gates depend on the values of {values}"
    return reason


def _why_not_alike(draw: _Draw, point: torch.Tensor) -> str | None:
    return why_not_alike(draw.draw_tape, point[: draw.n_weights], draw.sample(point))


def _bits(draw: _Draw, points: Sequence[torch.Tensor]) -> Bits:
    """The bits as functions of weights and sample: mostly, each is a feature."""
    drawn = [torch.stack([bit + 0.0 for bit in draw.at(point)[1]]) for point in points]
    same = torch.stack(
        [bits[:, None] == draw.sample(point) for bits, point in zip(drawn, points, strict=True)]
    ).all(0)
    if same.any(1).all():
        return Bits(tuple(same.int().argmax(1).tolist()))

    def bits(weights: torch.Tensor, sample: torch.Tensor) -> list[torch.Tensor]:
        with bits_as_angles() as found:
            draw.draw_tape(weights, sample)
        return [bit + 0.0 for state in found for bit in state.unbind()]

    point = points[0].detach()
    return Bits((), _traced_formula(draw, bits, point[: draw.n_weights], draw.sample(point)))


# ---------------------------------------------------------------- the check


def _agrees_with_default_qubit(circuit: TracedCircuit, draw: _Draw, n_bits: int, dtype: torch.dtype) -> bool:
    generator = torch.Generator().manual_seed(1)
    device = qp.device("default.qubit", wires=circuit.program.n_qubits, seed=0)
    with torch.no_grad():
        for batch in (1, 3):
            weights = 6.0 * torch.rand(draw.n_weights, generator=generator, dtype=torch.float64)
            samples = torch.rand(batch, draw.n_features, generator=generator, dtype=torch.float64)
            # The bits need not be any, which random inputs do not make.
            bits = torch.rand(batch, n_bits, generator=generator, dtype=torch.float64)
            numbers = torch.cat([samples, bits], -1)
            found = circuit.readout.results(circuit.run_with_bits(numbers.to(dtype), weights.to(dtype)))
            expected = [_reference(draw.of(weights, row)[0], device) for row in numbers]
            for number, result in enumerate(found):
                wanted = [one[number] for one in expected]
                if not all(
                    torch.allclose(
                        ours + 0j, torch.as_tensor(theirs).to(ours + 0j), rtol=0.0, atol=_CLOSE[dtype]
                    )
                    for ours, theirs in zip(result, wanted, strict=True)
                ):
                    return False
    return True


def _reference(tape: QuantumScript, device: qp.devices.Device) -> list[Any]:
    """What default.qubit makes of a circuit, in NumPy: torch's threads hang in a process that was forked.

    Variances are taken from the state: default.qubit 0.45 takes that of a sum from eigenvectors that it remembers by a
    hash without the order of the wires, and so at times from those of another order.
    """
    (tape,), _ = qp.transforms.convert_to_numpy_parameters(tape)
    variances = {number: m.obs for number, m in enumerate(tape.measurements) if isinstance(m, VarianceMP)}
    others = [m for m in tape.measurements if not isinstance(m, VarianceMP)]
    results: list[Any] = []
    if others:
        found = qp.execute([QuantumScript(tape.operations, others)], device, diff_method=None)[0]
        results = list(found) if len(others) > 1 else [found]
    for number, observable in variances.items():
        (state,) = qp.execute([QuantumScript(tape.operations, [qp.state()])], device, diff_method=None)
        vector = np.asarray(state)
        applied = observable.sparse_matrix(wire_order=range(len(device.wires))) @ vector
        mean = np.vdot(vector, applied).real
        results.insert(number, np.vdot(applied, applied).real - mean**2)
    return results
