"""What a function reads from around it: closures, globals, defaults, attributes, and what those hold.

A traced circuit is good for as long as what its quantum function reads is what it was. This module finds out what that
is, from the names in the function's code and in the code of whatever of the user's it may call, and gives

* a key by value, under which functions that read the same share a trace;
* the tensors it reaches, which become arguments of the program, so that they train and change as they like;
* a quick check whether anything else has changed;
* or an obstacle: something that cannot be followed, such as a generator of random numbers or an open file.

Names are followed generously: an attribute that some reached code names is followed on every object that has it.
Libraries are not followed, since they stay what they are.
"""

from __future__ import annotations

import dis
import enum
import functools
import sys
import types
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pennylane as qp
import torch

from qlayers.components import Component

MOST_OBJECTS = 5_000
"""More than this is not followed: checking it at every call would cost more than it saves."""

_LIBRARIES = frozenset(
    ("torch", "pennylane", "numpy", "scipy", "autoray", "qlayers", "pennylane_lightning", "autograd")
)
_PURE = frozenset(
    (
        "abc", "builtins", "cmath", "collections", "contextlib", "copy", "dataclasses", "enum", "fractions",
        "functools", "itertools", "math", "numbers", "operator", "re", "string", "types", "typing", "warnings",
        "__future__",
    )
)  # fmt: skip
"""Modules of the standard library that compute and do nothing else."""
_UNFOLLOWED_NAMES = frozenset(
    ("eval", "exec", "globals", "locals", "open", "input", "compile", "breakpoint", "__import__", "next")
)
_UNFOLLOWED_ATTRIBUTES = frozenset(
    (
        "requires_grad",
        "is_grad_enabled",
        "is_inference_mode_enabled",
        "grad_fn",
        "is_leaf",
        "get_ident",
        "current_thread",
    )
)
"""What changes with how a layer is called, so that a circuit that asks for it has no one trace."""
_DYNAMIC_NAMES = frozenset(("getattr", "vars", "dir", "__dict__", "attrgetter"))
_ATOMS = (
    type(None), bool, int, float, complex, str, bytes, range, slice, type(Ellipsis), enum.Enum, np.generic, np.dtype,
    torch.dtype, torch.device, torch.Size, types.BuiltinFunctionType, types.MethodDescriptorType,
    types.WrapperDescriptorType, types.MethodWrapperType, types.GetSetDescriptorType, np.ufunc, types.CodeType,
)  # fmt: skip
_OWN_CONTAINERS = ("pennylane.pauli.pauli_arithmetic", "pennylane.wires")
_ABSENT: Any = object()


class CannotFollowError(Exception):
    """What cannot be followed, in words for the user."""


Check = Callable[[], bool]


@dataclass
class Surroundings:
    """What a function reads from around it.

    Attributes:
        key: By value; tensors by shape and dtype alone.
        tensors: Floating-point tensors that it reaches.
        constants: Other tensors, whose values are in the key.
        obstacle: What cannot be followed; then the rest is empty.
    """

    key: Hashable = None
    tensors: list[torch.Tensor] = field(default_factory=list)
    constants: list[torch.Tensor] = field(default_factory=list)
    obstacle: str | None = None
    _checks: list[Check] = field(default_factory=list, repr=False)

    def are_unchanged(self) -> bool:
        """Whether all that was read is still the same object, or has the same contents."""
        for check in self._checks:  # noqa: SIM110 - a generator would double the time of this call
            if not check():
                return False
        return True


def surroundings_of(function: Callable[..., Any], transforms: Iterable[Any] = ()) -> Surroundings:
    """Find out what a quantum function reads, and the transforms that its author applies to it."""
    names: frozenset[str] = frozenset()
    while True:
        walk = _Walk(names, getattr(function, "__self__", None))
        try:
            key = walk.follow(function), tuple(walk.transform(one) for one in transforms)
        except CannotFollowError as reason:
            return Surroundings(obstacle=str(reason))
        if walk.names == names:
            return Surroundings(key, walk.tensors, walk.constants, None, walk.checks)
        names = frozenset(walk.names)  # objects that were seen early have attributes that were named late


class _Walk:
    def __init__(self, names: frozenset[str], owner: Any) -> None:
        self.names = set(names)
        self._owner = owner
        self.tensors: list[torch.Tensor] = []
        self.constants: list[torch.Tensor] = []
        self.checks: list[Check] = []
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []

    def follow(self, value: Any) -> Hashable:
        """The key of a value, by contents."""
        if isinstance(value, _ATOMS):
            return _atom(value)
        if id(value) in self._seen:
            return ("again", self._seen[id(value)])
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        if len(self._seen) > MOST_OBJECTS:
            raise CannotFollowError("it reads more than can be watched for changes")
        return self._key_of(value)

    def transform(self, value: Any) -> Hashable:
        """The key of a transform with its settings."""
        settings = vars(value)
        made_of = {
            name: part for name, part in vars(settings["_transform"]).items() if name.endswith("_transform")
        }
        parts = [*made_of.values(), settings["_args"], settings["_kwargs"]]
        return ("transform", tuple(self.follow(part) for part in parts))

    def _key_of(self, value: Any) -> Hashable:
        if isinstance(value, torch.Tensor):
            return self._tensor(value)
        if isinstance(value, np.ndarray):
            return self._array(value)
        if isinstance(value, types.ModuleType):
            return self._module(value)
        if isinstance(value, types.FunctionType):
            return self._function(value)
        if isinstance(value, types.MethodType):
            return ("method", self.follow(value.__func__), self.follow(value.__self__))
        if isinstance(value, functools.partial):
            return ("partial", self.follow(value.func), self.follow(value.args), self.follow(value.keywords))
        if isinstance(value, type):
            return self._class(value)
        if isinstance(value, property):
            return ("property", self.follow(value.fget))
        if isinstance(value, (staticmethod, classmethod)):
            return (type(value).__name__, self.follow(value.__func__))
        if isinstance(value, Component):
            return ("component", type(value), value)
        containers = (dict, list, tuple, set, frozenset)
        if isinstance(value, containers) and type(value).__module__ not in _OWN_CONTAINERS:
            return self._dict(value) if isinstance(value, dict) else self._sequence(value)
        return self._object(value)

    # ------------------------------------------------------------------------------------------- data

    def _tensor(self, value: torch.Tensor) -> Hashable:
        shape, dtype = value.shape, value.dtype
        if dtype.is_floating_point:
            self.tensors.append(value)
            self.checks.append(lambda: value.shape == shape and value.dtype == dtype)
            return ("tensor", tuple(shape), dtype, value.requires_grad)
        if value.device.type != "cpu":
            raise CannotFollowError(f"it reads a tensor of {dtype} on {value.device}")
        self.constants.append(value)
        copy = value.detach().clone()
        self.checks.append(lambda: torch.equal(value, copy))
        return ("constant", tuple(shape), dtype, copy.numpy().tobytes())

    def _array(self, value: np.ndarray) -> Hashable:
        if value.dtype.hasobject:
            return ("array", value.shape, self.follow(value.reshape(-1).tolist()))
        copy = value.copy()
        self.checks.append(lambda: value.shape == copy.shape and value.tobytes() == copy.tobytes())
        return ("array", type(value), value.shape, value.dtype.str, copy.tobytes())

    def _dict(self, value: dict[Any, Any]) -> Hashable:
        items = tuple(value.items())
        self.checks.append(
            lambda: len(value) == len(items) and all(value.get(k, _ABSENT) is v for k, v in items)
        )
        return ("dict", tuple((self.follow(key), self.follow(entry)) for key, entry in items))

    def _sequence(self, value: Any) -> Hashable:
        entries = tuple(value)
        if isinstance(value, list):
            self.checks.append(
                lambda: (
                    len(value) == len(entries) and all(a is b for a, b in zip(value, entries, strict=True))
                )
            )
        elif isinstance(value, (set, frozenset)):
            self.checks.append(
                lambda: len(value) == len(entries) and all(entry in value for entry in entries)
            )
            return (type(value).__name__, frozenset(self.follow(entry) for entry in entries))
        return (type(value), tuple(self.follow(entry) for entry in entries))

    # ------------------------------------------------------------------------------------------- code

    def _module(self, value: types.ModuleType) -> Hashable:
        if _is_library(value.__name__):
            return ("module", value.__name__)
        if value.__name__.partition(".")[0] in sys.stdlib_module_names:
            raise CannotFollowError(
                f"it reads the module {value.__name__}, which may give something else every time"
            )
        return ("module", value.__name__, self._attributes(vars(value), value.__name__))

    def _class(self, value: type, also: tuple[str, ...] = ("__init__", "__call__", "forward")) -> Hashable:
        if _is_library(value.__module__):
            return ("class", value)
        self._follow_nothing_hidden(value)
        bases = tuple(self._class(base, also) for base in value.__bases__)
        return ("class", value, bases, self._attributes(vars(value), value.__name__, also=also))

    def _function(self, value: types.FunctionType) -> Hashable:
        if _is_library(value.__module__ or ""):
            return ("function", value)
        code = value.__code__
        for name in _globals_in(code):
            if name in _UNFOLLOWED_NAMES and name not in value.__globals__:
                raise CannotFollowError(f"it calls {name}")
        if asked := _UNFOLLOWED_ATTRIBUTES & _names_in(code):
            raise CannotFollowError(f"it asks for {', '.join(sorted(asked))}")
        self.names |= set(_names_in(code))
        cells = []
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            content = _content(cell)
            self.checks.append(functools.partial(_cell_holds, cell, content))
            cells.append((name, None if content is _ABSENT else self.follow(content)))
        read = []
        for name in sorted(_globals_in(code)):
            content = value.__globals__.get(name, _ABSENT)
            if content is _ABSENT:
                continue
            if not isinstance(content, types.ModuleType):
                self.checks.append(functools.partial(_dict_holds, value.__globals__, name, content))
            read.append((name, self.follow(content)))
        for module in _imported_in(code):
            if not _is_library(module):
                raise CannotFollowError(f"it imports {module}")
        defaults = value.__defaults__, value.__kwdefaults__
        self.checks.append(lambda: value.__code__ is code and value.__defaults__ is defaults[0])
        return ("function", code, tuple(cells), tuple(read), *(self.follow(default) for default in defaults))

    # ------------------------------------------------------------------------------------------- objects

    def _object(self, value: Any) -> Hashable:
        kind = type(value)
        if isinstance(value, (np.random.Generator, np.random.RandomState, torch.Generator)):
            raise CannotFollowError("it draws random numbers")
        if isinstance(value, (types.GeneratorType, types.AsyncGeneratorType)) or hasattr(value, "__next__"):
            raise CannotFollowError(f"it reads a {kind.__name__}, which gives something else every time")
        if isinstance(value, torch.nn.Module):
            return self._torch_module(value)
        state = getattr(value, "__dict__", None)
        slots = [name for base in kind.__mro__ for name in _slots(base)]
        if state is None and not slots:
            if callable(value) and _is_library(kind.__module__):
                return ("object", kind, id(value))
            raise CannotFollowError(f"it reads a {kind.__name__}, which cannot be followed")
        if _is_library(kind.__module__):
            return self._library_object(value, kind, {**(state or {}), **_held_in(value, slots)})
        parts: list[Hashable] = [self._class(kind, ("__call__",))]
        self._watch_absent(state, kind)
        if state is not None:
            parts.append(self._attributes(state, kind.__name__))
        for name in slots:
            if name in self.names and hasattr(value, name):
                content = getattr(value, name)
                self.checks.append(functools.partial(_attribute_holds, value, name, content))
                parts.append((name, self.follow(content)))
        return ("object", *parts)

    def _library_object(self, value: Any, kind: type, state: dict[str, Any]) -> Hashable:
        if isinstance(value, qp.devices.Device):
            return ("device", id(value))
        if not isinstance(
            value, (qp.operation.Operator, qp.wires.Wires, qp.pauli.PauliWord, qp.pauli.PauliSentence)
        ):
            raise CannotFollowError(f"it reads a {kind.__name__}, which cannot be followed")
        # Operators are values: nobody changes them.
        checks = len(self.checks)
        parts = tuple((self.follow(name), self.follow(content)) for name, content in state.items())
        items = (
            tuple((self.follow(k), self.follow(v)) for k, v in value.items())
            if isinstance(value, dict)
            else ()
        )
        del self.checks[checks:]
        return ("object", kind, parts, items)

    def _torch_module(self, value: torch.nn.Module) -> Hashable:
        kind, state = type(value), value.__dict__
        if isinstance(value, qp.qnn.TorchLayer) and value is not self._owner:
            # The module around a quantum layer mostly holds that very layer, which its circuit does not call.
            return ("layer", kind)
        hooks = [state[table] for table in ("_forward_hooks", "_forward_pre_hooks")]
        if any(hooks) and value is not self._owner:
            raise CannotFollowError(f"it reads the module {kind.__name__}, which has hooks")
        if value is not self._owner:
            self.checks.append(lambda: not (hooks[0] or hooks[1]))
        is_library = _is_library(kind.__module__)
        self._watch_absent(state, kind)
        parts: list[Hashable] = [self._class(kind, ("__call__", "forward"))]
        for table in ("_parameters", "_buffers", "_modules"):
            parts.append(self._attributes(state[table], kind.__name__, whole=is_library))
        if not is_library:
            return ("module", *parts, self._attributes(state, kind.__name__, also=("training",)))
        settings = tuple(name for name in state if not name.startswith("_"))
        return ("module", *parts, self._attributes(state, kind.__name__, also=settings))

    def _attributes(
        self, held: Mapping[str, Any], owner: str, whole: bool = False, also: tuple[str, ...] = ()
    ) -> Hashable:
        whole = whole or not self.names.isdisjoint(_DYNAMIC_NAMES)
        public = [name for name in held if not name.startswith("_")] if whole else []
        chosen = sorted(name for name in {*public, *self.names, *also} if name in held)
        found = tuple(
            (name, held[name]) for name in chosen if name in self.names or not name.startswith("__")
        )
        found += tuple((name, held[name]) for name in also if name.startswith("__") and name in held)
        if found:
            self.checks.append(lambda: all(held.get(name, _ABSENT) is content for name, content in found))
        return (owner, tuple((name, self.follow(content)) for name, content in found))

    def _watch_absent(self, state: Mapping[str, Any] | None, kind: type) -> None:
        """Notice an attribute of the object that comes to hide one of its class."""
        absent = frozenset(name for name in self.names if hasattr(kind, name) and name not in (state or {}))
        if absent and state is not None:
            self.checks.append(lambda: absent.isdisjoint(state))

    def _follow_nothing_hidden(self, kind: type) -> None:
        for base in kind.__mro__:
            if not _is_library(base.__module__) and not {"__getattr__", "__getattribute__"}.isdisjoint(
                vars(base)
            ):
                raise CannotFollowError(f"{base.__name__} makes its attributes up as they are asked for")


def _atom(value: Any) -> Hashable:
    if isinstance(value, (float, np.floating)) and value != value:
        return ("nan", type(value))
    if isinstance(value, slice):
        return ("slice", value.start, value.stop, value.step)
    # 1, 1.0 and True are equal, and 0.0 equals -0.0.
    return (type(value), value, str(value) if isinstance(value, (float, complex, np.generic)) else None)


def _is_library(module: str) -> bool:
    top = module.partition(".")[0]
    return top in _LIBRARIES or top in _PURE


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(name for name in slots if not name.startswith("__"))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return _ABSENT


def _cell_holds(cell: Any, content: Any) -> bool:
    return _content(cell) is content


def _dict_holds(held: Mapping[str, Any], name: str, content: Any) -> bool:
    return held.get(name, _ABSENT) is content


def _held_in(value: Any, slots: list[str]) -> dict[str, Any]:
    return {name: getattr(value, name) for name in slots if hasattr(value, name)}


def _attribute_holds(value: Any, name: str, content: Any) -> bool:
    return getattr(value, name, _ABSENT) is content


@functools.lru_cache(maxsize=4096)
def _names_in(code: types.CodeType) -> frozenset[str]:
    return frozenset(code.co_names).union(*(_names_in(inner) for inner in _inner(code)))


@functools.lru_cache(maxsize=4096)
def _globals_in(code: types.CodeType) -> frozenset[str]:
    own = {str(i.argval) for i in dis.get_instructions(code) if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    return frozenset(own).union(*(_globals_in(inner) for inner in _inner(code)))


@functools.lru_cache(maxsize=4096)
def _imported_in(code: types.CodeType) -> frozenset[str]:
    own = {str(i.argval) for i in dis.get_instructions(code) if i.opname == "IMPORT_NAME"}
    return frozenset(own).union(*(_imported_in(inner) for inner in _inner(code)))


def _inner(code: types.CodeType) -> Iterator[types.CodeType]:
    return (constant for constant in code.co_consts if isinstance(constant, types.CodeType))
