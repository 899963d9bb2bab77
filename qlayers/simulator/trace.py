"""From a quantum function to a program: run it a few times, then never again.

The function is run once while every torch operation is recorded (:mod:`qlayers.simulator.recording`), from weights,
sample and the tensors around the function to the angles of its gates. A function that looks at values, or computes with
a tensor that nobody has declared, is refused: what is left has the same gates everywhere. Most angles are polynomials
of degree two, which are evaluated inside the simulator: features and weights as angles, arithmetic such as
``2 * inputs[0] + weights[1]``, linear layers, the products of IQP encodings. The others stay the torch operations that
they are.

The bits of basis states are further features, each the angle of the gate that flips its qubit. States that are prepared
on qubits which nothing has touched yet make up the initial state.

The record is replayed at another point and must give the gates that the function gives there. The program is compared
with default.qubit, values and gradients, before it is used (:mod:`qlayers.simulator.comparison`).
"""

from __future__ import annotations

import functools
import itertools
import math
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pennylane as qp
import torch
from pennylane.measurements import MeasurementProcess, ProbabilityMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.basis_states import bits_as_angles
from qlayers.errors import QlayersError
from qlayers.measurement_key import measurement_key
from qlayers.simulator.bits import Bits
from qlayers.simulator.columns import columns_of
from qlayers.simulator.formula import SAMPLE, WEIGHTS, Formula
from qlayers.simulator.gates import GATE_SET, add_gate
from qlayers.simulator.initial_state import InitialState, PreparedState
from qlayers.simulator.not_traceable import NoSuchWireError, NotTraceableError
from qlayers.simulator.polynomial import REARRANGING, polynomials_of, value_at
from qlayers.simulator.program import Angle, Builder
from qlayers.simulator.readout import read
from qlayers.simulator.recording import CONSTANT, CannotRecordError, LooksAtValuesError, Recorder, Step
from qlayers.simulator.traced import TracedCircuit
from qlayers.simulator.unseen import checks_norm, values_unseen

MAX_QUBITS = 20

DrawTape = Callable[[Mapping[str, torch.Tensor], torch.Tensor], QuantumScript]
"""From weights by name and one sample, shape ``(n_features,)``, or a batch, to the circuit."""

WEIGHT_RANGE = (0.1, 6.0)
SAMPLE_RANGES = ((0.1, 1.0), (-3.0, 3.0), (-1.0, -0.1))
"""Where circuits are looked at: between the bounds, at random."""

MANY = 13

_REPLAYED = {torch.float32: 1e-4, torch.float64: 1e-9}
"""How closely recorded operations give the same angles again."""


@dataclass(frozen=True)
class QuantumFunction:
    """What is traced.

    Attributes:
        draw: Makes the circuit.
        shapes: Of the weights, by name.
        n_features: Length of a sample.
        labels: The wires in order; None for those that the circuit has.
        closures: Floating-point tensors around the function that may change or train.
        constants: Other tensors around it, which stay as they are.
        dtype: The precision of weights and samples.
    """

    draw: DrawTape
    shapes: Mapping[str, tuple[int, ...]]
    n_features: int
    labels: Sequence[Hashable] | None
    dtype: torch.dtype
    closures: Sequence[torch.Tensor] = ()
    constants: Sequence[torch.Tensor] = ()

    @property
    def n_weights(self) -> int:
        """Length of the flat weights, without closures."""
        return sum(math.prod(shape) for shape in self.shapes.values())

    def reading(self, numbers: Collection[int]) -> QuantumFunction:
        """The function whose program reads these closures only; the others are constants."""
        used = [self.closures[number] for number in numbers]
        unread = [closure for number, closure in enumerate(self.closures) if number not in numbers]
        return replace(self, closures=used, constants=[*self.constants, *unread])

    def weights_without(self, numbers: Collection[int]) -> tuple[int, ...]:
        """Which weights, by number, have none of these entries of the flat weights."""
        ends = list(itertools.accumulate(math.prod(shape) for shape in self.shapes.values()))
        ranges = zip([0, *ends], ends, strict=False)
        return tuple(
            number for number, (start, end) in enumerate(ranges) if set(range(start, end)).isdisjoint(numbers)
        )

    def weights_of(self, flat: torch.Tensor) -> dict[str, torch.Tensor]:
        """Weights by name."""
        parts = flat[: self.n_weights].split([math.prod(shape) for shape in self.shapes.values()])
        return {
            name: part.reshape(shape) for (name, shape), part in zip(self.shapes.items(), parts, strict=True)
        }

    def random_weights(self, generator: torch.Generator) -> torch.Tensor:
        """Flat weights, and the closures' values behind them."""
        low, high = WEIGHT_RANGE
        weights = low + (high - low) * torch.rand(self.n_weights, generator=generator, dtype=self.dtype)
        return self.with_closures(weights)

    def with_closures(self, weights: torch.Tensor) -> torch.Tensor:
        """Flat weights with the closures' values behind them."""
        values = [closure.detach().reshape(-1).to(weights) for closure in self.closures]
        return torch.cat([weights, *values])


def trace(function: QuantumFunction, as_row: bool = False, rows: int | None = None) -> TracedCircuit:
    """Make a program of a circuit.

    Args:
        function: What to trace.
        as_row: Whether the function is given a batch of one sample, shape ``(1, n_features)``.
        rows: If not None, the function must do the same to every row of a batch of so many samples as to one sample.

    Raises:
        MixesSamplesError: It does not.
        NotTraceableError: With the reason.
    """
    generator = torch.Generator().manual_seed(0)
    look = _Look(function, as_row)
    n_bits = look.count_bits(generator)
    first, record = look.recorded(generator, n_bits)
    n_qubits = len(first.positions)
    if n_qubits > MAX_QUBITS:
        raise NotTraceableError(
            f"it has {n_qubits} qubits, and the batched simulator takes at most {MAX_QUBITS}"
        )
    if len(record.closures) < len(function.closures):
        # The others are reached but not used: without them the program has fewer weights.
        return replace(trace(function.reading(record.closures), as_row, rows), closures=record.closures)
    n_weights = len(function.with_closures(torch.empty(function.n_weights)))
    n_features = function.n_features + n_bits
    polynomials = polynomials_of(record.angles, n_weights)
    look.check_replay(generator, n_bits, first, record, polynomials)
    if rows is not None:
        for n_rows in (rows, MANY * rows):  # some functions do something else to large batches
            look.check_rows(first, record, n_rows)
    odd = [number for number, polynomial in enumerate(polynomials) if polynomial is None]
    sampled = [number for number in odd if record.angles.only([number]).reads(SAMPLE)]
    shared = [number for number in odd if number not in sampled]
    reads_samples = any(
        polynomial is not None and polynomial.depends_on_sample(n_weights) for polynomial in polynomials
    )
    n_read = n_features if reads_samples else 0
    n_all = n_weights + len(shared)
    position = {number: n_weights + k for k, number in enumerate(shared)}
    position |= {number: n_all + n_read + k for k, number in enumerate(sampled)}
    angles = [
        Angle(0.0, ((position[number], -1, 1.0),))
        if polynomial is None
        else _after(polynomial, n_weights, len(shared))
        for number, polynomial in enumerate(polynomials)
    ]
    initial = InitialState(n_qubits, record.states) if record.states else None
    builder = Builder(n_qubits, n_all, n_read + len(sampled), initial.n_amplitudes if initial else 0)
    remaining = iter(angles)
    for name, qubits, n_angles in first.gates:
        add_gate(builder, name, qubits, [next(remaining) for _ in range(n_angles)])
    try:
        readout = read(first.measurements)
    except NotImplementedError as reason:
        raise NotTraceableError(str(reason)) from reason
    of_samples = record.angles.only(sampled) if sampled else None
    all_read = bool(odd or record.states or record.bits)
    read_numbers = {
        entry for polynomial in polynomials if polynomial for term in polynomial.terms for entry in term[:2]
    }
    return TracedCircuit(
        readout.finish(builder),
        readout,
        record.angles.only(shared) if shared else None,
        of_samples and (columns_of(of_samples, n_weights, n_features) or of_samples),
        initial,
        record.bits,
        reads_samples,
        record.closures,
        functools.partial(_check_rows, as_row, first.without_values(), record),
        () if all_read else function.weights_without(read_numbers),
    )


# ---------------------------------------------------------------- one look at the circuit


@dataclass(frozen=True)
class Sketch:
    """The circuit at one point.

    Attributes:
        gates: Names, qubits, and how many angles each takes.
        angles: Of all gates in a row, one number each.
        states: What is prepared at the beginning: qubits, amplitudes, and whether their norm is checked.
        measurements: On the wires 0, 1 ….
        positions: The qubit of every wire.
        bits: Of basis states, as their author wrote them.
    """

    gates: tuple[tuple[str, tuple[int, ...], int], ...]
    angles: tuple[torch.Tensor, ...]
    states: tuple[tuple[tuple[int, ...], torch.Tensor, bool], ...]
    measurements: tuple[MeasurementProcess, ...]
    positions: Mapping[Hashable, int]
    bits: tuple[torch.Tensor, ...]

    def is_like(self, other: Sketch) -> bool:
        """Whether it has the same gates on the same qubits, and as many of all else."""
        return (
            self.gates == other.gates
            and [qubits for qubits, *_ in self.states] == [qubits for qubits, *_ in other.states]
            and self.positions == other.positions
            and len(self.bits) == len(other.bits)
            and list(map(measurement_key, self.measurements))
            == list(map(measurement_key, other.measurements))
        )

    def without_values(self) -> Sketch:
        """What :meth:`is_like` compares, and none of the tensors that were computed."""
        states = tuple((qubits, torch.empty(0), is_checked) for qubits, _, is_checked in self.states)
        return replace(self, angles=(), states=states, bits=(torch.empty(0),) * len(self.bits))


@dataclass(frozen=True)
class _Record:
    closures: tuple[int, ...]
    angles: Formula
    states: tuple[PreparedState, ...]
    bits: Bits | None


@dataclass(frozen=True)
class _Look:
    function: QuantumFunction
    as_row: bool

    def count_bits(self, generator: torch.Generator) -> int:
        """How many bits of basis states the circuit takes."""
        weights = self.function.random_weights(generator)
        sample = _sample(generator, self.function.n_features, SAMPLE_RANGES[0], self.function.dtype)
        with values_unseen(), bits_as_angles() as bits, blaming_the_author():
            self.function.draw(self.function.weights_of(weights), sample[None] if self.as_row else sample)
        return sum(map(len, bits))

    def sketch(self, weights: torch.Tensor, numbers: torch.Tensor) -> Sketch:
        """The circuit at flat weights, and a sample with the numbers behind it that stand in for bits."""
        n_features = self.function.n_features
        sample = numbers[..., :n_features]
        with (
            values_unseen(),
            bits_as_angles(numbers.reshape(-1)[n_features:]) as bits,
            blaming_the_author(),
        ):
            drawn = self.function.draw(self.function.weights_of(weights), sample)
            labels = list(drawn.wires if self.function.labels is None else self.function.labels)
            tape = _deferred(drawn, labels)
            further = [wire for wire in tape.wires if wire not in drawn.wires and wire not in labels]
            return _sketch(tape, labels + further, [bit for state in bits for bit in state.unbind()])

    def recorded(self, generator: torch.Generator, n_bits: int) -> tuple[Sketch, _Record]:
        """The circuit at a random point, and what was computed there."""
        function = self.function
        weights = function.random_weights(generator)
        sample = _sample(generator, function.n_features + n_bits, SAMPLE_RANGES[0], function.dtype)
        sample = sample[None] if self.as_row else sample
        recorder = Recorder((weights, sample))
        try:
            with recorder:
                start, declared = function.n_weights, []
                for closure in function.closures:
                    part = weights.narrow(0, start, closure.numel()).reshape(closure.shape).to(closure.dtype)
                    declared.append(recorder.declare(closure, part))
                    start += closure.numel()
                for constant in function.constants:
                    recorder.declare_constant(constant)
                sketch = self.sketch(weights, sample)
                if any(angle.numel() != 1 for angle in sketch.angles):
                    raise NotTraceableError("a gate's angle is not one number")
                angles = [angle.reshape(()) + 0.0 for angle in sketch.angles]
                states = [_flat_state(state) for _, state, _ in sketch.states]
                bits = [bit.reshape(()) + 0.0 for bit in sketch.bits]
            needed = recorder.needed([*angles, *(part for parts in states for part in parts), *bits])
            record = _Record(
                tuple(number for number, value in enumerate(declared) if value in needed),
                Formula.recorded(recorder, angles),
                tuple(
                    self._prepared(recorder, *prepared, parts, sample)
                    for prepared, parts in zip(sketch.states, states, strict=True)
                ),
                _bits_of(Formula.recorded(recorder, bits)) if bits else None,
            )
            for measurement in sketch.measurements:
                _check_observable(measurement, recorder)
        except LooksAtValuesError as error:
            names = [
                name
                for number, name in ((SAMPLE, "inputs"), (WEIGHTS, "weights"))
                if number in error.arguments
            ]
            raise NotTraceableError(f"its gates depend on the values of its {' and '.join(names)}") from error
        except CannotRecordError as error:
            raise NotTraceableError(str(error)) from error
        return sketch, record

    def _prepared(
        self,
        recorder: Recorder,
        qubits: tuple[int, ...],
        state: torch.Tensor,
        is_checked: bool,
        parts: list[torch.Tensor],
        sample: torch.Tensor,
    ) -> PreparedState:
        formula = Formula.recorded(recorder, parts)
        if not formula.reads(SAMPLE) and not formula.reads(WEIGHTS):
            values = state.detach().reshape(-1).to(torch.complex128)
            norm = float(torch.linalg.vector_norm(values))
            if is_checked and not math.isclose(norm, 1.0, rel_tol=1e-5):
                raise NotTraceableError(f"it prepares a state of norm {norm:.6g}, which PennyLane refuses")
            return PreparedState(qubits, None, values)
        return PreparedState(qubits, formula, None, _slice_of(parts, sample.reshape(-1), formula), is_checked)

    def check_replay(
        self,
        generator: torch.Generator,
        n_bits: int,
        first: Sketch,
        record: _Record,
        polynomials: Sequence[Angle | None],
    ) -> None:
        """Look at another point, as the layer would call the function, and compare gates, angles and states there."""
        function = self.function
        weights = function.random_weights(generator)
        sample = _sample(generator, function.n_features + n_bits, SAMPLE_RANGES[1], function.dtype)
        flat = weights.clone().requires_grad_()
        found = self.sketch(flat, (sample[None] if self.as_row else sample).clone().requires_grad_())
        if not found.is_like(first):
            raise NotTraceableError("its gates depend on the values of its inputs or weights")
        tolerance = _REPLAYED[function.dtype]
        with torch.no_grad():
            pairs = (
                list(zip(record.angles(weights, sample), found.angles, strict=True)) if found.angles else []
            )
            for prepared, (_, state, _) in zip(record.states, found.states, strict=True):
                pairs.append((prepared.of_batch(weights, sample[None], checks=False)[0], state.reshape(-1)))
        for replayed, drawn in pairs:
            # NaN where the author's arithmetic is undefined, as the logarithm of a negative number is.
            same = torch.allclose(
                replayed, drawn.detach().to(replayed), rtol=tolerance, atol=tolerance, equal_nan=True
            )
            if not same:
                raise NotTraceableError("its gates depend on something else than its inputs and weights")
        numbers = torch.cat([weights, sample]).double()
        for polynomial, drawn in zip(polynomials, found.angles, strict=True):
            if polynomial is not None and not math.isclose(
                value_at(polynomial, numbers), drawn.item(), rel_tol=tolerance, abs_tol=tolerance
            ):
                raise NotTraceableError(
                    "the program made of it has other angles, which is a defect of qlayers: please report the circuit"
                )

    def check_rows(self, first: Sketch, record: _Record, rows: int) -> None:
        """Give the function a batch, and compare every row of every angle and state with the record of one sample."""
        function, generator = self.function, torch.Generator().manual_seed(rows)
        weights = function.random_weights(generator)
        bounds = [(-1e4, 1e4), *SAMPLE_RANGES]
        samples = torch.stack(
            [_sample(generator, function.n_features, bounds[r % 4], function.dtype) for r in range(rows)]
        )

        def parts_of(batch: torch.Tensor) -> list[torch.Tensor]:
            try:
                found = self.sketch(weights, batch)
            except NotTraceableError as error:
                raise MixesSamplesError(str(error)) from error
            if not found.is_like(first):
                raise MixesSamplesError("its gates differ between a batch and one sample")
            states = [state if state.ndim == 2 else state[None] for _, state, _ in found.states]
            parts = [*found.angles, *states]
            if any(part.ndim and part.shape[0] not in (1, rows) for part in parts):
                raise MixesSamplesError("a gate's angle is not one number a sample")
            return [part.reshape(part.shape[0] if part.ndim else 1, -1).expand(rows, -1) for part in parts]

        parts = parts_of(samples)
        expected: list[torch.Tensor] = []
        if record.angles.results:
            expected += record.angles.of_batch(weights, samples)[..., None].unbind(1)
        expected += [state.of_batch(weights, samples, checks=False) for state in record.states]
        tolerance = 30 * _REPLAYED[function.dtype]
        for part, wanted in zip(parts, expected, strict=True):
            if not torch.allclose(
                part.detach().to(wanted), wanted, rtol=tolerance, atol=tolerance, equal_nan=True
            ):
                raise MixesSamplesError("its gates mix the samples of a batch")
        if rows > MANY:
            return
        # A row of NaN shows where rows meet, also where the values of the others happen to be the same.
        spoilt = samples.clone()
        spoilt[0] = math.nan
        try:
            others = parts_of(spoilt)
        except MixesSamplesError:
            return
        pairs = [(part[1:], other[1:]) for part, other in zip(parts, others, strict=True)]
        if not all(torch.allclose(part, other, rtol=0.0, atol=0.0, equal_nan=True) for part, other in pairs):
            raise MixesSamplesError("its gates mix the samples of a batch")


def _check_rows(as_row: bool, first: Sketch, record: _Record, function: QuantumFunction, rows: int) -> None:
    """Look at a batch of a function like that of which the record was made, whose memory is not held."""
    _Look(function, as_row).check_rows(first, record, rows)


class MixesSamplesError(NotTraceableError):
    """The function does something else to a batch than to each of its samples."""


@contextmanager
def blaming_the_author() -> Iterator[None]:
    """Turn whatever a quantum function raises into a reason not to trace it."""
    try:
        yield
    except (QlayersError, NotTraceableError, LooksAtValuesError, CannotRecordError):
        raise
    except Exception as error:  # whatever the author's function raises: it may want data of another kind
        raise NotTraceableError(f"its quantum function fails on a random sample ({error})") from error


def _deferred(tape: QuantumScript, labels: Sequence[Hashable]) -> QuantumScript:
    """The circuit with measurements in the middle put off to its end, on further wires."""
    in_the_middle = [gate for gate in tape.operations if isinstance(gate, qp.ops.MidMeasure)]
    if not in_the_middle:
        return tape
    if any(gate.postselect is not None for gate in in_the_middle):
        raise NotTraceableError("it postselects on a measurement in the middle")
    measurements = []
    for measurement in tape.measurements:
        names_none = not (measurement.wires or measurement.obs or measurement.mv is not None)
        if names_none and not isinstance(measurement, ProbabilityMP):
            raise NotTraceableError(f"it measures in the middle and returns {measurement} of all wires")
        measurements.append(ProbabilityMP(wires=qp.wires.Wires(labels)) if names_none else measurement)
    (tape,), _ = qp.defer_measurements(tape.copy(measurements=measurements))
    return tape


def _sketch(tape: QuantumScript, labels: Sequence[Hashable], bits: list[torch.Tensor]) -> Sketch:
    positions: dict[Hashable, int] = {label: position for position, label in enumerate(labels)}

    def qubits_of(wires: Any) -> tuple[int, ...]:
        for wire in wires:
            if wire not in positions:
                raise NoSuchWireError(f"it uses the wire {wire!r}, which is not among {_listed(labels)}")
        return tuple(positions[wire] for wire in wires)

    touched: set[Hashable] = set()
    states, rest = [], []
    for operation in tape.operations:
        if (
            isinstance(operation, qp.StatePrep)
            and not operation.is_sparse
            and touched.isdisjoint(operation.wires)
        ):
            state = torch.as_tensor(operation.data[0])
            states.append((qubits_of(operation.wires), state, checks_norm(operation)))
        else:
            rest.append(_as_rotation(operation))
        touched.update(operation.wires)
    operations = _decomposed(QuantumScript(rest, tape.measurements))
    gates = tuple((gate.name, qubits_of(gate.wires), len(gate.data)) for gate in operations)
    for measurement in tape.measurements:
        qubits_of(measurement.wires)
    angles = tuple(as_angle(value) for gate in operations for value in gate.data)
    is_renamed = any(type(label) is not int or label != position for label, position in positions.items())
    measurements = tape.measurements
    if is_renamed:
        measurements = [qp.map_wires(measurement, positions) for measurement in measurements]
    return Sketch(gates, angles, tuple(states), tuple(measurements), positions, tuple(bits))


def _as_rotation(operation: Operator) -> Operator:
    """The evolution under one Pauli word as the rotation that it is, which PennyLane finds by looking at values."""
    if type(operation) is not qp.ops.Evolution:
        return operation
    sentence = operation.base.pauli_rep
    if sentence is None or len(sentence) != 1:
        return operation
    ((word, coefficient),) = sentence.items()
    if not word or not isinstance(coefficient, (int, float)):
        return operation
    wires = list(word)
    letters = "".join(word[wire] for wire in wires)
    return qp.PauliRot(2.0 * coefficient * operation.param, letters, wires=wires)


def as_angle(value: Any) -> torch.Tensor:
    """A gate's parameter as a tensor; Python's numbers keep their double precision."""
    return value if isinstance(value, torch.Tensor) else torch.as_tensor(value, dtype=torch.float64)


def _listed(labels: Sequence[Hashable]) -> str:
    if list(labels) == list(range(len(labels))):
        return f"0 … {len(labels) - 1}"
    return ", ".join(map(repr, labels))


def _decomposed(tape: QuantumScript) -> list[Operator]:
    (tape,), _ = qp.transforms.decompose(tape, gate_set=set(GATE_SET))
    for operation in tape.operations:
        if operation.name not in GATE_SET:
            raise NotTraceableError(
                f"it has the gate {operation.name}, which does not come down to rotations"
            )
    return list(tape.operations)


def _check_observable(measurement: MeasurementProcess, recorder: Recorder) -> None:
    observable = measurement.obs
    for value in () if observable is None else observable.data:
        if isinstance(value, torch.Tensor) and recorder.reads([value]):
            raise NotTraceableError("its observables depend on inputs, weights, or tensors that may change")


# ---------------------------------------------------------------- the initial state


def _flat_state(state: torch.Tensor) -> list[torch.Tensor]:
    flat = state.reshape(-1)
    return [flat.real + 0.0, flat.imag + 0.0] if flat.is_complex() else [flat + 0.0]


def _slice_of(parts: list[torch.Tensor], sample: torch.Tensor, formula: Formula) -> tuple[int, int] | None:
    """The part of the sample that a state is, normalised and padded with zeros, if it is one.

    The steps say that it is a selection of features divided by its norm; their values at one point say which.
    """
    if len(parts) > 1 or formula.reads(WEIGHTS):
        return None
    names = [step.operation for step in formula.steps if not _is_rearranging(step)]
    if sorted(names) != ["aten.div.Tensor", "aten.linalg_vector_norm.default"]:
        return None
    (state,) = parts
    n_amplitudes = int((state != 0).sum())
    for start in range(len(sample) - n_amplitudes + 1):
        chosen = sample[start : start + n_amplitudes]
        padded = torch.nn.functional.pad(chosen / chosen.norm(), (0, len(state) - n_amplitudes))
        if torch.allclose(padded, state, rtol=1e-5, atol=1e-7):
            return start, start + n_amplitudes
    return None


def _is_rearranging(step: Step) -> bool:
    adds_nothing = step.operation == "aten.add.Tensor" and step.arguments[1:] == (0.0,)
    return step.operation in REARRANGING or step.operation == CONSTANT or adds_nothing


# ---------------------------------------------------------------- angles


def _bits_of(formula: Formula) -> Bits:
    """The bits as functions of weights and sample: mostly, each is a feature."""
    polynomials = [] if formula.reads(WEIGHTS) else polynomials_of(formula, 0)
    features = [p.terms[0][0] for p in polynomials if p and not p.offset and _is_one_feature(p)]
    return Bits(tuple(features)) if len(features) == len(formula.results) else Bits((), formula)


def _after(polynomial: Angle, n_weights: int, n_further: int) -> Angle:
    """The polynomial once further weights stand between weights and features."""

    def moved(position: int) -> int:
        return position + n_further if position >= n_weights else position

    return Angle(polynomial.offset, tuple((moved(a), moved(b), c) for a, b, c in polynomial.terms))


def _is_one_feature(polynomial: Angle) -> bool:
    return len(polynomial.terms) == 1 and polynomial.terms[0][1] == -1 and polynomial.terms[0][2] == 1.0


def _sample(
    generator: torch.Generator, length: int, bounds: tuple[float, float], dtype: torch.dtype
) -> torch.Tensor:
    low, high = bounds
    return low + (high - low) * torch.rand(length, generator=generator, dtype=dtype)
