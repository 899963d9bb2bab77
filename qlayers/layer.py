"""A quantum circuit as a torch module."""

from __future__ import annotations

import copy
import time
import warnings
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Self

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers._layer.guarded import one_at_a_time, run_guarded
from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend, Native
from qlayers.basis_states import bits_as_angles
from qlayers.batching import NO_RESULTS, broadcasts_correctly, concatenate, returns_list, run_unrolled
from qlayers.circuit import CircuitSpec, check_state_fits, positive
from qlayers.components import configured, resolve
from qlayers.described import DescribedLayer
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError, ExecutionWarning, InputRangeWarning
from qlayers.execution import CircuitCounter, Execution, instrument
from qlayers.inputs import check_is_no_scalar, check_samples, check_values, check_width, describe_out_of_range
from qlayers.look import look
from qlayers.measurements import Measurement
from qlayers.parameter_shift import is_parameter_shift
from qlayers.qnodes import QNodeRecipe, qnode_obstacle
from qlayers.reading import recording_reads
from qlayers.state_shift import differentiate_amplitudes
from qlayers.torch_layer import InitMethod, RepairedTorchLayer, WeightShapes
from qlayers.undisturbed import undisturbed

if TYPE_CHECKING:
    from qlayers.simulator.traced import TracedCircuit

_BACKENDS_OF_QNODES: dict[str, Native] = {"auto": "if possible", "batched": "always", "as_written": "never"}


class QuantumLayer(DescribedLayer):
    """A quantum circuit that maps ``(*batch, n_features)`` to ``(*batch, n_outputs)``.

    It is a ``qp.qnn.TorchLayer`` with the same ``state_dict`` keys. There are three ways in:

    * by parts, as below;
    * around a QNode, :meth:`from_qnode`;
    * by subclassing: override ``circuit(self, inputs, weights)``, which queues gates and returns measurements, and
      pass ``weight_shapes`` to this constructor.

    On qlayers' own simulator a circuit is traced once, when the layer is made or first called. What it takes from
    elsewhere than its arguments, an attribute or a global variable, keeps the value that it had then, until
    :meth:`retrace`. ``self.training`` is heeded: there is one trace for training and one for evaluation.

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
        precision: ``"float32"`` or ``"float64"``, of weights and outputs. Changed later by ``.to(dtype)``.
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

    backend: Backend | None
    n_qubits: int

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
        precision: str = "float32",
        weight_shapes: int | tuple[int, ...] | WeightShapes | None = None,
        init: InitMethod = None,
    ) -> None:
        has_own_circuit = type(self).circuit is not QuantumLayer.circuit
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
        self.n_qubits = positive("n_qubits", n_qubits)
        check_state_fits(n_qubits)
        self.n_features = positive("n_features", n_qubits if n_features is None else n_features)
        self.spec = None if has_own_circuit else CircuitSpec(n_qubits, n_features, *parts)
        self.backend = resolve(backend, Backend)  # type: ignore[type-abstract]
        self._recipe, self._native = None, self.backend.native
        if self.spec is not None:
            weight_shapes = self.spec.weight_shape
            init = {"weights": self.spec.initial_weights()} if init is None else init
        shapes = weight_shapes if isinstance(weight_shapes, Mapping) else {"weights": weight_shapes or ()}
        self._start(self.n_features)
        self._waits = has_own_circuit
        self._set_up(self.circuit, "inputs", shapes, init, precision)
        self._waits = False

    @classmethod
    def from_qnode(
        cls,
        qnode: qp.QNode,
        weight_shapes: WeightShapes,
        init_method: InitMethod = None,
        *,
        input_arg: str = "inputs",
        n_features: int | None = None,
        precision: str = "float32",
        backend: str = "auto",
    ) -> QuantumLayer:
        """Wrap a QNode.

        An exact QNode on default.qubit or lightning, differentiated by backpropagation or the adjoint method, is run
        by qlayers' own simulator if that can run its circuit. Any other, with shots, noise, another device or another
        gradient method, goes on running where and how its author put it.

        Args:
            qnode: Takes one sample or a batch of samples as the argument ``input_arg``, and the weights by name.
            weight_shapes: The shape of each weight by argument name.
            init_method: As in ``qp.qnn.TorchLayer``: a function from ``torch.nn.init``, or functions and tensors by
                name. Uniform on [0, 2π) when None.
            input_arg: The name of the QNode's data argument.
            n_features: Length of the inputs' last dimension, if it should be checked; else learned from the first
                call.
            precision: ``"float32"`` or ``"float64"``.
            backend: ``"auto"`` as above; ``"batched"`` to be refused where qlayers' own simulator cannot run the
                circuit; ``"as_written"`` to leave the QNode where it is.

        Raises:
            ConfigurationError: If the QNode's arguments and ``weight_shapes`` do not fit together, or
                ``backend="batched"`` cannot be had.
        """
        if not isinstance(qnode, qp.QNode):
            raise ConfigurationError(f"from_qnode takes a qp.QNode, but got {type(qnode).__name__}.")
        if backend not in _BACKENDS_OF_QNODES:
            raise ConfigurationError(
                f"from_qnode(backend={backend!r}) is unknown. Available: {', '.join(_BACKENDS_OF_QNODES)}."
            )
        obstacle = qnode_obstacle(qnode)
        if backend == "batched" and obstacle:
            raise ConfigurationError(
                f"backend=batched cannot run this QNode: {obstacle}. Choose backend=auto."
            )
        layer = cls.__new__(cls)
        torch.nn.Module.__init__(layer)
        layer.spec = layer.backend = None
        layer.n_qubits, layer.n_features = len(qnode.device.wires or ()), n_features
        layer._recipe = QNodeRecipe(qnode)
        layer._native = "never" if obstacle else _BACKENDS_OF_QNODES[backend]
        layer._start(n_features)
        layer._set_up(qnode.func, input_arg, weight_shapes, init_method, precision)
        return layer

    _waits = False
    """Whether a subclass may go on to set what its circuit reads."""
    _recipe: QNodeRecipe | None
    _native: Native
    _traced: TracedCircuit | None
    _traced_width: int | None
    _other_mode: tuple[TracedCircuit | None, int | None, bool]
    """The trace, its width and kind of results in the training mode that the layer is not in."""
    _derived = ("qnode", "_traced", "_traced_width", "_other_mode")

    def _start(self, declared_width: int | None) -> None:
        self._declared_width = declared_width
        self._broadcasts: bool | None = None
        self._warned_range = False
        self._said: str | None = None
        self._counter = CircuitCounter()
        self.reset_execution()

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
        state = copy.deepcopy(RepairedTorchLayer.__getstate__(self))
        state["backend"] = configured(backend, Backend, options)  # type: ignore[type-abstract]
        state["_native"] = state["backend"].native
        state.update(_broadcasts=None, _said=None, _counter=CircuitCounter())
        if self._recipe is not None:
            state["n_qubits"] = len(self._labels())
            check_state_fits(state["n_qubits"])
        moved.__setstate__(state)
        return moved

    def _labels(self) -> list[Any]:
        """The wires of a layer that was made from a QNode, in order."""
        assert self._recipe is not None
        qnode = self._recipe.fresh()
        return list(qnode.device.wires or self._example_tape(0, qnode).wires)

    def _make_qnode(self, dtype: torch.dtype) -> qp.QNode:
        if self.backend is None:
            assert self._recipe is not None
            qnode = self._recipe.fresh()
            qnode.device = instrument(qnode.device, self._counter)
            return qnode
        device = self.backend.device(self.n_qubits, dtype)
        settings = {"device": instrument(device, self._counter), "interface": "torch", "diff_method": None}
        if self._recipe is None:
            qnode = qp.QNode(self.circuit, **settings)
        else:
            qnode = self._recipe.moved(self._labels(), **settings)
        qnode = qp.set_shots(qnode, self.backend.shots)
        qnode.diff_method = self.backend.gradient_method(device, self._example_tape(0, qnode))
        qnode.gradient_kwargs = self.backend.gradient_options()
        return qnode

    def _connect(self, dtype: torch.dtype) -> None:
        if "_traced" not in self.__dict__:
            # Not by setattr, which needs the QNode in place.
            self.__dict__.update(_traced=None, _traced_width=None, _other_mode=(None, None, False))
        try:
            super()._connect(dtype)
        except AttributeError:
            if not self._waits:
                raise
            self._connected_dtype = (
                None  # the subclass has yet to set what its circuit reads: the first call connects
            )
            return
        if self.n_features is not None:
            self._trace_if_native(self.n_features)

    def _trace_if_native(self, n_features: int) -> None:
        """Find the circuit that qlayers' own simulator runs, if it may run this layer; once for a width of inputs."""
        if self._traced_width == n_features:
            return
        if self._native != "never":
            with undisturbed():
                self._traced = self._trace(n_features)
        self._traced_width = (
            n_features  # at last, so that what fails unexpectedly is tried again, and fails again
        )

    def _trace(self, n_features: int) -> TracedCircuit | None:
        from qlayers.simulator.trace import (  # numba: only for its users
            NoSuchWireError,
            NotTraceableError,
            trace,
        )

        try:
            read = self._read_by_circuit()
            if read:
                names = ", ".join(f"self.{name}" for name in read)
                raise NotTraceableError(f"it reads {names}, and only inputs and weights may change there")
            n_qubits = self.n_qubits or len(self._example_tape().wires)
            n_weights = sum(weight.numel() for weight in self.qnode_weights.values())
            traced = trace(
                self._draw_tape, n_qubits, n_weights, n_features, self._connected_dtype or self.dtype
            )
        except NoSuchWireError as reason:
            raise ConfigurationError(
                f"This circuit cannot run: {reason}. Change the wire, or give the device more."
            ) from reason
        except NotTraceableError as reason:
            if self._native == "always":
                raise ConfigurationError(
                    f"backend=batched cannot run this circuit: {reason}. Choose backend=auto, default_qubit or "
                    "lightning."
                ) from reason
            device = self.qnode.device.name
            said = f"This circuit runs on {device}, and not on qlayers' own simulator, because {reason}."
            if said != self._said:  # by this layer or the one that it was copied from
                warnings.warn(said, ExecutionWarning, stacklevel=7)
            self._said = said
            return None
        self._gives_list = returns_list(self.qnode, self._example())
        return traced

    def _read_by_circuit(self) -> list[str]:
        """Parameters, buffers and submodules that a subclass's circuit reads, by name."""
        if self._recipe is not None or self.spec is not None:
            return []
        arguments = self._example()
        with recording_reads(self) as read, bits_as_angles(), qp.queuing.AnnotatedQueue():
            self.circuit(**arguments)
        return sorted(read)

    def train(self, mode: bool = True) -> Self:
        """As in ``torch.nn.Module``; a subclass's circuit, which may read ``self.training``, has a trace for either."""
        changes = mode != self.training and type(self).circuit is not QuantumLayer.circuit
        super().train(mode)
        if changes:
            here = self._traced, self._traced_width, getattr(self, "_gives_list", False)
            (self._traced, self._traced_width, self._gives_list), self._other_mode = self._other_mode, here
            if self.n_features is not None and self._connected_dtype is not None:
                with one_at_a_time:
                    self._trace_if_native(self.n_features)
        return self

    def retrace(self) -> None:
        """Read the circuit again, with the Python values that it takes from elsewhere as they are now.

        Raises:
            ConfigurationError: The circuit cannot run any more.
        """
        self._traced = self._traced_width = self._broadcasts = None
        self._other_mode = None, None, False
        with one_at_a_time:
            self._connect(self._connected_dtype or self.dtype)

    def _draw_tape(self, flat: torch.Tensor, sample: torch.Tensor) -> QuantumScript:
        shapes = {name: weight.shape for name, weight in self.qnode_weights.items()}
        parts = flat.split([shape.numel() for shape in shapes.values()])
        weights = {name: part.reshape(shapes[name]) for name, part in zip(shapes, parts, strict=True)}
        arguments = {self._input_name: sample, **weights}
        tape = qp.workflow.construct_tape(self.qnode, level="user")(**arguments)
        if not tape.measurements:
            raise ConfigurationError(NO_RESULTS)
        labels = self.qnode.device.wires or tape.wires
        if self._recipe is None or list(labels) == list(range(len(labels))):
            return tape
        (tape,), _ = qp.map_wires(tape, {label: position for position, label in enumerate(labels)})
        return tape

    def circuit(self, inputs: torch.Tensor, weights: torch.Tensor) -> Any:
        """The quantum function. Override it to write a circuit of your own.

        It may read parameters, buffers and submodules of the layer; then it runs on PennyLane, which reads them anew at
        every call. Plain attributes are read once.

        Args:
            inputs: Shape ``(n_features,)`` or ``(batch, n_features)``; index features as ``inputs[..., i]``.
            weights: The weights, shaped as in ``weight_shapes``. With several, name the arguments after its keys.

        Returns:
            One measurement, or a list or tuple of them.
        """
        if self.spec is None:
            raise ConfigurationError(
                "A layer made from a QNode has no circuit of its own; see layer.qnode.func."
            )
        return self.spec.apply(inputs, weights)

    @property
    def encoding(self) -> Encoding | None:
        """The encoding, of a layer that was named by parts."""
        return self.spec.encoding if self.spec else None

    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        """Run the circuit on every sample.

        Args:
            inputs: Shape ``(*batch, n_features)``, any number of batch dimensions, any real dtype.

        Returns:
            Shape ``(*batch, n_outputs)``, or ``(*batch,)`` for a QNode that returns one scalar; the layer's dtype.

        Raises:
            InputError: For a wrong number of features, an empty batch, NaN or infinite values, inputs on another
                device than the weights, or data that the encoding cannot take.
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
        if self._declared_width in (None, n_features):  # else the graph's own check refuses the inputs
            self._get_ready(n_features)
        return self._traced is not None

    def _get_ready(self, n_features: int) -> None:
        """Trace the circuit for inputs of this width, unless that has been done."""
        if self._declared_width is None and self.n_features is None:
            self.n_features = n_features
        with one_at_a_time:
            if self.dtype != self._connected_dtype:
                self._connect(self.dtype)
            self._trace_if_native(n_features)

    def _takes_any_number(self) -> bool:
        return self.encoding is None or self.encoding.takes_any_number()

    def _forward_in_graph(self, inputs: torch.Tensor) -> torch.Tensor:
        """What ``torch.compile`` takes into its graph, where no warning is given of inputs outside their range.

        That numbers are finite is checked by the operator that runs the circuit.
        """
        self._check(inputs)
        inputs = inputs.to(self.dtype)
        assert self._traced is not None
        return self._run_traced(self._traced, inputs)

    # torch.compile breaks its graph here and goes on behind, or with fullgraph=True gives the reason.
    @torch.compiler.disable(
        reason="this quantum layer runs on PennyLane, or its encoding looks at values; compile without fullgraph=True"
    )
    def _forward_with_care(self, inputs: torch.Tensor) -> torch.Tensor:
        started = time.perf_counter()
        dtype = self.dtype
        self._check(inputs)
        if self._traced_width != inputs.shape[-1] or dtype != self._connected_dtype:
            self._get_ready(inputs.shape[-1])
        if inputs.dtype != dtype:
            inputs = inputs.to(dtype)
        look(inputs, self._check_values)
        if self.encoding is not None and not self.encoding.differentiable:
            inputs = inputs.detach()
        if self._traced is not None:
            outputs = self._run_traced(self._traced, inputs)
        else:
            run, weights = self._run_qnode, self.qnode_weights
            outputs = run_guarded(run, inputs, weights, self._counter, self._device_name())
        self._counter.add_seconds(time.perf_counter() - started)
        right = dtype.to_complex() if outputs.is_complex() else dtype
        return outputs if outputs.dtype == right else outputs.to(right)

    def _run_qnode(self, inputs: torch.Tensor) -> torch.Tensor:
        differentiated = inputs.requires_grad and torch.is_grad_enabled()
        if (
            differentiated
            and self.encoding is not None
            and self.encoding.amplitudes
            and self._noise_of_gates()
        ):
            assert self.backend is not None
            raise ConfigurationError(
                f"backend={self.backend.name} prepares amplitudes by noisy gates, and then outputs have no derivative "
                f"by inputs wherever neighbouring amplitudes vanish. Choose another encoding than "
                f"{self.encoding.name}, train without noise, or let the inputs need no gradient."
            )
        if not (self._shifts_states() and differentiated):
            return self._run(inputs, self.qnode_weights)
        samples = inputs.reshape(-1, inputs.shape[-1])
        # The weights as they are now: by the backward pass, a functional_call that lent others may be over.
        weights = {name: weight.detach() for name, weight in self.qnode_weights.items()}

        def run(shifted: torch.Tensor) -> torch.Tensor:
            with one_at_a_time, torch.no_grad():
                return self._run(shifted, weights)

        outputs = differentiate_amplitudes(samples, self._run(samples.detach(), self.qnode_weights), run)
        return outputs.reshape(*inputs.shape[:-1], -1)

    def _run_traced(self, circuit: TracedCircuit, inputs: torch.Tensor) -> torch.Tensor:
        samples = inputs if inputs.ndim == 2 else inputs.reshape(-1, inputs.shape[-1])
        weights = list(self.qnode_weights.values()) or [samples.new_empty(0)]
        together = weights[0] if len(weights) == 1 else torch.cat([weight.reshape(-1) for weight in weights])
        outputs = circuit.run(samples, together, self._counter)
        readout = circuit.readout
        outputs = readout.side_by_side(outputs) if self._gives_list else readout.results(outputs)[0]
        return outputs if inputs.ndim == 2 else outputs.reshape((*inputs.shape[:-1], *outputs.shape[1:]))

    def _run(self, inputs: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
        if not torch.is_grad_enabled():
            # PennyLane looks at requires_grad alone, and would differentiate on the device all the same.
            inputs, weights = inputs.detach(), {name: weight.detach() for name, weight in weights.items()}
        if inputs.ndim < 2:
            return run_unrolled(self.qnode, [{self._input_name: inputs, **weights}])[0]
        return self._run_batch(inputs.flatten(end_dim=-2), weights).unflatten(0, inputs.shape[:-1])

    def _noise_of_gates(self) -> bool:
        return self.backend is not None and self.backend.noise_of_gates

    def _shifts_states(self) -> bool:
        prepares_state = self.encoding is not None and self.encoding.amplitudes
        return prepares_state and self._traced is None and self.qnode.diff_method != "backprop"

    def _run_batch(self, samples: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
        if self._broadcasts is None and len(samples) > 1:
            self._broadcasts = self._find_out_whether_it_broadcasts(samples[:3], weights)
        if self._broadcasts:
            return concatenate(self.qnode(**{self._input_name: samples}, **weights), batch=len(samples))
        return run_unrolled(self.qnode, [{self._input_name: sample, **weights} for sample in samples])

    def _find_out_whether_it_broadcasts(
        self, samples: torch.Tensor, weights: dict[str, torch.Tensor]
    ) -> bool:
        exact = self.qnode.device.name in ("default.qubit", "default.mixed") and not self.qnode.shots
        if not exact or self._gradient_method() != "backprop":
            return False
        if torch._C._are_functorch_transforms_active():  # then these have no values
            arguments = [self._example(seed) for seed in range(3)]
        else:
            weights = {name: weight.detach() for name, weight in weights.items()}
            arguments = [{self._input_name: sample, **weights} for sample in samples.detach()]
        with one_at_a_time, undisturbed():
            reason = self._why_not_together(arguments)
        if reason is not None:
            warnings.warn(reason, ExecutionWarning, stacklevel=5)
        return reason is None

    def _why_not_together(self, arguments: list[dict[str, torch.Tensor]]) -> str | None:
        from qlayers.simulator.deciding import decides_on_inputs, why_not_alike  # numba: only for its users

        weights = [arguments[0][name].double().reshape(-1) for name in self._weight_names]
        flat = torch.cat(weights) if weights else torch.empty(0, dtype=torch.float64)
        # A few samples may well agree where the rest of the batch does not.
        generator = torch.Generator().manual_seed(0)
        sample = torch.rand(self.n_features or 1, generator=generator, dtype=torch.float64)
        drawn = self._draw_tape, flat, sample
        unlike = why_not_alike(*drawn)
        if unlike is not None:
            return f"This circuit's samples run one by one, because {unlike}."
        if decides_on_inputs(*drawn):
            return "This circuit's gates depend on the values of its inputs, so that samples run one by one."
        if not broadcasts_correctly(self.qnode, arguments, self._input_name):
            return (
                "This circuit does not give the same for a batch as for its samples, so that they run one by one. "
                "Index features as inputs[..., i] to run them together."
            )
        return None

    def _check(self, inputs: torch.Tensor) -> None:
        device = next((weight.device for weight in self.qnode_weights.values()), None)
        check_samples(inputs, device)
        if self._declared_width is not None:
            check_width(inputs, self._declared_width)
            return
        check_is_no_scalar(inputs)
        if self.n_features is None:
            self.n_features = inputs.shape[-1]

    def _check_values(self, inputs: torch.Tensor) -> None:
        bounds = check_values(inputs, self.encoding)
        if self.encoding is not None and not self._warned_range:
            message = describe_out_of_range(*bounds, self.encoding)
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
        return Execution(
            device=self._device_name(),
            gradient_method=self._gradient_method(),
            batching=self._batching(),
            shots=self.qnode.shots.total_shots,
            executions=self._counter.forward_executions,
            gradient_executions=gradient_executions,
            seconds=self._counter.seconds,
            tasks=self._counter.tasks,
            usd=self._counter.usd,
            cached=self._counter.cached,
        )

    def reset_execution(self) -> None:
        """Start counting anew."""
        self._counter.reset()

    def _device_name(self) -> str:
        return "qlayers.batched" if self._traced is not None else str(self.qnode.device.name)

    def _batching(self) -> str | None:
        together = True if self._traced is not None else self._broadcasts
        return None if together is None else "broadcast" if together else "unrolled"

    def _gradient_method(self) -> str:
        if self._traced is not None:
            return "adjoint" if self._precision.device.type == "cpu" else "backprop"
        method = self.qnode.diff_method
        if method == "best" and self.n_features is not None:
            with bits_as_angles():
                method = qp.workflow.get_best_diff_method(self.qnode)(**self._example())
        name = "parameter-shift" if is_parameter_shift(method) else str(getattr(method, "__name__", method))
        return f"{name}, inputs by state-shift" if self._shifts_states() else name

    def __repr__(self) -> str:
        circuit = self.spec or f"circuit {self.qnode.func.__name__}"
        return f"{type(self).__name__}({circuit}; {self._device_name()}, {self._gradient_method()})"

    __str__ = __repr__
