"""A layer that knows what its circuit is traced to, and traces it again when what it reads has changed."""

from __future__ import annotations

import weakref
from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import torch

from qlayers._layer.guarded import one_at_a_time
from qlayers._layer.module import LayerModule
from qlayers._layer.surroundings import Surroundings
from qlayers._layer.tracing import NoCircuitError, Source, Trace, shared_trace
from qlayers._layer.warn import warn_caller
from qlayers.backends import Backend, Native
from qlayers.circuit import CircuitSpec
from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.qnodes import QNodeRecipe
from qlayers.simulator.not_traceable import NotTraceableError

if TYPE_CHECKING:
    from qlayers.simulator.traced import TracedCircuit

_TOO_OFTEN = (
    "what its quantum function reads changes too often; make it a tensor, which is read at every call"
)
_FREE_TRACES, _CALLS_A_TRACE = 8, 50
"""A circuit that changes more often than this is not traced again every time: that takes longer than PennyLane."""


class TracedLayer(LayerModule):
    """A layer with a trace of its circuit, for the inputs' width and dtype as they are."""

    _spec: CircuitSpec | None
    _backend: Backend | None
    _n_qubits: int
    _n_features: int | None
    _recipe: QNodeRecipe | None
    _native: Native
    _obstacle: str | None = None
    """Why a QNode runs where its author put it; None also where that was asked for."""
    _said: str | None
    _found: tuple[tuple[int, torch.dtype, torch.dtype], Surroundings, Trace]
    # Pickles of version 0.1.0 have none of these.
    _traces_seen: tuple[weakref.ref[Trace], ...] = ()
    _n_calls = 0
    _changes_too_often = False

    def _source(self, n_features: int, dtype: torch.dtype) -> Source:
        shapes = {name: tuple(weight.shape) for name, weight in self._weights_by_name().items()}
        transforms, value = None, None
        components: tuple[Any, ...] = ()
        labels: Sequence[Hashable] | None = range(self._n_qubits)
        if self._recipe is not None:
            transforms = self._recipe.qnode.compile_pipeline
            labels = self._recipe.qnode.device.wires or None
        elif self._spec is not None:
            parts = (self._spec.encoding, self._spec.ansatz, self._spec.measurement)
            components = tuple(part for part in parts if not type(part).__module__.startswith("qlayers."))
            value = None if components else self._spec
        return Source(
            self._function, transforms, self._input_name, shapes, labels, n_features, dtype, value, components
        )

    def _trace_for(self, n_features: int, dtype: torch.dtype) -> Trace:
        """What is known of the circuit for inputs of this width, as it is now."""
        state = self.__dict__  # nn.Module's own way to set an attribute takes as long as a small circuit
        found = state.get("_found")
        state["_n_calls"] = self._n_calls + 1
        # Tensors that the quantum function makes have torch's default dtype.
        here = n_features, dtype, torch.get_default_dtype()
        if found is not None and found[0] == here and found[1].are_unchanged():
            return found[2]
        with one_at_a_time:
            source = self._source(n_features, dtype)
            surroundings = source.surroundings()
            if (recipe := self._recipe) is not None:
                function = recipe.qnode.func
                transforms = list(recipe.qnode.compile_pipeline)
                surroundings.checks.append(
                    lambda: (
                        recipe.qnode.func is function and list(recipe.qnode.compile_pipeline) == transforms
                    )
                )
            if len(self._traces_seen) > _FREE_TRACES + self._n_calls // _CALLS_A_TRACE:
                state["_changes_too_often"] = True
            native = self._native != "never" and not self._changes_too_often
            try:
                trace = shared_trace(source, surroundings, native)
            except NoCircuitError as reason:
                raise ConfigurationError(
                    f"This circuit cannot run: {reason}. Change the wire, or give the device more."
                ) from reason
            if trace.batch is None:
                self._refuse_if_batched(trace.reason)
            if self._changes_too_often:
                # On PennyLane it is read at every call anyway, and need not be watched.
                trace, surroundings = replace(trace, reason=_TOO_OFTEN), Surroundings()
            if all(trace is not seen() for seen in self._traces_seen):
                state["_traces_seen"] = (*self._traces_seen, weakref.ref(trace))
            state["_found"] = here, surroundings, trace
        if trace.batch is None and trace.error is None:  # a function that fails here may fail altogether
            self._say_why(trace)
        return trace

    def _refuse_if_batched(self, reason: str | None) -> None:
        if self._native == "always":
            others = "auto or as_written" if self._backend is None else "auto, default_qubit or lightning"
            raise ConfigurationError(
                f"backend=batched cannot run this circuit: {reason}. Choose backend={others}."
            )

    def _say_why(self, trace: Trace) -> None:
        """Say once why the circuit runs on PennyLane, unless that was asked for."""
        reason = trace.reason or self._obstacle
        sentences = []
        if reason is not None:
            device = self._current_qnode().device.name
            sentences = [
                f"This circuit runs on {device}, and not on qlayers' own simulator, because {reason}."
            ]
            if "depend on the values" in reason:
                sentences.append(
                    "With torch.where in place of Python's if, and without float(), item() and NumPy on them, it is "
                    "one circuit for all values."
                )
            as_written = 'pass backend="as_written" to from_qnode, or ' if self._backend is None else ""
            sentences.append(f"If it is to stay there, {as_written}filter qlayers.ExecutionWarning.")
        if not trace.together and self._backend is None:
            sentences.append(
                "Its samples run one by one, because its quantum function does not take a batch: index features as "
                "inputs[..., i] to run them together."
            )
        said = " ".join(sentences)
        if sentences and said != self._said:  # by this layer or the one that it was copied from
            self.__dict__["_said"] = said
            warn_caller(said, ExecutionWarning)

    def _checked_for_size(self, trace: Trace, rows: int) -> Trace:
        """The trace, or one that leaves the circuit to PennyLane if it is another one for batches of this size."""
        assert trace.sizes is not None
        try:
            (n_features, dtype, _), surroundings, _ = self.__dict__["_found"]
            trace.sizes.check(rows, lambda: self._source(n_features, dtype).quantum_function(surroundings))
        except NotTraceableError as error:
            self._refuse_if_batched(str(error))
            trace = Trace(trace.returns, together=True, mixes=True, reason=f"for {rows} samples {error}")
            here, surroundings, _ = self.__dict__["_found"]
            self.__dict__["_found"] = here, surroundings, trace
            self._say_why(trace)
        return trace

    def _known(self) -> Trace:
        """Return what is known of the circuit; nothing yet before the first call."""
        return self.__dict__["_found"][2] if "_found" in self.__dict__ else Trace()

    @property
    def _traced(self) -> TracedCircuit | None:
        """What qlayers' own simulator runs on a batch, once it is known."""
        return self._known().batch

    def _is_native(self) -> bool:
        return self._traced is not None
