"""What is found out of a quantum function before it runs: its program, how it takes batches, and why it has no program.

Layers whose functions have the same code and read the same share what was found.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from weakref import WeakValueDictionary

import numpy as np
import pennylane as qp
import torch
from pennylane.measurements import ExpectationMP
from pennylane.tape import QuantumScript

from qlayers._layer.drawing import Drawing, Returns, drawn, transformed
from qlayers._layer.guarded import one_at_a_time
from qlayers._layer.post_processing import WeightedSums, hands_on, weighted_sums
from qlayers._layer.random_streams import untouched_streams
from qlayers._layer.restoring import keep
from qlayers._layer.surroundings import Surroundings, surroundings_of
from qlayers._layer.undisturbed import undisturbed
from qlayers.basis_states import bits_as_angles
from qlayers.errors import QlayersError
from qlayers.measurement_key import measurement_key
from qlayers.recent import Recent
from qlayers.simulator.not_traceable import NoSuchWireError, NotTraceableError

if TYPE_CHECKING:
    from qlayers.simulator.trace import QuantumFunction
    from qlayers.simulator.traced import TracedCircuit

VARIES = (
    "it is another circuit each time it is given the same numbers: it draws random numbers or keeps state"
)
_TIMES = 8  # a coin falls on one side so often once in 128 times


@dataclass(frozen=True)
class Source:
    """A quantum function, and how it is called.

    Attributes:
        function: Takes the data and the weights by name, queues gates and returns measurements.
        transforms: Its author's.
        input_arg: The name of the data argument.
        shapes: Of the weights, by name.
        labels: The wires in order; None for those that the circuit has.
        n_features: Length of a sample.
        dtype: The precision of weights and samples.
        value: What stands for the function where it is known to depend on nothing else.
        components: Parts of the circuit of the user's own, whose methods the function calls.
    """

    function: Callable[..., Any]
    transforms: Any
    input_arg: str
    shapes: Mapping[str, tuple[int, ...]]
    labels: Sequence[Hashable] | None
    n_features: int
    dtype: torch.dtype
    value: Hashable = None
    components: tuple[Any, ...] = ()

    def surroundings(self) -> Surroundings:
        """What the function and its transforms read."""
        if self.value is not None:
            return Surroundings(("value", self.value))
        return surroundings_of((self.function, *self.components), self.transforms or ())

    def key(self, surroundings: Surroundings) -> Hashable:
        """Equal where what is found out is the same."""
        return (
            surroundings.key,
            self.input_arg,
            tuple(self.shapes.items()),
            None if self.labels is None else tuple(self.labels),
            self.n_features,
            self.dtype,
            torch.get_default_dtype(),
        )

    def quantum_function(self, surroundings: Surroundings) -> QuantumFunction:
        """What the simulator traces."""
        from qlayers.simulator.trace import QuantumFunction  # numba: only for its users

        return QuantumFunction(
            self.circuit,
            self.shapes,
            self.n_features,
            self.labels,
            self.dtype,
            surroundings.tensors,
            surroundings.constants,
        )

    def draw(self, weights: Mapping[str, torch.Tensor], samples: torch.Tensor) -> Drawing:
        """The circuit as its author writes it."""
        return drawn(self.function, {self.input_arg: samples, **weights})

    def circuit(self, weights: Mapping[str, torch.Tensor], samples: torch.Tensor) -> QuantumScript:
        """The circuit after its author's transforms."""
        tape = self.draw(weights, samples).tape
        return transformed(tape, self.transforms)[0] if self.transforms else tape


@dataclass(frozen=True)
class Trace:
    """What was found out.

    Attributes:
        returns: The form of the results.
        together: Whether the function takes a batch as a whole.
        as_row: Whether it takes no single sample, but a batch of one.
        keeps_row: Whether it makes a batch of one out of a single sample, which shows in the results' shape.
        batch: What runs a batch; None where that runs on PennyLane.
        single: What runs one sample without a batch.
        finish: What the author's transforms do to the results of these.
        sizes: Knows at which sizes of a batch the function does what it was traced to do.
        mixes: Whether a batch is more to the function than its samples, as far as is known.
        keeps_state: Whether no call of the function may be added.
        reason: Why something runs on PennyLane.
        is_compared: Whether values and gradients were compared with default.qubit.
        error: What the function raised on a random sample.
    """

    returns: Returns = "list"
    together: bool = False
    as_row: bool = False
    keeps_row: bool = False
    batch: TracedCircuit | None = None
    single: TracedCircuit | None = None
    finish: WeightedSums | None = None
    sizes: BatchSizes | None = None
    mixes: bool = False
    keeps_state: bool = False
    reason: str | None = None
    is_compared: bool = False
    error: Exception | None = None


class BatchSizes:
    """The sizes of batches at which a function was looked at: it may do something else at others."""

    def __init__(self, circuit: TracedCircuit) -> None:
        self._circuit = circuit
        self._known: set[int] = set()

    def check(self, rows: int, function: Callable[[], QuantumFunction]) -> None:
        """Look at a function like the one that was traced at this size, once.

        Raises:
            NotTraceableError: It does something else there.
        """
        if rows in self._known:
            return
        with one_at_a_time, undisturbed(), untouched_streams():
            assert self._circuit.check_rows is not None
            self._circuit.check_rows(function().reading(self._circuit.closures), rows)
        self._known.add(rows)


class NoCircuitError(Exception):
    """No simulator can run the circuit; in words for the user."""


_shared: Recent[Trace] = Recent(32)
_living: WeakValueDictionary[Hashable, Trace] = WeakValueDictionary()
"""What layers hold beyond the recent ones. A trace takes some 100 KiB, and none outlives its layers for long."""


def shared_trace(source: Source, surroundings: Surroundings, native: bool) -> Trace:
    """What was found out of a function like this, or is found out now.

    Args:
        source: The function.
        surroundings: What it reads.
        native: Whether qlayers' own simulator may run it.

    Raises:
        NoCircuitError: It names a wire that the device has not.
    """

    def find() -> Trace:
        with undisturbed(), untouched_streams() as have_moved:
            return _find(source, surroundings, native, have_moved)

    if surroundings.obstacle is not None:
        return find()
    key = source.key(surroundings), native
    trace = _living[key] = _shared.get(key, lambda: _living.get(key) or find())
    return trace


def forget_traces() -> None:
    """Let every function be traced anew."""
    _shared.clear()
    _living.clear()


def _find(source: Source, surroundings: Surroundings, native: bool, have_moved: Callable[[], bool]) -> Trace:
    if surroundings.keeps_state:
        # Not even a look: it would be a call too many. The function is called just as TorchLayer calls it.
        reason = surroundings.obstacle if native else None
        return Trace(together=True, mixes=True, keeps_state=True, reason=reason)
    put_back = keep(surroundings.changeable)
    try:
        found = _found(source, surroundings, native, have_moved)
    finally:
        has_changed = put_back()
    if has_changed:
        reason = "it changes what is around it every time it is called" if native else None
        return Trace(together=True, mixes=True, keeps_state=True, reason=reason)
    return found


def _found(source: Source, surroundings: Surroundings, native: bool, have_moved: Callable[[], bool]) -> Trace:
    first, second = _sizes_unlike(source)
    single, rows, others = _Probe(source, None), _Probe(source, first), _Probe(source, second)
    # At two sizes, since a circuit that takes rows for features may have just as many angles as one has rows.
    together = all(probe.error is None and probe.batch_size == probe.rows for probe in (rows, others))
    if single.error is not None and not together:
        for error in (rows.error, single.error):
            if isinstance(error, QlayersError):
                raise error
        failure = f"its quantum function fails on a random sample ({single.error})"
        return Trace(reason=failure, error=single.error)
    found = Trace(
        returns=(rows if together else single).returns,
        together=together,
        as_row=single.error is not None,
        keeps_row=single.error is None and single.batch_size == 1,
    )
    reason: str | None = None
    if native:
        try:
            if surroundings.obstacle is not None:
                raise NotTraceableError(surroundings.obstacle)
            traced = _traced(source, surroundings, found, single, rows)
            if not have_moved():
                return traced
            reason = "it draws random numbers"
        except NoSuchWireError as error:
            raise NoCircuitError(str(error)) from error
        except NotTraceableError as error:
            reason = "it draws random numbers" if have_moved() else str(error)
        except Exception as error:  # a defect here is no reason not to run what PennyLane runs
            reason = (
                f"it cannot be traced, which is a defect of qlayers: please report the circuit ({error!r})"
            )
    return replace(found, mixes=together and _mixes(source, rows), reason=reason)


def _traced(source: Source, surroundings: Surroundings, found: Trace, one: _Probe, several: _Probe) -> Trace:
    from qlayers.simulator.comparison import COMPARED_WORK, agrees_with_default_qubit, work_of
    from qlayers.simulator.trace import MixesSamplesError, trace  # numba: only for its users

    if (
        any(tensor.dtype == torch.float64 for tensor in surroundings.tensors)
        and source.dtype != torch.float64
    ):
        raise NotTraceableError("it reads tensors of a higher precision than the layer's")
    function = source.quantum_function(surroundings)
    probe, rows = several if found.as_row else one, several.rows
    if _varies(source, probe):
        raise NotTraceableError(VARIES)
    single: TracedCircuit | None
    if not found.together:
        single = batch = trace(function)
    elif found.as_row:
        single, batch = None, trace(function, as_row=True, rows=rows)
    else:
        try:
            single = batch = trace(function, rows=rows)
        except MixesSamplesError:
            # A batch may mean something else to the function than a sample: then each has a program.
            single, batch = trace(function), trace(function, as_row=True, rows=rows)
    if not surroundings.are_unchanged():
        raise NotTraceableError("it changes what it reads")
    finish = _finish(source, (probe, several) if found.together else (probe,))
    is_compared = True
    for circuit in (batch, single) if single is not batch else (batch,):
        if circuit is None:
            continue
        if work_of(circuit) > COMPARED_WORK:
            is_compared = False
            continue
        together = found.together and circuit is batch
        try:
            agrees = agrees_with_default_qubit(circuit, function, together)
        except (
            Exception
        ) as error:  # whatever PennyLane raises where it cannot run or differentiate the circuit
            raise NotTraceableError(f"it cannot be compared with default.qubit ({error})") from error
        if not agrees:
            raise NotTraceableError(
                "the program made of it disagrees with default.qubit, which is a defect of qlayers: please report the "
                "circuit"
            )
    sizes = BatchSizes(batch) if found.together and source.value is None else None
    return replace(found, batch=batch, single=single, finish=finish, sizes=sizes, is_compared=is_compared)


def _finish(source: Source, probes: Sequence[_Probe]) -> WeightedSums | None:
    """What the author's transforms do to results, if that is the same whatever the inputs and weights are."""
    if not source.transforms:
        return None
    found = []
    for probe, factor in ((probes[0], 1.0), (probes[-1], 0.7)):
        weights = {name: (factor * weight).requires_grad_() for name, weight in probe.weights.items()}
        tape = source.draw(weights, (factor * probe.sample).requires_grad_()).tape
        circuit, finish = transformed(tape, source.transforms)
        if not all(isinstance(m, ExpectationMP) for m in (*circuit.measurements, *tape.measurements)):
            if hands_on(finish, len(circuit.measurements)):
                return None
            raise NotTraceableError(
                "its transforms compute something from results that are no expectation values"
            )
        found.append(weighted_sums(finish, len(circuit.measurements), len(tape.measurements)))
    first, second = found
    if not first.equals(second):
        raise NotTraceableError("its transforms compute something from results and from inputs or weights")
    return None if first.changes_nothing else first


def _mixes(source: Source, probe: _Probe) -> bool:
    """Whether any gate of one sample depends on the other samples of its batch, as far as one try tells."""
    from qlayers.simulator.unseen import values_unseen

    def numbers(samples: torch.Tensor) -> list[torch.Tensor]:
        with values_unseen(), bits_as_angles():
            tape = source.draw(probe.weights, samples).tape
        return [torch.as_tensor(value) for operation in tape.operations for value in operation.data]

    try:
        batch = numbers(probe.sample)
        for row in range(len(probe.sample)):
            alone = numbers(probe.sample[row : row + 1])
            for value, one in zip(batch, alone, strict=True):
                is_batched = (
                    value.ndim and one.ndim and value.shape[0] == len(probe.sample) and one.shape[0] == 1
                )
                if not torch.allclose(value[row] if is_batched else value, one[0] if is_batched else one):
                    return True
    except Exception:  # whatever the author's function raises, or values that are not as long
        return True
    return False


class _Probe:
    """The function at a random sample, or batch, and random weights.

    Attributes:
        rows: The size of the batch, or None.
        error: What it raised; then the rest is empty.
        batch_size: Of the circuit.
        returns: The form of its results.
    """

    def __init__(self, source: Source, rows: int | None) -> None:
        generator = torch.Generator().manual_seed(2)
        self.rows = rows
        self.error: Exception | None = None
        self.batch_size: int | None = None
        self.returns: Returns = "list"
        shape = (source.n_features,) if rows is None else (rows, source.n_features)
        self.sample = torch.rand(shape, generator=generator, dtype=source.dtype)
        self.weights = {
            name: 0.1 + 5.9 * torch.rand(size, generator=generator, dtype=source.dtype)
            for name, size in source.shapes.items()
        }
        from qlayers.simulator.unseen import values_unseen

        try:
            with values_unseen(), bits_as_angles():
                drawing = source.draw(self.weights, self.sample)
                self.returns = drawing.returns
                self.batch_size = drawing.tape.batch_size
        except Exception as error:  # whatever the author's function raises
            self.error = error


def _sizes_unlike(source: Source) -> tuple[int, int]:
    """Two batch sizes that are no other size."""
    others = {source.n_features, *(size for shape in source.shapes.values() for size in shape)}
    first, second = [rows for rows in range(5, 8 + len(others)) if rows not in others][:2]
    return first, second


def _varies(source: Source, probe: _Probe) -> bool:
    """Whether the circuit is not always the same when it is given the same numbers, as far as a few tries tell."""
    from qlayers.simulator.unseen import values_unseen

    def described() -> list[Any]:
        with values_unseen(), bits_as_angles():
            tape = source.draw(probe.weights, probe.sample).tape
        gates = [
            (
                gate.name,
                gate.wires.labels,
                [str(np.asarray(qp.math.toarray(number)).tolist()) for number in gate.data],  # NaN is not NaN
            )
            for gate in tape.operations
            if not isinstance(gate, (qp.ops.MidMeasure, qp.ops.Conditional))  # another name every time
        ]
        measured = [m for m in tape.measurements if m.mv is None]
        return [gates, [measurement_key(measurement) for measurement in measured]]

    first = described()
    return any(described() != first for _ in range(_TIMES - 1))
