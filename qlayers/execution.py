"""How a layer ran: the device, the gradient method, and how many circuits it took."""

from __future__ import annotations

import copy
import functools
import math
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pennylane as qp
from pennylane.devices import LegacyDeviceFacade
from pennylane.devices.qubit.sampling import get_num_shots_and_executions
from pennylane.measurements import ExpectationMP, StateMP
from pennylane.tape import QuantumScript

from qlayers._layer.guarded import check_finite
from qlayers.errors import ConfigurationError, DerivativeError


@dataclass(frozen=True)
class Execution:
    """What a layer has run since it was built, or since ``layer.reset_execution()``.

    Attributes:
        device: The name of the device that the circuits ran on.
        gradient_method: How derivatives are taken there: ``"backprop"``, ``"adjoint"``, ``"parameter-shift"`` …
        batching: ``"broadcast"`` when a batch is one execution of a batched circuit, ``"unrolled"`` when it is one
            circuit a sample, None before the first batch.
        shots: Shots of one circuit, None for exact results.
        executions: Circuits executed to evaluate the layer; a broadcast batch counts one a sample and a circuit
            counts once for each measurement basis it needs.
        gradient_executions: Circuits executed, or adjoint sweeps made, to differentiate it. Zero for ``"backprop"``,
            which differentiates the simulation itself.
        seconds: Time spent evaluating the layer; differentiation is not in it.
        tasks: Tasks that a paid or remote device was sent, for evaluation and differentiation.
        usd: What they cost.
        cached: Circuits whose results were cached and cost nothing.
        reason: Why the circuit runs elsewhere than on qlayers' own simulator although nobody asked for that; None where
            it runs as was asked, and before the first call. ``device`` says where it runs.
        compared: Whether the program that qlayers' own simulator runs was compared with default.qubit, values and
            gradients, when it was made; circuits that take default.qubit longer than about a second are not. None if it
            runs elsewhere.
    """

    device: str
    gradient_method: str
    batching: str | None
    shots: int | None
    executions: int
    gradient_executions: int
    seconds: float
    tasks: int = 0
    usd: float = 0.0
    cached: int = 0
    reason: str | None = None
    compared: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


# Not one a counter, since these are copied and pickled with their layer.
_counting = threading.Lock()


class CircuitCounter:
    """Counts what a device is asked to do. PennyLane's own tracker works out resources each time, which is slow."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Start anew."""
        self.executions = 0
        self.derivatives = 0
        self.forward_executions = 0
        """Those of the executions that were made to evaluate the layer."""
        self.gradient_method: Any = None
        """How PennyLane was to differentiate what the device ran last."""
        self.seconds = 0.0
        self.tasks, self.usd, self.cached = 0, 0.0, 0

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "gradient_method": None}  # which may be a function that cannot be pickled

    def add_run(self, samples: int) -> None:
        """Count samples that qlayers' own simulator runs."""
        with _counting:
            self.executions += samples
            self.forward_executions += samples

    def add_sweep(self, samples: int) -> None:
        """Count samples that it differentiates."""
        with _counting:
            self.derivatives += samples

    def add_seconds(self, seconds: float) -> None:
        """Count time that evaluating the layer took."""
        with _counting:
            self.seconds += seconds

    def add_executions(self, circuits: Any, known: list[int | None], results: Any) -> None:
        """Count circuits that were run for their results.

        Args:
            circuits: What the device was given.
            known: From :func:`executions_known`, before they ran.
            results: Theirs.
        """
        batch = as_batch(circuits)
        each = results if batch is circuits else (results,)
        for circuit, number, result in zip(batch, known, each, strict=True):
            if number is None:
                number = math.prod(qp.math.shape(result[0] if len(circuit.measurements) > 1 else result))
            with _counting:
                self.executions += number

    def add_derivatives(self, circuits: Any) -> None:
        """Count circuits that the device itself differentiates."""
        self.add_sweep(len(as_batch(circuits)))

    @contextmanager
    def adding_what_is_spent(self, device: qp.devices.Device) -> Iterator[None]:
        """Count what the device spends meanwhile, by its ``spent`` if it has one, even if it fails half-way."""
        before = _spent(device)
        try:
            yield
        finally:
            after = _spent(device)
            with _counting:
                self.tasks += int(after[0] - before[0])
                self.usd += float(after[1] - before[1])
                self.cached += int(after[2] - before[2])


@dataclass(frozen=True)
class WatchedCounts:
    """Counts what a graph of ``torch.compile`` runs, and refuses to run what has changed since it was made.

    Attributes:
        counter: Is told of every run.
        are_unchanged: Whether what the quantum function reads is what it was.
    """

    counter: CircuitCounter
    are_unchanged: Callable[[], bool]

    def add_run(self, samples: int) -> None:
        """Count samples that were run.

        Raises:
            ConfigurationError: What the quantum function reads has changed.
        """
        if not self.are_unchanged():
            raise ConfigurationError(
                "What this layer's quantum function reads has changed since torch.compile made a graph of it. Call "
                "torch.compiler.reset() and the compiled model again, or pass what changes as a tensor."
            )
        self.counter.add_run(samples)

    def add_sweep(self, samples: int) -> None:
        """Count samples that were differentiated."""
        self.counter.add_sweep(samples)


def instrument(device: qp.devices.Device, counter: CircuitCounter) -> qp.devices.Device:
    """A device that does what ``device`` does, counts it, and keeps double precision.

    The copy shares the original's ``tracker``, so that ``qp.Tracker(device)`` still sees what the copy runs, and the
    original is left as it is. Exact expectation values come back from some devices as Python floats, which PennyLane's
    torch interface would make float32; here they stay float64. Of a device around a device (qlayers.mitigation) it is
    the inner one that is counted, so that the circuits that a correction costs are in the counts.
    """
    if callable(getattr(type(device), "around", None)):
        return device.around(instrument(device.inner, counter))
    copied: Any = copy.copy(device)
    if isinstance(device, LegacyDeviceFacade):  # whose copy would have a device, and a tracker, of its own
        copied = object.__new__(type(device))
        copied.__dict__.update(device.__dict__)
    copied.__class__ = _instrumented_class(type(device))  # type: ignore[arg-type]
    copied.__dict__["_instrumented_original"] = device
    copied.__dict__["_counter"] = counter
    return copied


@functools.cache
def _instrumented_class(device_class: type) -> type:
    def check(self: Any, circuits: Any, execution_config: Any) -> None:
        check_finite(as_batch(circuits))
        self._counter.gradient_method = getattr(execution_config, "gradient_method", None)
        if self._counter.gradient_method == "adjoint":
            _refuse_states(as_batch(circuits))

    def execute(self: Any, circuits: Any, execution_config: Any = None) -> Any:
        check(self, circuits, execution_config)
        known = executions_known(circuits)
        with self._counter.adding_what_is_spent(self):
            results = _keep_double(device_class.execute(self, circuits, execution_config))  # type: ignore[attr-defined]
        self._counter.add_executions(circuits, known, results)
        return results

    def preprocess_transforms(self: Any, execution_config: Any = None) -> Any:
        # PennyLane makes these anew for every call, in a twentieth of the time that a small circuit takes.
        made_for, made = self.__dict__.get("_transforms_made", (None, None))
        if made is None or made_for != execution_config:
            made = device_class.preprocess_transforms(self, execution_config)  # type: ignore[attr-defined]
            self.__dict__["_transforms_made"] = execution_config, made
        return copy.copy(made)

    def compute_derivatives(self: Any, circuits: Any, execution_config: Any = None) -> Any:
        self._counter.add_derivatives(circuits)
        return device_class.compute_derivatives(self, circuits, execution_config)  # type: ignore[attr-defined]

    def compute_vjp(self: Any, circuits: Any, cotangents: Any, execution_config: Any = None) -> Any:
        self._counter.add_derivatives(circuits)
        return device_class.compute_vjp(self, circuits, cotangents, execution_config)  # type: ignore[attr-defined]

    def execute_and_compute_derivatives(self: Any, circuits: Any, execution_config: Any = None) -> Any:
        check(self, circuits, execution_config)
        self._counter.add_derivatives(circuits)
        known = executions_known(circuits)
        results, jacobians = device_class.execute_and_compute_derivatives(  # type: ignore[attr-defined]
            self, circuits, execution_config
        )
        self._counter.add_executions(circuits, known, results)
        return _keep_double(results), jacobians

    def get_tracker(self: Any) -> qp.Tracker:
        return self._instrumented_original.tracker

    def set_tracker(self: Any, tracker: qp.Tracker) -> None:
        self._instrumented_original.tracker = tracker

    derivatives = (compute_derivatives, compute_vjp, execute_and_compute_derivatives)
    # PennyLane tells from these methods what a device can do.
    methods: list[Any] = [execute, *(one for one in derivatives if _is_own(device_class, one.__name__))]
    if issubclass(device_class, qp.devices.DefaultQubit):
        methods.append(preprocess_transforms)
    body: dict[str, Any] = {method.__name__: method for method in methods}
    body["tracker"] = property(get_tracker, set_tracker)
    body["__module__"] = device_class.__module__
    return type(device_class.__name__, (device_class,), body)


def _refuse_states(circuits: Sequence[QuantumScript]) -> None:
    """Refuse states and probabilities that are to be differentiated by adjoint.

    PennyLane 0.45 puts the trainable parameters in the place of the circuit's first ones on its way there.
    """
    for circuit in circuits:
        if circuit.trainable_params and any(isinstance(one, StateMP) for one in circuit.measurements):
            raise DerivativeError(
                "PennyLane's adjoint method gives wrong numbers for probabilities and states. Choose "
                "diff_method='backprop' or 'best', or measure expectation values."
            )


def _is_own(device_class: type, method: str) -> bool:
    return getattr(device_class, method) is not getattr(qp.devices.Device, method)


def executions_known(circuits: Any) -> list[int | None]:
    """How often each circuit will run, before it does; None where that is once for each of its results.

    Afterwards is too late: PennyLane remembers in a circuit's observables what it finds in them here, and default.qubit
    would return Hamiltonians as real numbers rather than as complex ones. The results say how many samples there are;
    PennyLane looks at all gates for that.
    """
    return [
        None if _measures_z_alone(circuit) else int(get_num_shots_and_executions(circuit)[0])
        for circuit in as_batch(circuits)
    ]


def _measures_z_alone(circuit: QuantumScript) -> bool:
    return not circuit.shots.has_partitioned_shots and all(
        isinstance(m, ExpectationMP) and type(m.obs) is qp.Z and m.mv is None for m in circuit.measurements
    )


def _spent(device: qp.devices.Device) -> tuple[Any, Any, Any]:
    spent = getattr(device, "spent", None)
    return (0, 0, 0) if spent is None else (spent.tasks, spent.usd, spent.cached)


def as_batch(circuits: Any) -> Any:
    """What a device was given to run, as several circuits."""
    return (circuits,) if isinstance(circuits, QuantumScript) else circuits


def _keep_double(results: Any) -> Any:
    if isinstance(results, (tuple, list)):
        return type(results)(_keep_double(result) for result in results)
    return np.float64(results) if type(results) is float else results
