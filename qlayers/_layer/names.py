"""Weights may be called as the layer's own attributes are: then the name stands for the weight."""

from __future__ import annotations

import functools
from typing import Any, TypeVar

from qlayers._layer.weights import RESERVED

C = TypeVar("C", bound=type)


class _WeightFirst:
    """A property or method of the layer that gives way to a weight of its name."""

    def __init__(self, name: str, own: Any) -> None:
        self._name, self._own = name, own
        functools.update_wrapper(self, getattr(own, "fget", own))  # type: ignore[arg-type]

    def __get__(self, layer: Any, owner: type | None = None) -> Any:
        if layer is not None:
            weight = layer.__dict__.get("_parameters", {}).get(self._name)
            if weight is not None:
                return weight
        return self._own.__get__(layer, owner)


class _WeightFirstProperty(_WeightFirst):
    def __set__(self, layer: Any, value: Any) -> None:
        self._own.__set__(layer, value)


def weights_come_first(layer_class: C) -> C:
    """Let public properties and methods of a class, its bases within qlayers included, give way to weights."""
    for name in dir(layer_class):
        owner = next(base for base in layer_class.__mro__ if name in vars(base))
        own = vars(owner)[name]
        if name.startswith("_") or name in RESERVED or not owner.__module__.startswith("qlayers"):
            continue
        if isinstance(own, property):
            setattr(owner, name, _WeightFirstProperty(name, own))
        elif callable(own) and not isinstance(own, (classmethod, staticmethod, _WeightFirst)):
            setattr(owner, name, _WeightFirst(name, own))
    return layer_class
