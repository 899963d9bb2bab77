"""What a function reads from around it: closures, globals, defaults, attributes, and what those hold.

A traced circuit is good for as long as what its quantum function reads is what it was. This module finds out what that
is, from the names in the function's code and in the code of whatever of the user's it may call, and gives

* a key by value, under which functions that read the same share a trace;
* the tensors it reaches, which become arguments of the program, so that they train and change as they like;
* a quick check whether anything else has changed;
* or an obstacle: something that is not known to be followed completely.

Only kinds of objects that are listed here are followed; every other kind is an obstacle, since a wrong number is worse
than a slow one. Names are followed generously: an attribute that some reached code names is followed on every object
that has it, and is watched for on every object that has not. Libraries are not followed, since they stay what they are.
"""

from __future__ import annotations

import argparse
import enum
import functools
import sys
import types
from abc import ABC, ABCMeta
from collections import OrderedDict, namedtuple
from collections.abc import Callable, Hashable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, Protocol

import numpy as np
import pennylane as qp
import torch
from pennylane.transforms.core import Transform

from qlayers._layer import code_names
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
_ATOMS = frozenset(
    (
        type(None), bool, int, float, complex, str, bytes, range, type(Ellipsis), type(NotImplemented), torch.dtype,
        torch.device, torch.Size, np.ufunc, types.MethodDescriptorType, types.WrapperDescriptorType,
        types.MemberDescriptorType,
    )
)  # fmt: skip
_CONTAINERS = frozenset((dict, OrderedDict, list, tuple, set, frozenset))
_TENSORS = (torch.Tensor, torch.nn.Parameter, torch.nn.Buffer)
_PROTOCOLS_ASIDE = frozenset(
    (
        "__init__", "__new__", "__init_subclass__", "__post_init__", "__setstate__",
        "__getstate__", "__deepcopy__", "__copy__", "__reduce__", "__reduce_ex__", "__replace__", "__annotate__",
        "__delattr__", "__setattr__",
    )
)  # fmt: skip
"""What a class has besides the protocols by which it is read."""
_OF_MODULES = frozenset(vars(torch.nn.Module())) - {"training"}
"""Attributes of a torch module that its own code does not name."""
_OF_LAYERS = _OF_MODULES | {
    "qnode", "_qnode_dtype", "_found", "_in_graphs", "_input_name", "_weight_names", "_n_qubits", "_n_features",
    "_spec", "_backend", "_recipe", "_native", "_obstacle", "_declared_width", "_warned_range", "_said", "_counter",
    "_n_calls", "_traces_seen", "_changes_too_often", "_ran_together", "_replaced_weights",
}  # fmt: skip
"""Attributes of a layer that its circuit does not read."""
_ABSENT: Any = object()


class CannotFollowError(Exception):
    """What cannot be followed, in words for the user."""


class KeepsStateError(CannotFollowError):
    """The function changes what is around it, or reads what gives something else every time."""


@dataclass(frozen=True, eq=False)
class _Same:
    """An object by itself: equal to itself alone, and alive for as long as a key has it."""

    value: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.value is self.value

    def __hash__(self) -> int:
        return id(self.value)


Check = Callable[[], bool]


@dataclass
class Surroundings:
    """What a function reads from around it.

    Attributes:
        key: By value; tensors by shape and dtype alone.
        tensors: Floating-point tensors that it reaches.
        constants: Other tensors, whose values are in the key.
        obstacle: What cannot be followed; then there is no key.
        keeps_state: Whether the function changes what is around it, or reads what gives something else every time, so
            that no call of it may be added or left out.
        checks: Whether each thing that was read is what it was.
        changeable: Tensors, arrays and containers that the function may change when it is called.
    """

    key: Hashable = None
    tensors: list[torch.Tensor] = field(default_factory=list)
    constants: list[torch.Tensor] = field(default_factory=list)
    obstacle: str | None = None
    keeps_state: bool = False
    checks: list[Check] = field(default_factory=list, repr=False)
    changeable: list[Any] = field(default_factory=list, repr=False)

    def are_unchanged(self) -> bool:
        """Whether all that was read is still the same object, or has the same contents."""
        for check in self.checks:  # noqa: SIM110 - a generator would double the time of this call
            if not check():
                return False
        return True


def surroundings_of(functions: Iterable[Any], transforms: Iterable[Any] = ()) -> Surroundings:
    """Find out what functions read, or objects with methods, and the transforms that are applied to a QNode."""
    roots, applied = list(functions), list(transforms)
    names: frozenset[str] = frozenset()
    while True:
        walk = _Walk(names)
        try:
            key = tuple(map(walk.follow, roots)), tuple(map(walk.transform, applied))
            hash(key)
        except KeepsStateError as reason:
            return Surroundings(obstacle=str(reason), keeps_state=True)
        except TypeError as reason:  # of an object that cannot be hashed
            walk.obstacle = f"it reads something that cannot be followed ({reason})"
        if walk.names == names:
            if walk.obstacle is not None:
                return Surroundings(obstacle=walk.obstacle, changeable=walk.changeable)
            return Surroundings(
                key, walk.tensors, walk.constants, checks=walk.checks, changeable=walk.changeable
            )
        names = frozenset(walk.names)  # objects that were seen early have attributes that were named late


class _Walk:
    def __init__(self, names: frozenset[str]) -> None:
        self.names = set(names)
        self.tensors: list[torch.Tensor] = []
        self.constants: list[torch.Tensor] = []
        self.checks: list[Check] = []
        self.changeable: list[Any] = []
        self.obstacle: str | None = None
        self._is_dynamic = not code_names.DYNAMIC.isdisjoint(names)
        self._seen: dict[int, int] = {}
        self._kept: list[Any] = []

    def follow(self, value: Any) -> Hashable:
        """The key of a value, by contents."""
        kind = type(value)
        if kind in _ATOMS or (isinstance(value, np.generic) and kind.__module__ == "numpy"):
            return _atom(value)
        if kind is slice:
            return ("slice", self.follow(value.start), self.follow(value.stop), self.follow(value.step))
        if id(value) in self._seen:
            return ("again", self._seen[id(value)])
        self._seen[id(value)] = len(self._seen)
        self._kept.append(value)
        if kind in _CHANGEABLE:
            self.changeable.append(value)
        try:
            if len(self._seen) > MOST_OBJECTS:
                raise CannotFollowError("it reads more than can be watched for changes")
            return self._key_of(value, kind)
        except KeepsStateError:
            raise
        except (
            CannotFollowError
        ) as reason:  # what else there is, is looked at for what the function may change
            self.obstacle = self.obstacle or str(reason)
            return None

    def transform(self, value: Any) -> Hashable:
        """The key of a transform with its settings."""
        settings = vars(value)
        given = self.follow(settings["_args"]), self.follow(settings["_kwargs"])
        return ("transform", self._transform(settings["_transform"]), *given)

    def _transform(self, value: Any) -> Hashable:
        """The key of a transform by itself."""
        own = [
            part
            for name, part in vars(value).items()
            if name.endswith("_transform") and part is not None
            if not (isinstance(part, types.FunctionType) and _is_of_library(part))
        ]
        return (_Same(value), *map(self.follow, own))

    def _key_of(self, value: Any, kind: type) -> Hashable:
        if kind in _TENSORS:
            return self._tensor(value)
        if kind is np.ndarray:
            return self._array(value)
        if kind is types.ModuleType:
            return self._module(value)
        if kind is types.FunctionType:
            return self._function(value)
        if kind is types.BuiltinFunctionType:
            return self._builtin(value)
        if kind is types.MethodType:
            return ("method", self.follow(value.__func__), self.follow(value.__self__))
        if kind is functools.partial:
            if vars(value):
                raise CannotFollowError("it reads a partial with attributes of its own")
            self.checks.append(lambda: not vars(value))
            return ("partial", self.follow(value.func), self.follow(value.args), self.follow(value.keywords))
        if kind is property:
            return ("property", self.follow(value.fget))
        if kind in (staticmethod, classmethod):
            return (kind.__name__, self.follow(value.__func__))
        if kind in _CONTAINERS:
            return self._container(value, kind)
        if isinstance(value, type):
            self._refuse_to_construct(value)
            return self._class(value)
        return self._object(value, kind)

    def _watch(self, read: Callable[[], Any]) -> Any:
        """Return what ``read`` gives, and have it watched for another object."""
        content = read()
        self.checks.append(lambda: read() is content)
        return content

    # ------------------------------------------------------------------------------------------- data

    def _tensor(self, value: torch.Tensor) -> Hashable:
        if value.dtype.is_complex or value.layout is not torch.strided or vars(value):
            raise CannotFollowError(
                "it reads a tensor that is complex or sparse, or has attributes of its own"
            )
        shape, dtype = value.shape, value.dtype
        if dtype.is_floating_point:
            self.tensors.append(value)
            self.checks.append(lambda: value.shape == shape and value.dtype == dtype and not vars(value))
            return ("tensor", tuple(shape), dtype, value.requires_grad)
        if value.device.type != "cpu":
            raise CannotFollowError(f"it reads a tensor of {dtype} on {value.device}")
        self.constants.append(value)
        copy = value.detach().clone()
        self.checks.append(lambda: torch.equal(value, copy))
        return ("constant", tuple(shape), dtype, copy.numpy().tobytes())

    def _array(self, value: np.ndarray) -> Hashable:
        if value.dtype.hasobject:
            raise CannotFollowError("it reads an array of objects")
        copy = value.copy()
        self.checks.append(lambda: value.shape == copy.shape and value.tobytes() == copy.tobytes())
        return ("array", value.shape, value.dtype.str, copy.tobytes())

    def _container(self, value: Any, kind: type) -> Hashable:
        if isinstance(value, dict):
            return (kind, tuple((self.follow(key), self.follow(entry)) for key, entry in self._items(value)))
        entries = tuple(value)
        if kind in (list, set):
            self.checks.append(lambda: _are_same(value, entries))  # a set's order too, which a loop follows
        return (kind, tuple(self.follow(entry) for entry in entries))

    def _items(self, held: Mapping[str, Any]) -> tuple[tuple[Any, Any], ...]:
        """All items of a dictionary, which is watched as a whole, its order included."""
        keys, contents = tuple(held), tuple(held.values())
        self.checks.append(lambda: tuple(held) == keys and _are_same(held.values(), contents))
        return tuple(zip(keys, contents, strict=True))

    # ------------------------------------------------------------------------------------------- code

    def _module(self, value: types.ModuleType) -> Hashable:
        if _is_library(value.__name__):
            return ("module", value.__name__, self._numbers(vars(value)))
        if value.__name__.partition(".")[0] in sys.stdlib_module_names:
            raise KeepsStateError(
                f"it reads the module {value.__name__}, which may give something else every time"
            )
        if "__getattr__" in vars(value):
            raise CannotFollowError(
                f"the module {value.__name__} makes its attributes up as they are asked for"
            )
        return ("module", value.__name__, self._attributes(vars(value)))

    def _builtin(self, value: Any) -> Hashable:
        owner = value.__self__
        if owner is not None and not isinstance(owner, types.ModuleType):
            if isinstance(owner, type) and _is_library(owner.__module__):
                return ("builtin", _Same(value))
            raise KeepsStateError(f"it calls the method {value.__name__} of a {type(owner).__name__}")
        if not _is_library(value.__module__ or "builtins"):
            raise KeepsStateError(f"it calls {value.__module__}.{value.__name__}")
        return ("builtin", _Same(value))

    def _class(self, value: type) -> Hashable:
        if _is_library(value.__module__):
            return ("class", _Same(value))
        if type(value) not in _METACLASSES:
            raise CannotFollowError(f"the class {value.__name__} has a metaclass")
        if issubclass(value, torch.autograd.Function):
            raise CannotFollowError(f"{value.__name__} has a derivative of its own")
        is_called_by_libraries = issubclass(value, (qp.operation.Operator, Component))
        parts: list[Hashable] = []
        for base in value.__mro__:
            if _is_library(base.__module__):
                parts.append((_Same(base), ()))
                continue
            held = vars(base)
            protocols = {
                name
                for name, content in held.items()
                if name.startswith("__") and name.endswith("__") and name not in _PROTOCOLS_ASIDE
                if isinstance(content, (types.FunctionType, property, staticmethod, classmethod))
                if not _is_generated(content)
            }
            if {"__getattr__", "__getattribute__"} & protocols:
                raise CannotFollowError(f"{base.__name__} makes its attributes up as they are asked for")
            # The methods that a dataclass is given read its fields, and so does match.
            self.names |= set(held.get("__dataclass_fields__", ())) | set(held.get("__match_args__", ()))
            if is_called_by_libraries:  # by names that no code of the user's has
                protocols |= {name for name in held if not name.startswith("__")}
            parts.append((_Same(base), self._attributes(held, also=protocols, of_class=True)))
        return ("class", tuple(parts))

    def _refuse_to_construct(self, value: type) -> None:
        """Refuse a class whose constructor is the user's code: the function may make objects of it."""
        for base in value.__mro__:
            for name in ("__new__", "__init__", "__post_init__"):
                constructor = vars(base).get(name)
                code = getattr(getattr(constructor, "__func__", constructor), "__code__", None)
                if code is not None and not _is_library(base.__module__) and code.co_filename != "<string>":
                    raise CannotFollowError(f"it may make objects of the class {base.__name__}")

    def _function(self, value: types.FunctionType) -> Hashable:
        code = value.__code__
        if _is_of_library(value):
            # One that a library made of the user's holds it in its closure.
            is_of_module = getattr(sys.modules.get(value.__module__), value.__name__, None) is value
            held = () if is_of_module else value.__closure__ or ()
            return ("function", tuple(self.follow(_content(cell)) for cell in held), _Same(value))
        if set(vars(value)) - {"__wrapped__"}:
            raise CannotFollowError(f"the function {value.__name__} has attributes of its own")
        self.checks.append(lambda: not set(vars(value)) - {"__wrapped__"})
        found = code_names.of(code)
        for changed, owner in found.changed:
            of_library = value.__globals__.get(owner) if owner else None
            if not (isinstance(of_library, types.ModuleType) and _is_library(of_library.__name__)):
                raise KeepsStateError(f"it changes {changed}, which is around it, every time it is called")
        if called := found.globals & code_names.UNFOLLOWED - set(value.__globals__):
            raise KeepsStateError(f"it calls {', '.join(sorted(called))}")
        if asked := found.names & code_names.ASKING:
            raise CannotFollowError(f"it asks for {', '.join(sorted(asked))}")
        for module in found.imported:
            if not _is_library(module):
                raise KeepsStateError(f"it imports {module}")
        self.names |= found.names
        cells = []
        for name, cell in zip(code.co_freevars, value.__closure__ or (), strict=True):
            content = self._watch(functools.partial(_content, cell))
            cells.append((name, None if content is _ABSENT else self.follow(content)))
        read = []
        for name in sorted(found.globals):
            content = value.__globals__.get(name, _ABSENT)
            if not (isinstance(content, types.ModuleType) and _is_library(content.__name__)):
                self._watch(functools.partial(value.__globals__.get, name, _ABSENT))
            if content is not _ABSENT:
                read.append((name, self.follow(content)))
        defaults, by_name = value.__defaults__, value.__kwdefaults__
        self.checks.append(
            lambda: (
                value.__code__ is code and value.__defaults__ is defaults and value.__kwdefaults__ is by_name
            )
        )
        name = value.__name__
        self.checks.append(lambda: value.__name__ == name)
        return (
            "function",
            code,
            name,
            tuple(cells),
            tuple(read),
            self.follow(defaults),
            self.follow(by_name),
        )

    # ------------------------------------------------------------------------------------------- objects

    def _object(self, value: Any, kind: type) -> Hashable:
        if isinstance(value, enum.Enum):
            return ("enum", self._class(kind), value.name, self.follow(value.value))
        if isinstance(value, (np.random.Generator, np.random.RandomState, torch.Generator)):
            raise KeepsStateError("it draws random numbers")
        if hasattr(kind, "__next__"):
            raise KeepsStateError(f"it reads a {kind.__name__}, which gives something else every time")
        if isinstance(value, torch.nn.Module):
            return self._torch_module(value, kind)
        if isinstance(value, tuple) and hasattr(value, "_fields") and not hasattr(value, "__dict__"):
            return ("named tuple", self._class(kind), tuple(self.follow(entry) for entry in value))
        if isinstance(value, qp.devices.Device):
            return ("device", _Same(value), self._numbers(vars(value)))
        if kind in (argparse.Namespace, types.SimpleNamespace):
            held = vars(value)
            self.checks.append(lambda: vars(value) is held)
            return ("namespace", kind, tuple((name, self.follow(one)) for name, one in self._items(held)))
        if kind is Transform:
            return self._transform(value)
        if isinstance(value, _VALUES):
            return self._operator(value, kind)
        if _is_library(kind.__module__) or _hides_contents(kind):
            raise CannotFollowError(f"it reads a {kind.__name__}, which cannot be followed")
        return self._users(value, kind)

    def _users(self, value: Any, kind: type) -> Hashable:
        state = getattr(value, "__dict__", None)
        slots = [name for base in kind.__mro__ for name in _slots(base)]
        self.checks.append(lambda: type(value) is kind and getattr(value, "__dict__", None) is state)
        parts: list[Hashable] = [self._class(kind)]
        reads_all = _has_methods_of_libraries(kind)
        if state is not None:
            self.changeable.append(state)
            parts.append(self._attributes(state, also=state if reads_all else ()))
        for name in slots:
            if self._is_dynamic or reads_all or name in self.names:
                content = self._watch(functools.partial(getattr, value, name, _ABSENT))
                parts.append((name, None if content is _ABSENT else self.follow(content)))
        return ("object", *parts)

    def _operator(self, value: Any, kind: type) -> Hashable:
        """PennyLane's operators, which may be changed by their data alone."""
        if not _is_library(kind.__module__):
            raise CannotFollowError(f"it reads a {kind.__name__}, which cannot be followed")
        if isinstance(value, qp.wires.Wires):
            return ("wires", self.follow(value.labels))
        parts = []
        for name, content in vars(value).items() if hasattr(value, "__dict__") else ():
            if name in _CACHES or content is None:
                continue
            self._watch(functools.partial(getattr, value, name, _ABSENT))
            parts.append((name, self.follow(content)))
        if isinstance(value, dict):
            parts.append(("items", tuple((self.follow(k), self.follow(v)) for k, v in self._items(value))))
        return ("operator", _Same(kind), tuple(parts))

    def _torch_module(self, value: torch.nn.Module, kind: type) -> Hashable:
        state, is_layer = value.__dict__, isinstance(value, qp.qnn.TorchLayer)
        reads_all = not is_layer and _has_methods_of_libraries(kind)
        aside = _OF_LAYERS if is_layer else _OF_MODULES
        if isinstance(value, torch.nn.modules.batchnorm._NormBase) and value.track_running_stats:
            raise KeepsStateError(f"it calls a {kind.__name__}, which changes its running statistics")
        if not is_layer:
            hooks = [state[table] for table in ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")]
            if any(hooks):
                raise KeepsStateError(f"it reads the module {kind.__name__}, which has hooks")
            self.checks.append(lambda: not any(hooks))
        self.checks.append(lambda: type(value) is kind and value.__dict__ is state)
        parts: list[Hashable] = [self._class(kind)]
        for table in ("_parameters", "_buffers", "_modules"):
            self.changeable.append(state[table])
            if reads_all:
                parts.append(
                    tuple((name, self.follow(content)) for name, content in self._items(state[table]))
                )
            else:
                parts.append(self._attributes(state[table]))
        if not is_layer:
            self.changeable.append(state)
            self.names |= {"forward"}
        settings = set(state) - aside if reads_all else {"training"}
        return ("module", *parts, self._attributes(state, also=settings, aside=aside))

    def _numbers(self, held: Mapping[str, Any]) -> Hashable:
        """Numbers, tensors and arrays under names that are followed, of what has no others that change."""
        names = [name for name in sorted(self.names) if isinstance(held.get(name), _NUMBERS)]
        return tuple((name, self.follow(self._watch(functools.partial(held.get, name)))) for name in names)

    def _attributes(
        self,
        held: Mapping[str, Any],
        also: Iterable[str] = (),
        aside: frozenset[str] = frozenset(),
        of_class: bool = False,
    ) -> Hashable:
        """What is held under the names that are followed; other names of these are watched for."""
        wanted = {*self.names, *also} - aside
        if self._is_dynamic:
            wanted |= {name for name in held if not (name.startswith("__") and name.endswith("__"))} - aside
        found = tuple((name, held[name]) for name in sorted(wanted) if name in held)
        if of_class:
            for name, content in found:
                if hasattr(type(content), "__get__") and type(content) not in _DESCRIPTORS:
                    raise CannotFollowError(f"the attribute {name} is a {type(content).__name__}")
        if self._is_dynamic and not of_class:  # an attribute may come under any name
            before = set(held) - aside
            self.checks.append(lambda: set(held) - aside == before)
        absent = frozenset(wanted) - {name for name, _ in found}
        contents = tuple(content for _, content in found)
        chosen = tuple(name for name, _ in found)
        self.checks.append(
            lambda: (
                all(held.get(n, _ABSENT) is c for n, c in zip(chosen, contents, strict=True))
                and absent.isdisjoint(held)
            )
        )
        return tuple((name, self.follow(content)) for name, content in found)


_METACLASSES = (type, ABCMeta, enum.EnumMeta, type(qp.operation.Operator))
_VALUES = (qp.operation.Operator, qp.wires.Wires, qp.pauli.PauliWord, qp.pauli.PauliSentence)
_CACHES = frozenset(("_hash", "_pauli_rep", "_batch_size", "_ndim_params", "_queue_category", "_id", "_name"))
_DESCRIPTORS = (
    types.FunctionType, property, staticmethod, classmethod, type, types.MemberDescriptorType, functools.partial,
    types.GetSetDescriptorType, types.BuiltinFunctionType, types.WrapperDescriptorType,
    type(vars(namedtuple("_OneField", "field"))["field"]),
)  # fmt: skip


_CHANGEABLE = frozenset((*_TENSORS, np.ndarray, list, dict, OrderedDict, set))
_NUMBERS = (int, float, complex, str, torch.Tensor, np.ndarray, np.generic)
_HARMLESS = (object, Generic, Protocol, ABC, torch.nn.Module)
"""Classes of libraries whose own methods read no attributes by which a circuit could be another."""


class _Plain:
    pass


class _Slotted:
    __slots__ = ()


def _hides_contents(kind: type) -> bool:
    """Whether contents of an object may lie where no attribute leads to them, as in a builtin class or one in C."""
    bases = [base for base in kind.__mro__ if base is not object]
    if any("__module__" not in vars(base) or base.__module__ == "builtins" for base in bases):
        return True
    has_dict = any("__dict__" in vars(base) for base in bases)
    room = (_Plain if has_dict else _Slotted).__basicsize__
    slots = sum(len(_slots(base)) for base in bases)
    weak = 8 * any("__weakref__" in vars(base) for base in bases)
    return kind.__itemsize__ > 0 or kind.__basicsize__ > room + 8 * slots + (0 if has_dict else weak)


def _has_methods_of_libraries(kind: type) -> bool:
    """Whether a class has methods that no code of the user's shows, which may read any of its attributes."""
    return any(_is_library(base.__module__) and base not in _HARMLESS for base in kind.__mro__)


def _is_generated(method: Any) -> bool:
    """Whether a method was made by the standard library, as a dataclass's are; its ``__repr__`` is wrapped."""
    code = getattr(getattr(method, "__wrapped__", method), "__code__", None)
    return code is not None and code.co_filename == "<string>"


def _atom(value: Any) -> Hashable:
    if isinstance(value, (float, np.floating)) and value != value:
        return ("nan", type(value))
    # 1, 1.0 and True are equal, and 0.0 equals -0.0.
    return (type(value), value, str(value) if isinstance(value, (float, complex, np.generic)) else None)


def _is_library(module: str) -> bool:
    top = module.partition(".")[0]
    return top in _LIBRARIES or top in _PURE


@functools.cache
def _library_folders() -> tuple[str, ...]:
    """Where the libraries' code lies: a name of a module may be copied, as functools.wraps does."""
    loaded = [sys.modules[name] for name in (*_LIBRARIES, *_PURE) if name in sys.modules]
    files = [str(module.__file__) for module in loaded if getattr(module, "__file__", None)]
    return tuple(file.removesuffix("__init__.py") for file in files)


def _is_of_library(function: types.FunctionType) -> bool:
    file = function.__code__.co_filename
    generated = (
        file.startswith("<") and function.__globals__.get("__name__", "").partition(".")[0] in _LIBRARIES
    )
    return _is_library(function.__module__ or "") and (generated or file.startswith(_library_folders()))


def _are_same(entries: Any, before: tuple[Any, ...]) -> bool:
    return len(entries) == len(before) and all(a is b for a, b in zip(entries, before, strict=True))


def _slots(kind: type) -> tuple[str, ...]:
    slots = vars(kind).get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(name for name in slots if not name.startswith("__"))


def _content(cell: Any) -> Any:
    try:
        return cell.cell_contents
    except ValueError:  # not assigned yet
        return _ABSENT
