"""A quantum circuit as a torch module."""

from __future__ import annotations

import copy
import functools
import math
import time
import warnings
import weakref
from collections.abc import Callable, Hashable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pennylane as qp
import torch

from qlayers._layer.described import DescribedLayer
from qlayers._layer.guarded import one_at_a_time, run_guarded
from qlayers._layer.inputs import (
    check_is_no_scalar,
    check_samples,
    check_values,
    check_width,
    describe_out_of_range,
)
from qlayers._layer.module import LayerModule
from qlayers._layer.names import weights_come_first
from qlayers._layer.on_pennylane import run_unrolled
from qlayers._layer.results import NotOneEachError, combined, combined_of_qnode
from qlayers._layer.state_shift import differentiate_amplitudes
from qlayers._layer.surroundings import Surroundings
from qlayers._layer.tracing import NoCircuitError, Source, Trace, shared_trace
from qlayers._layer.weights import InitMethod, WeightShapes
from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend, Native
from qlayers.basis_states import bits_as_angles
from qlayers.circuit import CircuitSpec, check_state_fits, positive
from qlayers.components import configured, resolve
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError, ExecutionWarning, InputRangeWarning
from qlayers.execution import CircuitCounter, Execution, WatchedCounts, instrument
from qlayers.look import look
from qlayers.measurements import Measurement
from qlayers.parameter_shift import is_parameter_shift, parameter_shift, shifts_can_be_batched
from qlayers.qnodes import QNodeRecipe, qnode_obstacle
from qlayers.simulator.not_traceable import NotTraceableError

if TYPE_CHECKING:
    from qlayers.simulator.counts import Counts
    from qlayers.simulator.traced import TracedCircuit

_BACKENDS_OF_QNODES: dict[str, Native] = {"auto": "if possible", "batched": "always", "as_written": "never"}
_TOO_OFTEN = (
    "what its quantum function reads changes too often; make it a tensor, which is read at every call"
)
_FREE_TRACES, _CALLS_A_TRACE = 8, 50
"""A circuit that changes more often than this is not traced again every time: that takes longer than PennyLane."""


@weights_come_first
class QuantumLayer(DescribedLayer):
    """A quantum circuit that maps ``(*batch, n_features)`` to ``(*batch, n_outputs)``.

    It is a ``qp.qnn.TorchLayer`` with the same ``state_dict`` keys. There are three ways in:

    * by parts, as below;
    * around a QNode, :meth:`from_qnode`, or :class:`qlayers.TorchLayer` as a drop-in;
    * by subclassing: override ``circuit(self, inputs, weights)``, which queues gates and returns measurements, and
      pass ``weight_shapes`` to this constructor.

    On qlayers' own simulator a circuit is traced once. Tensors that its function takes from elsewhere than its
    arguments, such as parameters of the module around it, are read at every call and trained. When other things change
    that it reads, an attribute, a global variable or a list, it is traced again. What cannot be followed runs on
    PennyLane as written, and says so.

    Where it deviates from TorchLayer: weights are read from the module at every call, so that
    ``torch.func.functional_call``, parametrisations and ``load_state_dict(assign=True)`` reach the circuit; inputs
    are cast to the layer's precision, never the weights to the inputs'; outputs have the layer's precision; results
    given as a list or a tuple are concatenated along the last dimension; the name of the input argument is the
    layer's own; the module can be copied and pickled; a layer that runs samples one by one says so.

    Args:
        n_qubits: Qubits the circuit runs on.
        n_features: Length of the inputs' last dimension; ``n_qubits`` when None.
        encoding: A name (``"angle"``, ``"amplitude"``, ``"basis"``, ``"iqp"``) or an Encoding.
        ansatz: A name (``"strongly_entangling"``, ``"basic_entangler"``, ``"hardware_efficient"``, ``"separable"``)
            or an Ansatz.
        depth: Number of ansatz layers.
        reupload: Whether the encoding is repeated before every ansatz layer.
        measurement: A name (``"z"``, ``"probs"``) or a Measurement.
        backend: A name (``"auto"``, ``"batched"``, ``"default_qubit"``, ``"lightning"``) or a Backend. ``"auto"`` runs
            on qlayers' own simulator where it can and says once where it cannot.
        precision: ``"float32"`` or ``"float64"``, of weights and outputs; torch's default dtype when None. Changed
            later by ``.to(dtype)``.
        weight_shapes: For subclasses only: a shape, or shapes by argument name, of the weights that ``circuit`` takes.
        init: How weights start: a function such as ``torch.nn.init.zeros_``, or functions and tensors by name. Uniform
            on [0, 2π) when None.

    Raises:
        ConfigurationError: If the circuit cannot exist; names the option and what is allowed.

    >>> import torch
    >>> layer = QuantumLayer(n_qubits=4, encoding="angle", ansatz="strongly_entangling", depth=3)
    >>> layer(torch.rand(8, 5, 4)).shape
    torch.Size([8, 5, 4])
    """

    def __init__(
        self,
        n_qubits: int,
        n_features: int | None = None,
        encoding: str | Encoding = "angle",
        ansatz: str | Ansatz = "strongly_entangling",
        depth: int = 1,
        reupload: bool = False,
        measurement: str | Measurement = "z",
        backend: str | Backend = "auto",
        precision: str | None = None,
        weight_shapes: int | tuple[int, ...] | WeightShapes | None = None,
        init: InitMethod = None,
    ) -> None:
        has_own_circuit = type(self)._has_own_circuit()
        if has_own_circuit != (weight_shapes is not None):
            raise ConfigurationError(
                "weight_shapes goes with a subclass that overrides circuit(self, inputs, weights): "
                + ("this subclass must pass it." if has_own_circuit else "leave it out, or override circuit.")
            )
        parts = (encoding, ansatz, depth, reupload, measurement)
        if has_own_circuit and parts != ("angle", "strongly_entangling", 1, False, "z"):
            raise ConfigurationError(
                "encoding, ansatz, depth, reupload and measurement do nothing in a subclass that overrides circuit: "
                "write them into circuit, or do not override it."
            )
        torch.nn.Module.__init__(self)
        self._n_qubits = positive("n_qubits", n_qubits)
        check_state_fits(self._n_qubits)
        self._n_features = positive("n_features", self._n_qubits if n_features is None else n_features)
        self._spec = None if has_own_circuit else CircuitSpec(self._n_qubits, self._n_features, *parts)
        self._backend = resolve(backend, Backend)  # type: ignore[type-abstract]
        self._recipe, self._native = None, self._backend.native
        if self._spec is not None:
            weight_shapes = self._spec.weight_shape
            init = {"weights": self._spec.initial_weights()} if init is None else init
        shapes = weight_shapes if isinstance(weight_shapes, Mapping) else {"weights": weight_shapes or ()}
        self._start(self._n_features)
        self._set_up(type(self).circuit.__get__(self), "inputs", shapes, init, precision)
        if type(self).__init__ is QuantumLayer.__init__:
            self._finish()

    def __init_subclass__(cls, **options: Any) -> None:
        """Check a subclass's circuit when all of its constructor has run, since that may set what the circuit reads."""
        super().__init_subclass__(**options)
        construct = cls.__dict__.get("__init__")
        if construct is None:
            return

        @functools.wraps(construct)
        def construct_and_finish(self: QuantumLayer, *args: Any, **kwargs: Any) -> None:
            construct(self, *args, **kwargs)
            if type(self).__init__ is construct_and_finish:
                self._finish()

        cls.__init__ = construct_and_finish  # type: ignore[method-assign]

    @classmethod
    def _has_own_circuit(cls) -> bool:
        owner = next(base for base in cls.__mro__ if "circuit" in vars(base))
        return owner is not QuantumLayer

    def _finish(self) -> None:
        """Raise what is wrong with the circuit, or with where it is to run."""
        if self._n_features is None:
            return
        trace = self._trace_for(self._n_features, self._dtype())
        if trace.batch is None and self._backend is not None:
            if trace.error is not None:
                raise trace.error
            self._current_qnode()

    @classmethod
    def from_qnode(
        cls,
        qnode: qp.QNode,
        weight_shapes: WeightShapes,
        init_method: InitMethod = None,
        *,
        input_arg: str = "inputs",
        n_features: int | None = None,
        precision: str | None = None,
        backend: str = "auto",
    ) -> QuantumLayer:
        """Wrap a QNode.

        An exact QNode on default.qubit or lightning is run by qlayers' own simulator if that can run its circuit,
        whatever exact gradient method its author chose. Any other, with shots, noise or another device, goes on running
        where and how its author put it.

        Args:
            qnode: Takes one sample or a batch of samples as the argument ``input_arg``, and the weights by name.
            weight_shapes: The shape of each weight by argument name.
            init_method: As in ``qp.qnn.TorchLayer``: a function from ``torch.nn.init``, or functions and tensors by
                name. Uniform on [0, 2π) when None.
            input_arg: The name of the QNode's data argument.
            n_features: Length of the inputs' last dimension, if it should be checked; else learned from the first
                call.
            precision: ``"float32"`` or ``"float64"``; torch's default dtype when None.
            backend: ``"auto"`` as above; ``"batched"`` to be refused where qlayers' own simulator cannot run the
                circuit; ``"as_written"`` to leave the QNode where it is.

        Raises:
            ConfigurationError: If the QNode's arguments and ``weight_shapes`` do not fit together, or
                ``backend="batched"`` cannot be had.
        """
        layer = cls.__new__(cls)
        layer._wrap(qnode, weight_shapes, init_method, input_arg, n_features, precision, backend)
        return layer

    def _wrap(
        self,
        qnode: qp.QNode,
        weight_shapes: WeightShapes,
        init_method: InitMethod,
        input_arg: str,
        n_features: int | None,
        precision: str | None,
        backend: str,
    ) -> None:
        if not isinstance(qnode, qp.QNode):
            raise ConfigurationError(f"from_qnode takes a qp.QNode, but got {type(qnode).__name__}.")
        if qnode.interface not in ("auto", "torch"):
            raise ConfigurationError(
                f"A quantum layer takes a QNode with interface='torch' or 'auto', but this one has "
                f"{qnode.interface!r}. Make it without interface."
            )
        if backend not in _BACKENDS_OF_QNODES:
            raise ConfigurationError(
                f"from_qnode(backend={backend!r}) is unknown. Available: {', '.join(_BACKENDS_OF_QNODES)}."
            )
        obstacle = qnode_obstacle(qnode)
        if backend == "batched" and obstacle:
            raise ConfigurationError(
                f"backend=batched cannot run this QNode: {obstacle}. Choose backend=auto."
            )
        torch.nn.Module.__init__(self)
        self._spec = self._backend = None
        self._n_qubits = len(qnode.device.wires or ())
        self._n_features = None if n_features is None else positive("n_features", n_features)
        self._recipe = QNodeRecipe(qnode)
        self._native = "never" if obstacle else _BACKENDS_OF_QNODES[backend]
        self._obstacle = obstacle if backend == "auto" else None
        self._start(n_features)
        self._set_up(qnode.func, input_arg, weight_shapes, init_method, precision)
        self._finish()

    def _wrap_again(self, qnode: qp.QNode) -> None:
        if self._recipe is None or self._backend is not None:
            raise ConfigurationError("The QNode of this layer is made by qlayers and cannot be replaced.")
        self._recipe = QNodeRecipe(qnode)
        obstacle = qnode_obstacle(qnode)
        self._native = "never" if obstacle else self._native
        self._obstacle = obstacle
        self._forget()

    _recipe: QNodeRecipe | None
    _native: Native
    _obstacle: str | None = None
    """Why a QNode runs where its author put it; None also where that was asked for."""
    _stacks_tuples = False
    # Pickles of version 0.1.0 have none of these.
    _traces_seen: tuple[weakref.ref[Trace], ...] = ()
    _n_calls = 0
    _changes_too_often = False
    _ran_together: bool | None = None
    """Whether PennyLane was given the last batch as a whole."""
    _in_graphs: dict[bool, tuple[Trace, Surroundings, WatchedCounts]]
    """What is in graphs of torch.compile, by whether the layer was training when they were made."""
    _found: tuple[tuple[int, torch.dtype, torch.dtype], Surroundings, Trace]

    def _start(self, declared_width: int | None) -> None:
        self._declared_width = declared_width
        self._warned_range = False
        self._said: str | None = None
        self._counter = CircuitCounter()

    def on(self, backend: str | Backend, **options: Any) -> QuantumLayer:
        """The same circuit, with copies of the weights, on another backend; this layer stays as it is.

        A QNode's device, shots, and gradient method give way to the backend's; its transforms stay.

        Args:
            backend: A name or a Backend.
            options: Settings of a backend that is given by its name, such as ``shots=100``. A Backend has its own.

        Raises:
            ConfigurationError: If the backend or an option is unknown, or the backend cannot run this circuit.

        >>> QuantumLayer(n_qubits=2).on("shots", shots=100, seed=0).backend.shots
        100
        """
        moved: QuantumLayer = self.__class__.__new__(self.__class__)
        state = copy.deepcopy(LayerModule.__getstate__(self))
        state["_backend"] = configured(backend, Backend, options)  # type: ignore[type-abstract]
        state["_native"] = state["_backend"].native
        state.update(_said=None, _obstacle=None, _ran_together=None, _counter=CircuitCounter())
        if self._recipe is not None:
            state["_n_qubits"] = len(self._labels())
            check_state_fits(state["_n_qubits"])
        moved.__setstate__(state)
        moved._finish()
        return moved

    def _labels(self) -> list[Any]:
        """The wires of a layer that was made from a QNode, in order."""
        assert self._recipe is not None
        qnode = self._recipe.fresh()
        return list(qnode.device.wires or self._example_tape(0, qnode).wires)

    @property
    def _function(self) -> Callable[..., Any]:
        if self._recipe is not None:
            function: Callable[..., Any] = self._recipe.qnode.func
            return function
        return type(self).circuit.__get__(self)

    def _make_qnode(self, dtype: torch.dtype) -> qp.QNode:
        if self._backend is None:
            assert self._recipe is not None
            qnode = self._recipe.fresh()
            if self._obstacle is not None and shifts_can_be_batched(qnode):
                qnode.diff_method = parameter_shift
            qnode.device = instrument(qnode.device, self._counter)
            return qnode
        device = self._backend.device(self._n_qubits, dtype)
        settings = {"device": instrument(device, self._counter), "interface": "torch", "diff_method": None}
        if self._recipe is None:
            qnode = qp.QNode(self._function, **settings)
        else:
            qnode = self._recipe.moved(self._labels(), **settings)
        qnode = qp.set_shots(qnode, self._backend.shots)
        qnode.diff_method = self._backend.gradient_method(device, self._example_tape(0, qnode))
        qnode.gradient_kwargs = self._backend.gradient_options()
        return qnode

    # ---------------------------------------------------------------- what is found out of the circuit

    def _source(self, n_features: int, dtype: torch.dtype) -> Source:
        shapes = {name: tuple(weight.shape) for name, weight in self.qnode_weights.items()}
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
                surroundings.checks.append(lambda: recipe.qnode.func is function)
            if len(self._traces_seen) > _FREE_TRACES + self._n_calls // _CALLS_A_TRACE:
                state["_changes_too_often"] = True
            native = self._native != "never" and not self._changes_too_often
            try:
                trace = shared_trace(source, surroundings, native)
            except NoCircuitError as reason:
                raise ConfigurationError(
                    f"This circuit cannot run: {reason}. Change the wire, or give the device more."
                ) from reason
            if self._native == "always" and trace.batch is None:
                raise ConfigurationError(
                    f"backend=batched cannot run this circuit: {trace.reason}. Choose backend=auto, default_qubit or "
                    "lightning."
                )
            if self._changes_too_often:
                # On PennyLane it is read at every call anyway, and need not be watched.
                trace, surroundings = replace(trace, reason=_TOO_OFTEN), Surroundings()
            if all(trace is not seen() for seen in self._traces_seen):
                state["_traces_seen"] = (*self._traces_seen, weakref.ref(trace))
            state["_found"] = here, surroundings, trace
        if trace.batch is None:
            self._say_why(trace)
        return trace

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
                    "With torch.where in place of Python's if, it is one circuit for all values."
                )
            sentences.append("If it is to stay there, filter qlayers.ExecutionWarning.")
        if not trace.together and self._backend is None:
            sentences.append(
                "Its samples run one by one, because its quantum function does not take a batch: index features as "
                "inputs[..., i] to run them together."
            )
        said = " ".join(sentences)
        if sentences and said != self._said:  # by this layer or the one that it was copied from
            self.__dict__["_said"] = said
            warnings.warn(said, ExecutionWarning, stacklevel=6)

    def retrace(self) -> None:
        """Read the circuit again, with the Python values that it takes from elsewhere as they are now.

        Raises:
            ConfigurationError: The circuit cannot run any more.
        """
        self._forget()
        self._traces_seen, self._changes_too_often = (), False
        self._finish()

    def circuit(self, inputs: torch.Tensor, weights: torch.Tensor) -> Any:
        """The quantum function. Override it to write a circuit of your own.

        It may read parameters, buffers and submodules of the layer, which are trained, and plain attributes.

        Args:
            inputs: Shape ``(n_features,)`` or ``(batch, n_features)``; index features as ``inputs[..., i]``.
            weights: The weights, shaped as in ``weight_shapes``. With several, name the arguments after its keys.

        Returns:
            One measurement, or a list or tuple of them.
        """
        if self._spec is None:
            raise ConfigurationError(
                "A layer made from a QNode has no circuit of its own; see layer.qnode.func."
            )
        return self._spec.apply(inputs, weights)

    # ---------------------------------------------------------------- running

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Run the circuit on every sample.

        Args:
            inputs: Shape ``(*batch, n_features)``, any number of batch dimensions, any real dtype.

        Returns:
            Shape ``(*batch, n_outputs)``, or ``(*batch,)`` for a QNode that returns one scalar; the layer's dtype.

        Raises:
            InputError: For a wrong number of features, NaN or infinite values, inputs on another device than the
                weights, or data that the encoding cannot take.
        """
        if torch.compiler.is_compiling() and inputs.ndim:
            n_features = int(f"{inputs.shape[-1]}")  # a number even where torch.compile makes sizes symbols
            if self._runs_in_graph(n_features):
                return self._forward_in_graph(inputs)
        return self._forward_with_care(inputs)

    @torch.compiler.assume_constant_result  # so that torch.compile calls it, and knows its result
    def _runs_in_graph(self, n_features: int) -> bool:
        """Whether torch.compile can take the layer into its graph, which is found out before the first call."""
        if not self._takes_any_number():
            return False
        if self._declared_width not in (None, n_features):  # the graph's own check refuses the inputs
            return True
        if self._n_features is None:
            self._n_features = n_features
        trace = self._trace_for(n_features, self._dtype())
        # Tensors around the function are read at every call, and the graph has none.
        if trace.batch is None or trace.batch.closures or self._follows_inputs:
            return False
        surroundings = self.__dict__["_found"][1]
        in_graphs = self.__dict__.setdefault("_in_graphs", {})
        in_graphs[self.training] = (
            trace,
            surroundings,
            WatchedCounts(self._counter, surroundings.are_unchanged),
        )
        return True

    def _takes_any_number(self) -> bool:
        return self._encoding is None or self._encoding.takes_any_number()

    def _forward_in_graph(self, inputs: torch.Tensor) -> torch.Tensor:
        """What ``torch.compile`` takes into its graph, where no warning is given of inputs outside their range.

        That numbers are finite is checked by the operator that runs the circuit.
        """
        self._check(inputs)
        trace, surroundings, counts = self._in_graphs[self.training]
        return self._run_traced(trace, surroundings, inputs.to(self._dtype()), counts)

    _follows_inputs = False
    """Whether the circuit is computed in the inputs' precision rather than in the weights'."""

    # torch.compile breaks its graph here and goes on behind, or with fullgraph=True gives the reason.
    @torch.compiler.disable(
        reason="this quantum layer runs on PennyLane, or its encoding looks at values; compile without fullgraph=True"
    )
    def _forward_with_care(self, inputs: torch.Tensor) -> torch.Tensor:
        learns_width = self._n_features is None
        try:
            return self._forward_checked(inputs)
        except Exception:
            if learns_width:  # from a call that succeeds
                self._n_features = None
                self._forget()
            raise

    def _forward_checked(self, inputs: torch.Tensor) -> torch.Tensor:
        started = time.perf_counter()
        dtype = self._dtype()
        self._check(inputs)
        if self._follows_inputs and inputs.dtype in (torch.float32, torch.float64):
            dtype = inputs.dtype
        trace = self._trace_for(inputs.shape[-1], dtype)
        if inputs.dtype != dtype:
            inputs = inputs.to(dtype)
        if not inputs.numel():
            return self._nothing(inputs, trace)
        look(inputs, self._check_values)
        if self._encoding is not None and not self._encoding.differentiable:
            inputs = inputs.detach()
        if inputs.ndim > 1 and trace.sizes is not None:
            trace = self._checked_for_size(trace, math.prod(inputs.shape[:-1]))
        if (trace.single if inputs.ndim == 1 else trace.batch) is not None:
            outputs = self._run_traced(trace, self.__dict__["_found"][1], inputs)
        else:
            run = functools.partial(self._run_qnode, trace=trace)
            outputs = run_guarded(run, inputs, self._weights_in(dtype), self._counter, self._device_name())
        self._counter.add_seconds(time.perf_counter() - started)
        right = dtype.to_complex() if outputs.is_complex() else dtype
        return outputs if outputs.dtype == right else outputs.to(right)

    def _checked_for_size(self, trace: Trace, rows: int) -> Trace:
        """The trace, or one that leaves the circuit to PennyLane if it is another one for batches of this size."""
        assert trace.sizes is not None
        try:
            trace.sizes.check(rows)
        except NotTraceableError as error:
            if self._native == "always":
                raise ConfigurationError(f"backend=batched cannot run this circuit: {error}.") from error
            trace = Trace(trace.returns, together=True, mixes=True, reason=f"for {rows} samples {error}")
            here, surroundings, _ = self.__dict__["_found"]
            self.__dict__["_found"] = here, surroundings, trace
            self._say_why(trace)
        return trace

    def _weights_in(self, dtype: torch.dtype) -> dict[str, torch.Tensor]:
        return {
            name: weight if weight.dtype == dtype else weight.to(dtype)
            for name, weight in self.qnode_weights.items()
        }

    def _nothing(self, inputs: torch.Tensor, trace: Trace) -> torch.Tensor:
        """The results of no samples, from which no gradient flows."""
        shapes = self._output_shapes()
        per_sample = shapes[0] if trace.returns == "one" else (self.n_outputs,)
        outputs = inputs.new_zeros((*inputs.shape[:-1], *per_sample))
        return outputs + sum(weight.reshape(-1)[:0].sum() for weight in self.qnode_weights.values())

    def _run_traced(
        self, trace: Trace, surroundings: Surroundings, inputs: torch.Tensor, counts: Counts | None = None
    ) -> torch.Tensor:
        circuit = trace.single if inputs.ndim == 1 else trace.batch
        assert circuit is not None
        samples = inputs if inputs.ndim == 2 else inputs.reshape(-1, inputs.shape[-1])
        weights = list(self.qnode_weights.values())
        if circuit.closures:
            weights += [surroundings.tensors[number] for number in circuit.closures]
        if len(weights) == 1 and weights[0].dtype == samples.dtype:
            together = weights[0]
        else:
            flat = [weight.reshape(-1).to(samples.dtype) for weight in weights]
            together = torch.cat(flat) if flat else samples.new_empty(0)
        outputs = circuit.run(samples, together, counts or self._counter)
        batch = inputs.shape[:-1] if inputs.ndim > 1 else None
        is_stacked = trace.returns == "tuple" and self._stacks_tuples
        if batch and trace.finish is None and trace.returns != "one" and not is_stacked:
            side_by_side = circuit.readout.side_by_side(outputs)
            return side_by_side if len(batch) == 1 else side_by_side.reshape(*batch, -1)
        results = circuit.readout.results(outputs)
        makes_row = batch is None and trace.keeps_row
        if trace.finish is not None and len(samples) == 1 and not makes_row:
            # Transforms take the dimension of a batch of one for none.
            results = [result[:1] for result in trace.finish([result.repeat(2) for result in results])]
        elif trace.finish is not None:
            results = trace.finish(results)
        if batch is None and not makes_row:
            results = [result[0] for result in results]
        return combined(results, trace.returns, batch, self._stacks_tuples, makes_row)

    def _run_qnode(self, inputs: torch.Tensor, trace: Trace) -> torch.Tensor:
        weights = self._weights_in(inputs.dtype)
        differentiated = inputs.requires_grad and torch.is_grad_enabled()
        if differentiated and self._prepares_amplitudes() and self._noise_of_gates():
            assert self._backend is not None and self._encoding is not None
            raise ConfigurationError(
                f"backend={self._backend.name} prepares amplitudes by noisy gates, and then outputs have no derivative "
                f"by inputs wherever neighbouring amplitudes vanish. Choose another encoding than "
                f"{self._encoding.name}, train without noise, or let the inputs need no gradient."
            )
        if not (self._shifts_states() and differentiated):
            return self._run(inputs, weights, trace)
        samples = inputs.reshape(-1, inputs.shape[-1])
        # The weights as they are now: by the backward pass, a functional_call that lent others may be over.
        detached = {name: weight.detach() for name, weight in weights.items()}

        def run(shifted: torch.Tensor) -> torch.Tensor:
            with one_at_a_time, torch.no_grad():
                return self._run(shifted, detached, trace)

        outputs = differentiate_amplitudes(samples, self._run(samples.detach(), weights, trace), run)
        return outputs.reshape(*inputs.shape[:-1], -1)

    def _run(self, inputs: torch.Tensor, weights: dict[str, torch.Tensor], trace: Trace) -> torch.Tensor:
        if not torch.is_grad_enabled():
            # PennyLane looks at requires_grad alone, and would differentiate on the device all the same.
            inputs, weights = inputs.detach(), {name: weight.detach() for name, weight in weights.items()}
        if inputs.ndim < 2:
            results = self._current_qnode()(**{self._input_name: inputs}, **weights)
            return combined_of_qnode(results, None, self._stacks_tuples, trace.keeps_row)
        samples, batch = inputs.flatten(end_dim=-2), inputs.shape[:-1]
        self.__dict__["_ran_together"] = self._takes_batch(trace, inputs)
        if self._ran_together:
            results = self._current_qnode()(**{self._input_name: samples}, **weights)
            with suppress(NotOneEachError):
                return combined_of_qnode(results, batch, self._stacks_tuples)
        rows = samples[:, None] if trace.together else samples
        results = run_unrolled(self._current_qnode(), [{self._input_name: row, **weights} for row in rows])
        # Where TorchLayer has no number for the batch, results lie side by side.
        stacks = self._stacks_tuples and not self._ran_together
        self.__dict__["_ran_together"] = False
        return combined_of_qnode(results, batch, stacks)

    def _takes_batch(self, trace: Trace, inputs: torch.Tensor) -> bool:
        """Whether PennyLane is given the batch as a whole, whose inputs it differentiates by backpropagation alone."""
        if not trace.together or trace.mixes:
            return trace.together
        exact = (
            self._current_qnode().device.name in ("default.qubit", "default.mixed")
            and not self._current_qnode().shots
        )
        if exact and self._current_qnode().diff_method in ("best", "backprop"):  # there the best is backprop
            return True
        # Lightning runs a batch sample by sample, and PennyLane 0.45 shapes the results of some templates wrongly.
        is_lightning = self._current_qnode().device.name.startswith("lightning")
        return self._backend is None and not inputs.requires_grad and not is_lightning

    def _prepares_amplitudes(self) -> bool:
        return self._encoding is not None and self._encoding.amplitudes

    def _noise_of_gates(self) -> bool:
        return self._backend is not None and self._backend.noise_of_gates

    def _shifts_states(self) -> bool:
        return (
            self._prepares_amplitudes()
            and not self._is_native()
            and self._current_qnode().diff_method != "backprop"
        )

    def _check(self, inputs: torch.Tensor) -> None:
        device = next((weight.device for weight in self.qnode_weights.values()), None)
        check_samples(inputs, device)
        if self._declared_width is not None:
            check_width(inputs, self._declared_width)
            return
        check_is_no_scalar(inputs)
        if self._n_features is None:
            self._n_features = inputs.shape[-1]

    def _check_values(self, inputs: torch.Tensor) -> None:
        bounds = check_values(inputs, self._encoding)
        if self._encoding is not None and not self._warned_range:
            message = describe_out_of_range(*bounds, self._encoding)
            if message is not None:
                self._warned_range = True
                warnings.warn(message, InputRangeWarning, stacklevel=5)

    # ---------------------------------------------------------------- how it ran

    @property
    def execution(self) -> Execution:
        """How the layer ran so far; see :class:`~qlayers.execution.Execution`."""
        gradient_executions = (
            self._counter.executions - self._counter.forward_executions + self._counter.derivatives
        )
        trace = self._known()
        return Execution(
            device=self._device_name(),
            gradient_method=self._gradient_method(),
            batching=self._batching(),
            shots=None if self._is_native() else self._current_qnode().shots.total_shots,
            executions=self._counter.forward_executions,
            gradient_executions=gradient_executions,
            seconds=self._counter.seconds,
            tasks=self._counter.tasks,
            usd=self._counter.usd,
            cached=self._counter.cached,
            reason=(trace.reason if trace is not None else None) or self._obstacle,
            compared=None if trace is None or trace.batch is None else trace.is_compared,
        )

    def reset_execution(self) -> None:
        """Start counting anew."""
        self._counter.reset()

    def _known(self) -> Trace | None:
        found = self.__dict__.get("_found")
        return None if found is None else found[2]

    @property
    def _traced(self) -> TracedCircuit | None:
        """What qlayers' own simulator runs on a batch, once it is known."""
        trace = self._known()
        return None if trace is None else trace.batch

    def _takes_rows_only(self) -> bool:
        trace = self._known()
        return trace is not None and trace.as_row

    def _is_native(self) -> bool:
        trace = self._known()
        return trace is not None and trace.batch is not None

    def _device_name(self) -> str:
        return "qlayers.batched" if self._is_native() else str(self._current_qnode().device.name)

    def _batching(self) -> str | None:
        together = True if self._is_native() else self._ran_together
        return None if together is None else "broadcast" if together else "unrolled"

    def _gradient_method(self) -> str:
        if self._is_native():
            return "adjoint" if self._precision.device.type == "cpu" else "backprop"
        method = self._current_qnode().diff_method
        trace = self._known()
        if method == "best" and self._n_features is not None and not (trace and trace.keeps_state):
            # The example is random, and no circuit need take it.
            with bits_as_angles(), suppress(Exception):
                method = qp.workflow.get_best_diff_method(self._current_qnode())(**self._example())
        name = "parameter-shift" if is_parameter_shift(method) else str(getattr(method, "__name__", method))
        return f"{name}, inputs by state-shift" if self._shifts_states() else name

    def __repr__(self) -> str:
        circuit: Hashable = self._spec or f"circuit {self._function.__name__}"
        if self._known() is None:
            return f"{type(self).__name__}({circuit}; not called yet)"
        return f"{type(self).__name__}({circuit}; {self._device_name()}, {self._gradient_method()})"

    __str__ = __repr__
