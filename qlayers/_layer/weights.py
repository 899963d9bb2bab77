"""The weights of a layer: their shapes, names, precision and first values."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, MutableMapping
from numbers import Integral
from typing import Any

import pennylane as qp
import torch

from qlayers.errors import ConfigurationError, MissingWeightError, SignatureError, WeightNameError

WeightShapes = Mapping[str, int | tuple[int, ...]]
InitMethod = Callable[..., Any] | Mapping[str, Any] | None

PRECISIONS = {"float32": torch.float32, "float64": torch.float64}


class WeightsByName(MutableMapping[str, torch.Tensor]):
    """A layer's weights by name. They can be replaced as in TorchLayer's dictionary, and none added or removed."""

    def __init__(self, layer: Any, names: tuple[str, ...]) -> None:
        self._layer, self._names = layer, names

    def __getitem__(self, name: str) -> torch.Tensor:
        weight: torch.Tensor = self._layer._weights_by_name()[name]
        return weight

    def __setitem__(self, name: str, weight: torch.Tensor) -> None:
        self._check(name in self._names, name)
        setattr(self._layer, name, weight)

    def __delitem__(self, name: str) -> None:
        self._check(False, name)

    def _check(self, allowed: bool, name: str) -> None:
        if not allowed:
            names = ", ".join(self._names)
            raise ConfigurationError(
                f"The weights of this layer are {names}; {name!r} cannot be added or removed. Make another layer."
            )

    def __iter__(self) -> Iterator[str]:
        return iter(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __repr__(self) -> str:
        return repr(dict(self))


def dtype_of(precision: str | torch.dtype | None) -> torch.dtype:
    """The dtype of a precision's name; torch's default dtype for None.

    Raises:
        ConfigurationError: The name is unknown, or torch's default is neither float32 nor float64.
    """
    if precision is None or isinstance(precision, torch.dtype):
        precision = str(precision or torch.get_default_dtype()).removeprefix("torch.")
    if precision not in PRECISIONS:
        raise ConfigurationError(f"precision={precision!r} is unknown. Available: {', '.join(PRECISIONS)}.")
    return PRECISIONS[precision]


def as_shapes(shapes: WeightShapes) -> dict[str, tuple[int, ...]]:
    """Shapes as tuples, where 1 means one number without dimensions, as in TorchLayer.

    Raises:
        ConfigurationError: They are no shapes by name.
    """
    if not isinstance(shapes, Mapping):
        raise ConfigurationError(
            f"weight_shapes takes a dictionary such as {{'weights': (2, 3)}}, but got {shapes!r}."
        )
    return {name: _as_shape(name, size) for name, size in shapes.items()}


def _as_shape(name: str, size: Any) -> tuple[int, ...]:
    sizes = tuple(size) if isinstance(size, Iterable) and not isinstance(size, str) else (size,)
    if not all(isinstance(one, Integral) and int(one) >= 0 and one is not True for one in sizes):
        raise ConfigurationError(
            f"weight_shapes[{name!r}] is an integer or a tuple of integers that are not negative, but got {size!r}."
        )
    return () if size == 1 else tuple(map(int, sizes))


def check_signature(
    function: Callable[..., Any], input_arg: str, shapes: Mapping[str, tuple[int, ...]]
) -> None:
    """Raise an error unless a quantum function takes the inputs and exactly the weights that have shapes.

    Raises:
        SignatureError: The data argument is missing, or there is ``*args``.
        ConfigurationError: Weights and shapes do not fit together.
        WeightNameError: A weight has a name that torch or PennyLane use on every layer.
    """
    parameters = inspect.signature(function).parameters
    kinds = {parameter.kind for parameter in parameters.values()}
    names = ", ".join(parameters) or "none"
    # The beginnings are TorchLayer's, for programs that look for them.
    if input_arg not in parameters:
        raise SignatureError(
            f"The QNode must include an argument with name {input_arg} for inputting data, but its arguments are "
            f"{names}. Rename one; or give input_arg to QuantumLayer.from_qnode, or call TorchLayer.set_input_argument."
        )
    if input_arg in shapes:
        raise ConfigurationError(
            f"The {input_arg} argument should not have its dimension specified in weight_shapes: it is the data, and "
            "no weight."
        )
    if any(kind.name == "VAR_POSITIONAL" for kind in kinds):
        raise SignatureError(
            f"Cannot have a variable number of positional arguments, but the QNode's arguments are {names}. Name every "
            "weight."
        )
    if not any(kind.name == "VAR_KEYWORD" for kind in kinds) and {*shapes, input_arg} != set(parameters):
        raise ConfigurationError(
            "Must specify a shape for every non-input parameter in the QNode: weight_shapes has "
            f"{', '.join(shapes) or 'none'}, and the QNode's arguments are {names}."
        )
    for name in shapes:
        if name in RESERVED:
            raise WeightNameError(
                f"A weight cannot be called {name!r}, which is an attribute of every torch module or TorchLayer. "
                "Rename the argument."
            )


RESERVED = frozenset(dir(qp.qnn.TorchLayer)) | {"qnode_weights"}
"""Names that a weight cannot have."""


def initial_weights(shapes: Mapping[str, tuple[int, ...]], init: InitMethod) -> dict[str, torch.Tensor]:
    """First values as TorchLayer makes them, in torch's default dtype.

    Raises:
        MissingWeightError: A dictionary of initial values misses a weight.
        ConfigurationError: A value has another shape, or an initialiser leaves entries unwritten.
    """
    return {name: _initial_weight(name, shape, init) for name, shape in shapes.items()}


def _initial_weight(name: str, shape: tuple[int, ...], init: InitMethod) -> torch.Tensor:
    if isinstance(init, Mapping):
        if name not in init:
            raise MissingWeightError(
                f"init_method has no entry for the weight {name!r}; it has {', '.join(map(str, init)) or 'none'}. Add "
                "one, or pass one function for all weights."
            )
        init = init[name]
    if init is None:
        init = functools.partial(torch.nn.init.uniform_, b=2 * math.pi)
    if isinstance(init, str):
        raise ConfigurationError(
            f"The initial value of the weight {name!r} is a function such as torch.nn.init.zeros_, a tensor or None, "
            f"but got {init!r}."
        )
    if not callable(init):
        value = torch.as_tensor(init).detach().clone()
        if tuple(value.shape) != shape:  # TorchLayer takes what a function returns
            raise ConfigurationError(
                f"The weight {name!r} has shape {shape} in weight_shapes, but its initial value has shape "
                f"{tuple(value.shape)}."
            )
    else:
        # What an initialiser leaves out can be told from what it writes.
        room = torch.full(shape or (1,), math.nan)
        returned = init(room)
        value = room if returned is None else torch.as_tensor(returned)
        value = (value[0] if not shape and value.ndim else value).detach()
        if value.isnan().any():
            raise ConfigurationError(
                f"init_method leaves entries of the weight {name!r} unwritten, or writes NaN. Write every entry in "
                "place, or return a tensor."
            )
    return value if value.is_floating_point() else value.to(torch.get_default_dtype())
