"""QNodes that survive copying and pickling."""

from __future__ import annotations

import copy
import importlib
import types
from collections.abc import Callable, Sequence
from typing import Any

import pennylane as qp

from qlayers.errors import ConfigurationError


class QNodeRecipe:
    """Somebody's QNode, kept as it is and written down as what it takes to make it again.

    The quantum function is pickled by its name, even where a decorator put the QNode in its place. A device that
    cannot be pickled, as lightning's cannot, is made anew with its wires and precision.
    """

    def __init__(self, qnode: qp.QNode) -> None:
        self.qnode = qnode

    def fresh(self) -> qp.QNode:
        """A QNode that may be changed without changing the user's."""
        return copy.copy(self.qnode)

    def moved(self, labels: Sequence[Any], **settings: Any) -> qp.QNode:
        """The QNode with other settings, on wires 0, 1 … in place of ``labels``; its transforms stay."""
        numbers = {label: number for number, label in enumerate(labels)}
        changed = any(label != number for label, number in numbers.items())
        function = qp.map_wires(self.qnode.func, numbers) if changed else self.qnode.func
        qnode = qp.QNode(function, gradient_kwargs={}, **settings)
        for transform in self.qnode.compile_pipeline:
            qnode.compile_pipeline.append(transform)
        return qnode

    def __deepcopy__(self, memo: dict[int, Any]) -> QNodeRecipe:
        # A method belongs to an object, which is copied too; a layer changes only what fresh() gives.
        function = copy.deepcopy(self.qnode.func, memo)
        if function is self.qnode.func:
            return self
        qnode = self.fresh()
        qnode.func = function
        return QNodeRecipe(qnode)

    def __getstate__(self) -> dict[str, Any]:
        qnode = self.qnode
        return {
            "function": _name_function(qnode.func),
            "device": _describe_device(qnode.device),
            "settings": {
                "interface": qnode.interface,
                "diff_method": qnode.diff_method,
                "gradient_kwargs": qnode.gradient_kwargs,
                **{key: value for key, value in qnode.execute_kwargs.items() if value is not None},
            },
            "shots": qnode.shots,
            "transforms": list(qnode.compile_pipeline),
        }

    def __setstate__(self, state: dict[str, Any]) -> None:
        function = state["function"]
        qnode = qp.QNode(
            _find_function(*function) if isinstance(function, tuple) else function,
            _make_device(state["device"]),
            **state["settings"],
        )
        qnode = qp.set_shots(qnode, shots=state["shots"]) if state["shots"] else qnode
        for transform in state["transforms"]:
            qnode.compile_pipeline.append(transform)
        self.qnode = qnode


_EXACT_METHODS = ("best", "backprop", "adjoint", "device", "parameter-shift", "finite-diff", "hadamard")
"""Without shots these all give the gradient that the adjoint method gives, if in different ways."""


def qnode_obstacle(qnode: qp.QNode) -> str | None:
    """Why a QNode must run where its author put it; None if another exact simulator gives the same."""
    device = qnode.device.name
    if device != "default.qubit" and not device.startswith("lightning."):
        return f"its device is {device}, and not default.qubit or lightning"
    if qnode.shots or qnode.device.shots:
        return "it has shots"
    if qnode.diff_method not in _EXACT_METHODS:
        return f"its author chose diff_method={qnode.diff_method!r}"
    return None


def _name_function(function: Callable[..., Any]) -> Any:
    if not isinstance(function, types.FunctionType):  # a method, whose object is pickled with it
        return function
    module, name = function.__module__, function.__qualname__
    if "<" in name:  # <locals> or <lambda>
        raise ConfigurationError(
            f"The layer cannot be pickled, because its quantum function {name} is defined inside another function. "
            f"Define it at the top of a module, or save layer.state_dict() and build the layer again."
        )
    return module, name


def _find_function(module: str, name: str) -> Callable[..., Any]:
    found: Any = importlib.import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    function: Callable[..., Any] = getattr(found, "func", found)
    return function


def _describe_device(device: qp.devices.Device) -> Any:
    if device.name.startswith("lightning"):
        settings = {"wires": device.wires, "c_dtype": device.c_dtype}
        return {"name": device.name, "settings": settings}
    return device


def _make_device(described: Any) -> qp.devices.Device:
    return qp.device(described["name"], **described["settings"]) if isinstance(described, dict) else described
