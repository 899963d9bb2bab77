"""A quantum circuit as a torch module."""

from __future__ import annotations

import copy
import functools
import math
import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any

import pennylane as qp
import torch

from qlayers._layer.guarded import run_guarded
from qlayers._layer.inputs import (
    check_is_no_scalar,
    check_samples,
    check_values,
    check_width,
    describe_out_of_range,
)
from qlayers._layer.module import LayerModule
from qlayers._layer.names import weights_come_first
from qlayers._layer.running_layer import RunningLayer
from qlayers._layer.surroundings import Surroundings
from qlayers._layer.tracing import Trace
from qlayers._layer.warn import warn_caller
from qlayers._layer.weights import InitMethod, WeightShapes
from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend, Native
from qlayers.circuit import CircuitSpec, check_state_fits, positive
from qlayers.components import configured, resolve
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError, InputRangeWarning
from qlayers.execution import CircuitCounter, Execution, WatchedCounts, instrument
from qlayers.look import look
from qlayers.measurements import Measurement
from qlayers.parameter_shift import parameter_shift, shifts_can_be_batched
from qlayers.qnodes import QNodeRecipe, qnode_obstacle

_BACKENDS_OF_QNODES: dict[str, Native] = {"auto": "if possible", "batched": "always", "as_written": "never"}


@weights_come_first
class QuantumLayer(RunningLayer):
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
        if callable(n_qubits):
            raise ConfigurationError(
                f"n_qubits is a number, but got {n_qubits!r}. For a layer around a QNode call "
                "QuantumLayer.from_qnode(qnode, weight_shapes), or qlayers.TorchLayer(qnode, weight_shapes)."
            )
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
            raise ConfigurationError(
                f"A layer around a QNode takes a qp.QNode, but got {type(qnode).__name__}. Make one as in "
                'qp.QNode(function, qp.device("default.qubit", wires=4)).'
            )
        if qnode.interface not in ("auto", "torch"):
            raise ConfigurationError(
                f"A quantum layer takes a QNode with interface='torch' or 'auto', but this one has "
                f"{qnode.interface!r}. Make it without interface."
            )
        if backend not in _BACKENDS_OF_QNODES:
            raise ConfigurationError(
                f"from_qnode(backend={backend!r}) is unknown. Available: {', '.join(_BACKENDS_OF_QNODES)}. "
                "The layer moves to others, such as lightning or shots, by layer.on(name)."
            )
        obstacle = qnode_obstacle(qnode)
        if backend == "batched" and obstacle:
            raise ConfigurationError(
                f"backend=batched cannot run this QNode: {obstacle}. Choose backend=auto or as_written."
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

    _in_graphs: dict[bool, tuple[Trace, Surroundings, WatchedCounts]]
    """What is in graphs of torch.compile, by whether the layer was training when they were made."""

    def _start(self, declared_width: int | None) -> None:
        self._declared_width = declared_width
        self._warned_range = False
        self._said = None
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
        # The QNode itself stays: a copy of a method would bring a copy of its object.
        memo = {id(self._recipe): self._recipe}
        state = copy.deepcopy(LayerModule.__getstate__(self), memo)
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
            if trace.error is not None:
                self._say_why(trace)
        self._counter.add_seconds(time.perf_counter() - started)
        right = dtype.to_complex() if outputs.is_complex() else dtype
        return outputs if outputs.dtype == right else outputs.to(right)

    def _check(self, inputs: torch.Tensor) -> None:
        device = next((weight.device for weight in self._weights_by_name().values()), None)
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
                warn_caller(message, InputRangeWarning)

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
            reason=trace.reason or self._obstacle,
            compared=None if trace.batch is None else trace.is_compared,
        )

    def reset_execution(self) -> None:
        """Start counting anew."""
        self._counter.reset()

    def __repr__(self) -> str:
        circuit: Hashable = self._spec or f"circuit {self._function.__name__}"
        if "_found" not in self.__dict__:
            return f"{type(self).__name__}({circuit}; not called yet)"
        return f"{type(self).__name__}({circuit}; {self._device_name()}, {self._gradient_method()})"

    __str__ = __repr__
