"""A quantum circuit as a torch module."""

from __future__ import annotations

import copy
import math
import time
import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers import tape as tapes
from qlayers.ansaetze import Ansatz
from qlayers.backends import Backend
from qlayers.batching import broadcasts_correctly, concatenate, run_unrolled
from qlayers.circuit import CircuitSpec
from qlayers.components import resolve
from qlayers.encodings import Encoding
from qlayers.errors import ConfigurationError, ExecutionWarning, InputError, InputRangeWarning
from qlayers.execution import CircuitCounter, Execution, instrument
from qlayers.inputs import check_samples, check_width, describe_out_of_range
from qlayers.measurements import Measurement
from qlayers.qnodes import QNodeRecipe
from qlayers.state_shift import differentiate_amplitudes

WeightShapes = Mapping[str, int | tuple[int, ...]]
InitMethod = Callable[..., Any] | Mapping[str, Any] | None

_PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


class QuantumLayer(qp.qnn.TorchLayer):
    """A quantum circuit that maps ``(*batch, n_features)`` to ``(*batch, n_outputs)``.

    It is a ``qp.qnn.TorchLayer`` with the same ``state_dict`` keys. There are three ways in:

    * by parts, as below;
    * around a QNode, :meth:`from_qnode`;
    * by subclassing: override ``circuit(self, inputs, weights)``, which queues gates and returns measurements, and
      pass ``weight_shapes`` to this constructor.

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
        backend: A name (``"default_qubit"``, ``"lightning"``) or a Backend.
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

    spec: CircuitSpec | None
    backend: Backend | None
    n_qubits: int
    n_features: int | None

    def __init__(
        self,
        n_qubits: int,
        n_features: int | None = None,
        encoding: str | Encoding = "angle",
        ansatz: str | Ansatz = "strongly_entangling",
        depth: int = 1,
        reupload: bool = False,
        measurement: str | Measurement = "z",
        backend: str | Backend = "default_qubit",
        precision: str = "float32",
        weight_shapes: int | tuple[int, ...] | WeightShapes | None = None,
        init: InitMethod = None,
    ) -> None:
        spec = CircuitSpec(n_qubits, n_features, encoding, ansatz, depth, reupload, measurement)
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
        if weight_shapes is None:
            weight_shapes = spec.weight_shape
            init = {"weights": spec.initial_weights()} if init is None else init
        torch.nn.Module.__init__(self)
        self.spec = None if has_own_circuit else spec
        self.backend = resolve(backend, Backend)  # type: ignore[type-abstract]
        self.n_qubits, self.n_features = spec.n_qubits, spec.n_features
        shapes = weight_shapes if isinstance(weight_shapes, Mapping) else {"weights": weight_shapes}
        self._set_up(None, "inputs", shapes, init, precision)

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
    ) -> QuantumLayer:
        """Wrap a QNode, which goes on running where and how its author put it.

        Args:
            qnode: Takes one sample or a batch of samples as the argument ``input_arg``, and the weights by name.
            weight_shapes: The shape of each weight by argument name.
            init_method: As in ``qp.qnn.TorchLayer``: a function from ``torch.nn.init``, or functions and tensors by
                name. Uniform on [0, 2π) when None.
            input_arg: The name of the QNode's data argument.
            n_features: Length of the inputs' last dimension, if it should be checked; else learned from the first
                call.
            precision: ``"float32"`` or ``"float64"``.

        Raises:
            ConfigurationError: If the QNode's arguments and ``weight_shapes`` do not fit together.
        """
        if not isinstance(qnode, qp.QNode):
            raise ConfigurationError(f"from_qnode takes a qp.QNode, but got {type(qnode).__name__}.")
        layer = cls.__new__(cls)
        torch.nn.Module.__init__(layer)
        layer.spec = layer.backend = None
        layer.n_qubits, layer.n_features = len(qnode.device.wires or ()), n_features
        layer._set_up(QNodeRecipe(qnode), input_arg, weight_shapes, init_method, precision)
        return layer

    def _set_up(
        self,
        recipe: QNodeRecipe | None,
        input_arg: str,
        shapes: WeightShapes,
        init: InitMethod,
        precision: str,
    ) -> None:
        if precision not in _PRECISIONS:
            raise ConfigurationError(
                f"precision={precision!r} is unknown. Available: {', '.join(_PRECISIONS)}."
            )
        dtype = _PRECISIONS[precision]
        self._recipe = recipe
        self._input_name = input_arg
        self._weight_names = tuple(shapes)
        self._broadcasts: bool | None = None
        self._warned_range = False
        self._counter = CircuitCounter()
        self.reset_execution()
        function = self.circuit if recipe is None else recipe.qnode.func
        try:
            super().__init__(
                qp.QNode(function, qp.device("default.qubit"), interface="torch"), dict(shapes), init
            )
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"The circuit's arguments do not fit weight_shapes: {error}.") from error
        # A layer without weights has its precision from here; it is not part of the state_dict.
        self.register_buffer("_precision", torch.empty(0, dtype=dtype), persistent=False)
        self.to(dtype)
        self._connect(dtype)

    # ---------------------------------------------------------------- the QNode behind the layer

    def _connect(self, dtype: torch.dtype) -> None:
        """Make the QNode, on a device that counts, for weights of this dtype."""
        if self._recipe is not None:
            qnode = self._recipe.fresh()
            device = qnode.device
        else:
            assert self.backend is not None
            device = self.backend.device(self.n_qubits, dtype)
            qnode = qp.QNode(self.circuit, device, interface="torch", diff_method=None)
        qnode.device = instrument(device, self._counter)
        self.__dict__["qnode"] = qnode  # TorchLayer's own __setattr__ needs it in place
        self._connected_dtype = dtype
        if self.backend is not None:
            qnode.diff_method = self.backend.gradient_method(device, self._example_tape())

    @property
    def qnode_weights(self) -> dict[str, torch.Tensor]:
        """The weights by name as they are now, wherever ``functional_call`` or a parametrisation takes them from."""
        return {name: getattr(self, name) for name in self._weight_names}

    @qnode_weights.setter
    def qnode_weights(self, weights: dict[str, torch.Tensor]) -> None:
        if weights:
            raise AttributeError(
                "Set the layer's weights by name, as in layer.weights = torch.nn.Parameter(…)."
            )

    def _init_weights(self, weight_shapes: dict[str, tuple[int, ...]], init_method: InitMethod) -> None:
        for name, shape in weight_shapes.items():
            init = init_method.get(name) if isinstance(init_method, Mapping) else init_method
            weight = torch.empty(shape)
            if init is None:
                torch.nn.init.uniform_(weight, b=2 * math.pi)
            elif callable(init):
                init(weight)
            elif torch.as_tensor(init).shape == weight.shape:
                weight = torch.as_tensor(init).detach().clone()
            else:
                given = tuple(torch.as_tensor(init).shape)
                raise ValueError(f"{name} has shape {shape}, but its initial value has shape {given}")
            self.register_parameter(name, torch.nn.Parameter(weight))

    @property
    def input_arg(self) -> str:
        """The name of the circuit's data argument."""
        return self._input_name

    def set_input_argument(self, input_name: str = "inputs") -> None:
        """Change the name of the data argument, for this layer alone."""
        self._input_name = input_name

    def __getattr__(self, name: str) -> Any:
        try:
            return torch.nn.Module.__getattr__(self, name)
        except AttributeError:
            qnode = self.__dict__.get("qnode")
            if qnode is None or name.startswith("__"):
                raise
            return getattr(qnode, name)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "qnode"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        self._connect(self._connected_dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> QuantumLayer:
        replica = self.__class__.__new__(self.__class__)
        memo[id(self)] = replica
        replica.__setstate__(copy.deepcopy(QuantumLayer.__getstate__(self), memo))
        return replica

    # ---------------------------------------------------------------- the circuit

    def circuit(self, inputs: torch.Tensor, weights: torch.Tensor) -> Any:
        """The quantum function. Override it to write a circuit of your own.

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

    @property
    def n_outputs(self) -> int:
        """Length of the output's last dimension; 1 for a circuit with a single scalar result."""
        if self.spec is not None:
            return self.spec.n_outputs
        n_wires = len(self.qnode.device.wires or ())
        measurements = self._example_tape().measurements
        return sum(math.prod(m.shape(self.qnode.shots.total_shots, n_wires)) for m in measurements)

    @property
    def dtype(self) -> torch.dtype:
        """The layer's precision: that of its weights."""
        dtypes = {weight.dtype for weight in self.qnode_weights.values()} or {self._precision.dtype}
        if len(dtypes) > 1 or not dtypes <= set(_PRECISIONS.values()):
            names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
            raise InputError(
                f"A quantum layer computes in float32 or in float64, but its weights are {names}. Call "
                ".to(torch.float32) or .to(torch.float64) on the layer."
            )
        return dtypes.pop()

    @property
    def digest(self) -> str:
        """The circuit's name, by its gates and not by its weights' values; see :func:`qlayers.tape.digest`."""
        return tapes.digest([self._example_tape(0), self._example_tape(1)])

    @property
    def counts(self) -> tapes.CircuitCounts:
        """Qubits, circuit depth, gates by kind after decomposition, and parameters."""
        n_parameters = sum(weight.numel() for weight in self.qnode_weights.values())
        return tapes.count(self._example_tape(), n_parameters)

    def draw(self) -> str:
        """The circuit as text."""
        return tapes.draw(self._example_tape())

    def draw_figure(self) -> Any:
        """The circuit as a matplotlib figure."""
        return tapes.draw_figure(self._example_tape())

    def _example(self, seed: int = 0) -> dict[str, torch.Tensor]:
        """Arguments that are generic, in every encoding's range, and the same on every machine."""
        if self.n_features is None:
            raise ConfigurationError(
                "The number of features is not known yet. Call the layer once, or give n_features to from_qnode."
            )
        generator = np.random.default_rng(seed)
        bits = self.encoding is not None and not self.encoding.differentiable
        positions = np.arange(self.n_features)
        inputs = (positions + seed) % 2.0 if bits else generator.uniform(0.1, 1.0, self.n_features)
        arguments = {self._input_name: torch.as_tensor(inputs)}
        for name, weight in self.qnode_weights.items():
            arguments[name] = torch.as_tensor(generator.uniform(0.1, 6.0, tuple(weight.shape)))
        return arguments

    def _example_tape(self, seed: int = 0) -> QuantumScript:
        return qp.workflow.construct_tape(self.qnode, level="user")(**self._example(seed))

    # ---------------------------------------------------------------- running it

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
        started = time.perf_counter()
        dtype = self.dtype
        self._check(inputs)
        if dtype != self._connected_dtype:
            self._connect(dtype)
        inputs = inputs.to(dtype)
        executed_before = self._counter.executions
        if self._shifts_states() and inputs.requires_grad and torch.is_grad_enabled():
            samples = inputs.reshape(-1, inputs.shape[-1])
            outputs = differentiate_amplitudes(
                samples, self._run(samples.detach()), self._run_without_gradient
            )
            outputs = outputs.reshape(*inputs.shape[:-1], -1)
        else:
            outputs = self._run(inputs)
        self._forward_executions += self._counter.executions - executed_before
        self._seconds += time.perf_counter() - started
        return outputs.to(torch.promote_types(dtype, torch.complex32) if outputs.is_complex() else dtype)

    def _run(self, inputs: torch.Tensor) -> torch.Tensor:
        weights = self.qnode_weights
        if not torch.is_grad_enabled():
            # PennyLane looks at requires_grad alone, and would differentiate on the device all the same.
            inputs, weights = inputs.detach(), {name: weight.detach() for name, weight in weights.items()}
        if inputs.ndim < 2:
            return run_unrolled(self.qnode, [{self._input_name: inputs, **weights}])[0]
        return self._run_batch(inputs.flatten(end_dim=-2), weights).unflatten(0, inputs.shape[:-1])

    def _run_without_gradient(self, inputs: torch.Tensor) -> torch.Tensor:
        with torch.no_grad():
            return self._run(inputs)

    def _shifts_states(self) -> bool:
        return self.encoding is not None and self.encoding.amplitudes and self.qnode.diff_method != "backprop"

    def _run_batch(self, samples: torch.Tensor, weights: dict[str, torch.Tensor]) -> torch.Tensor:
        arguments = [{self._input_name: sample, **weights} for sample in samples]
        if self._broadcasts is None and len(samples) > 1:
            self._broadcasts = self._find_out_whether_it_broadcasts(arguments[:3])
        if self._broadcasts:
            return concatenate(self.qnode(**{self._input_name: samples}, **weights), batch=len(samples))
        return run_unrolled(self.qnode, arguments)

    def _find_out_whether_it_broadcasts(self, arguments: list[dict[str, torch.Tensor]]) -> bool:
        exact = self.qnode.device.name == "default.qubit" and not self.qnode.shots
        if not exact or self._gradient_method() != "backprop":
            return False
        broadcasts = broadcasts_correctly(self.qnode, arguments, self._input_name)
        if not broadcasts:
            warnings.warn(
                "This circuit does not give the same for a batch as for its samples, so that they run one by one. "
                "Index features as inputs[..., i] to run them together.",
                ExecutionWarning,
                stacklevel=5,
            )
        return broadcasts

    def _check(self, inputs: torch.Tensor) -> None:
        device = next((weight.device for weight in self.qnode_weights.values()), None)
        check_samples(inputs, device)
        if self.n_features is None:
            self.n_features = inputs.shape[-1] if inputs.ndim else 1
        if self.encoding is None:
            return
        check_width(inputs, self.spec.n_features)  # type: ignore[union-attr]
        self.encoding.check_inputs(inputs.detach().reshape(-1, inputs.shape[-1]))
        if not self._warned_range:
            message = describe_out_of_range(inputs, self.encoding)
            if message is not None:
                self._warned_range = True
                warnings.warn(message, InputRangeWarning, stacklevel=4)

    # ---------------------------------------------------------------- how it ran

    @property
    def execution(self) -> Execution:
        """How the layer ran so far; see :class:`~qlayers.execution.Execution`."""
        gradient_executions = self._counter.executions - self._forward_executions + self._counter.derivatives
        return Execution(
            device=self.qnode.device.name,
            gradient_method=self._gradient_method(),
            batching=None if self._broadcasts is None else "broadcast" if self._broadcasts else "unrolled",
            shots=self.qnode.shots.total_shots,
            executions=self._forward_executions,
            gradient_executions=gradient_executions,
            seconds=self._seconds,
        )

    def reset_execution(self) -> None:
        """Start counting anew."""
        self._counter.executions = self._counter.derivatives = self._forward_executions = 0
        self._seconds = 0.0

    def _gradient_method(self) -> str:
        method = self.qnode.diff_method
        if method == "best" and self.n_features is not None:
            method = qp.workflow.get_best_diff_method(self.qnode)(**self._example())
        name = str(getattr(method, "__name__", method))
        return f"{name}, inputs by state-shift" if self._shifts_states() else name

    def __repr__(self) -> str:
        circuit = self.spec or f"circuit {self.qnode.func.__name__}"
        return f"{type(self).__name__}({circuit}; {self.qnode.device.name}, {self.qnode.diff_method})"

    __str__ = __repr__
