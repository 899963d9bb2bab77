"""PennyLane's TorchLayer, put right."""

from __future__ import annotations

import copy
import functools
import inspect
from abc import abstractmethod
from collections.abc import Callable, Mapping, MutableMapping
from typing import Any, Self

import pennylane as qp
import torch

from qlayers._layer.guarded import one_at_a_time
from qlayers._layer.weights import (
    PRECISIONS,
    InitMethod,
    WeightsByName,
    WeightShapes,
    as_shapes,
    check_signature,
    dtype_of,
    initial_weights,
)
from qlayers.errors import InputError

_DERIVED = ("qnode", "_qnode_dtype", "_found", "_in_graphs", "_traces_seen")
"""What is found out or made anew in a copy."""
_OF_QNODES = frozenset(dir(qp.QNode)) | {
    "device",
    "diff_method",
    "execute_kwargs",
    "gradient_kwargs",
    "static_argnums",
}
"""Attributes that a layer has from its QNode. Others are not looked for there: to make one runs the circuit."""
_FORMER_NAMES = {"n_qubits": "_n_qubits", "n_features": "_n_features", "spec": "_spec", "backend": "_backend"}
"""Attributes by the names that they had in version 0.1.0, whose pickles are read."""


class LayerModule(qp.qnn.TorchLayer):
    """A TorchLayer whose weights are the module's own, with a precision of its own, that copies and pickles.

    TorchLayer keeps its weights in a second dict, so that ``functional_call``, parametrisations,
    ``load_state_dict(assign=True)`` and DataParallel miss the circuit; it casts them to the inputs' dtype; it shares
    one name of the input argument among all layers of a process; and it can be neither deep-copied nor pickled when
    its QNode cannot.
    """

    _input_name: str
    _weight_names: tuple[str, ...]

    def _set_up(
        self,
        function: Callable[..., Any],
        input_arg: str,
        shapes: WeightShapes,
        init: InitMethod,
        precision: str | None,
    ) -> None:
        """Make the weights that ``function`` takes."""
        dtype, as_tuples = dtype_of(precision), as_shapes(shapes)
        check_signature(function, input_arg, as_tuples)
        # A layer without weights has its precision from here; it is not part of the state_dict.
        self.register_buffer("_precision", torch.empty(0, dtype=dtype), persistent=False)
        for name, value in initial_weights(as_tuples, init).items():
            # Past register_parameter, which refuses the names of the layer's own properties and methods.
            self._parameters[name] = torch.nn.Parameter(value.to(dtype))
        self._input_name, self._weight_names = input_arg, tuple(as_tuples)

    @property
    @abstractmethod
    def _function(self) -> Callable[..., Any]:
        """The quantum function."""

    @abstractmethod
    def _wrap_again(self, qnode: qp.QNode) -> None:
        """Put another QNode in the place of the layer's."""

    @abstractmethod
    def _make_qnode(self, dtype: torch.dtype) -> qp.QNode:
        """A QNode for weights of this dtype."""

    def _current_qnode(self) -> qp.QNode:
        """The QNode for the weights' dtype as it is now, made when it is first asked for."""
        dtype = self._dtype()
        if "qnode" not in self.__dict__ or self.__dict__["_qnode_dtype"] != dtype:
            with one_at_a_time:
                self.__dict__.update(qnode=self._make_qnode(dtype), _qnode_dtype=dtype)
        qnode: qp.QNode = self.__dict__["qnode"]
        return qnode

    @property
    def func(self) -> Callable[..., Any]:
        """The quantum function, with the layer's weights where a caller gives none, as PennyLane's drawers call it."""
        function = self._function

        @functools.wraps(function)
        def with_weights(*args: Any, **kwargs: Any) -> Any:
            given = inspect.signature(function).bind_partial(*args, **kwargs).arguments
            inputs = given[self._input_name]
            weights = {
                name: weight.to(inputs) if isinstance(inputs, torch.Tensor) else weight
                for name, weight in self._weights_by_name().items()
            }
            return function(**{**weights, **given})

        return with_weights

    @property
    def qnode_weights(self) -> MutableMapping[str, torch.Tensor]:
        """The weights by name; to set an entry sets the module's weight."""
        return WeightsByName(self, self._weight_names)

    @qnode_weights.setter
    def qnode_weights(self, weights: Mapping[str, torch.Tensor]) -> None:
        if weights:
            raise AttributeError(
                "Set the layer's weights by name, as in layer.weights = torch.nn.Parameter(…)."
            )

    def _weights_by_name(self) -> dict[str, torch.Tensor]:
        """The weights as they are now, wherever ``functional_call`` or a parametrisation takes them from."""
        parameters = self._parameters
        return {
            name: parameters[name] if name in parameters else getattr(self, name)
            for name in self._weight_names
        }

    @property
    def input_arg(self) -> str:
        """The name of the circuit's data argument."""
        return self._input_name

    def set_input_argument(self, input_name: str = "inputs") -> None:
        """Change the name of the data argument, for this layer alone."""
        self._input_name = input_name
        self._forget()

    def _forget(self) -> None:
        """Drop what was found out of the circuit."""
        for name in _DERIVED:
            self.__dict__.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        if name == "qnode" and "_weight_names" in self.__dict__:
            return self._current_qnode()
        try:
            return torch.nn.Module.__getattr__(self, name)
        except AttributeError:
            weights = self.__dict__.get("_weight_names")
            of_qnode = name in _OF_QNODES and name not in _DERIVED
            if name.startswith("__") or weights is None or name in weights or not of_qnode:
                raise
            try:
                return getattr(self._current_qnode(), name)
            except AttributeError:
                raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}") from None

    def __setattr__(self, name: str, value: Any) -> None:
        # TorchLayer's own sets attributes of the QNode, which is not made until it is needed.
        if name == "qnode":
            self._wrap_again(value)
            return
        torch.nn.Module.__setattr__(self, name, value)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key not in _DERIVED}

    def __setstate__(self, state: dict[str, Any]) -> None:
        super().__setstate__({_FORMER_NAMES.get(key, key): value for key, value in state.items()})

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        replica = self.__class__.__new__(self.__class__)
        memo[id(self)] = replica
        replica.__setstate__(copy.deepcopy(LayerModule.__getstate__(self), memo))
        return replica

    @property
    def dtype(self) -> torch.dtype:
        """The layer's precision: that of its weights."""
        return self._dtype()

    def _dtype(self) -> torch.dtype:
        only = self._parameters.get(self._weight_names[0]) if len(self._weight_names) == 1 else None
        if only is not None and only.dtype in (torch.float32, torch.float64):
            return only.dtype
        dtypes = {weight.dtype for weight in self._weights_by_name().values()} or {self._precision.dtype}
        if len(dtypes) > 1 or not dtypes <= set(PRECISIONS.values()):
            names = ", ".join(sorted(str(dtype).removeprefix("torch.") for dtype in dtypes))
            raise InputError(
                f"A quantum layer computes in float32 or in float64, but its weights are {names}. Call "
                ".to(torch.float32) or .to(torch.float64) on the layer."
            )
        return dtypes.pop()
