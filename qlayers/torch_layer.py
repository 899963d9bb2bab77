"""PennyLane's TorchLayer, put right."""

from __future__ import annotations

import copy
import math
from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Self

import pennylane as qp
import torch

from qlayers._layer.guarded import one_at_a_time
from qlayers.errors import ConfigurationError, InputError

WeightShapes = Mapping[str, int | tuple[int, ...]]
InitMethod = Callable[..., Any] | Mapping[str, Any] | None

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


class RepairedTorchLayer(qp.qnn.TorchLayer):
    """A TorchLayer whose weights are the module's own, with a precision of its own, that copies and pickles.

    TorchLayer keeps its weights in a second dict, so that ``functional_call``, parametrisations,
    ``load_state_dict(assign=True)`` and DataParallel miss the circuit; it casts them to the inputs' dtype; it shares
    one name of the input argument among all layers of a process; and it can be neither deep-copied nor pickled when
    its QNode cannot.
    """

    _derived: tuple[str, ...] = ("qnode",)
    """What is made anew by ``_connect`` and neither copied nor pickled."""

    def _set_up(
        self,
        function: Callable[..., Any],
        input_arg: str,
        shapes: WeightShapes,
        init: InitMethod,
        precision: str,
    ) -> None:
        """Make the weights that ``function`` takes, then the QNode. Plain attributes may be set before."""
        if precision not in PRECISIONS:
            raise ConfigurationError(
                f"precision={precision!r} is unknown. Available: {', '.join(PRECISIONS)}."
            )
        dtype = PRECISIONS[precision]
        self._input_name = input_arg
        self._weight_names = tuple(shapes)
        any_qnode = qp.QNode(function, qp.device("default.qubit", seed=0), interface="torch")
        try:
            super().__init__(any_qnode, dict(shapes), init)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(f"The circuit's arguments do not fit weight_shapes: {error}.") from error
        # A layer without weights has its precision from here; it is not part of the state_dict.
        self.register_buffer("_precision", torch.empty(0, dtype=dtype), persistent=False)
        self.to(dtype)
        with one_at_a_time:
            self._connect(dtype)

    @abstractmethod
    def _make_qnode(self, dtype: torch.dtype) -> qp.QNode:
        """A QNode for weights of this dtype."""

    _connected_dtype: torch.dtype | None

    def _connect(self, dtype: torch.dtype) -> None:
        self.__dict__["qnode"] = self._make_qnode(dtype)  # TorchLayer's own __setattr__ needs it in place
        self._connected_dtype = dtype

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
            try:
                return getattr(qnode, name)
            except AttributeError:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in self._derived}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__(state)
        with one_at_a_time:
            self._connect(self._connected_dtype or self.dtype)

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        replica = self.__class__.__new__(self.__class__)
        memo[id(self)] = replica
        replica.__setstate__(copy.deepcopy(RepairedTorchLayer.__getstate__(self), memo))
        return replica

    @property
    def dtype(self) -> torch.dtype:
        """The layer's precision: that of its weights."""
        dtypes = {weight.dtype for weight in self.qnode_weights.values()} or {self._precision.dtype}
        if len(dtypes) > 1 or not dtypes <= set(PRECISIONS.values()):
            names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
            raise InputError(
                f"A quantum layer computes in float32 or in float64, but its weights are {names}. Call "
                ".to(torch.float32) or .to(torch.float64) on the layer."
            )
        return dtypes.pop()
