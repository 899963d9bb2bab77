"""Recording what torch computes, from arguments to results.

A quantum function is run once while every torch operation is written down with what it takes. A value that the function
looks at, as an ``if`` or ``float(…)`` does, ends the recording: then no list of operations holds everywhere. Every
tensor that an operation takes is an argument, the result of an earlier operation, a constant that was made meanwhile
from plain numbers, or one of the tensors that the caller has declared. Any other tensor ends the recording too, since
nobody knows who may change it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

CONSTANT = "constant"

_LOOKING_METHODS = frozenset(
    (
        "numpy", "tolist", "__array__", "item", "data_ptr", "storage", "untyped_storage", "__dlpack__", "__repr__",
        "__str__", "__format__",
    )
)  # fmt: skip
"""What hands a tensor's values to Python or NumPy without an operation."""
_MAKERS = (torch.tensor, torch.as_tensor, torch.asarray, torch.from_numpy, torch.scalar_tensor)
CONVERSION = "aten._to_copy."
_SHAPED = tuple(
    f"aten.{name}." for name in ("ones_like", "zeros_like", "full_like", "new_zeros", "new_ones", "new_full")
)
"""Operations that take nothing but the shape of a tensor, and make a constant."""
_LOOKING_TAGS = (torch.Tag.data_dependent_output, torch.Tag.dynamic_output_shape)


@dataclass(frozen=True)
class Value:
    """What an operation takes: an argument, or the result of an earlier operation, by number."""

    number: int


@dataclass(frozen=True)
class Step:
    """One torch operation, by its name, so that it can be pickled.

    Attributes:
        operation: Of torch's operations, or ``"getitem"``, or a constant.
        arguments: What it takes, Values among them.
        options: What it takes by name.
        reads: The numbers of the values that it takes.
    """

    operation: str
    arguments: tuple[Any, ...]
    options: tuple[tuple[str, Any], ...] = ()
    reads: tuple[int, ...] = ()

    def renumbered(self, numbers: Mapping[int, int]) -> Step:
        """The same of values with other numbers."""
        arguments, options = replaced(
            (self.arguments, self.options), lambda value: Value(numbers[value.number])
        )
        return Step(self.operation, arguments, options, tuple(numbers[number] for number in self.reads))


class LooksAtValuesError(Exception):
    """The function looks at values.

    Attributes:
        arguments: The numbers of the arguments on which what it looks at depends.
    """

    def __init__(self, arguments: frozenset[int]) -> None:
        super().__init__("it looks at values")
        self.arguments = arguments


class CannotRecordError(Exception):
    """Why operations cannot be written down, in words for the user."""


@dataclass
class Recorder:
    """Operations between arguments and results.

    Attributes:
        arguments: Tensors that are values 0, 1, … from the start.
        steps: What step k gives is value ``len(arguments) + k``.
        constants: Tensors that constant steps give, by name.
    """

    arguments: Sequence[torch.Tensor]
    steps: list[Step] = field(default_factory=list)
    constants: dict[str, torch.Tensor] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._numbers = {id(tensor): number for number, tensor in enumerate(self.arguments)}
        self._kept: list[Any] = list(self.arguments)  # ids are those of living objects
        self._fresh: dict[int, torch.Tensor] = {}
        self._modes = ExitStack()

    def __enter__(self) -> Recorder:
        # Below autograd, which would put detached copies of views in place of what was recorded.
        for mode in (torch._C._AutoDispatchBelowAutograd(), _Functions(self), _Operations(self)):
            self._modes.enter_context(mode)
        return self

    def __exit__(self, *error: Any) -> None:
        self._modes.close()

    def number_of(self, tensor: torch.Tensor) -> int:
        """The value that a tensor is.

        Raises:
            CannotRecordError: Nobody knows where the tensor comes from.
        """
        number = self._numbers.get(id(tensor))
        if number is None:
            if id(tensor) not in self._fresh:
                raise CannotRecordError(
                    "it computes with a tensor that is neither an argument nor found around the quantum function"
                )
            name = f"{CONSTANT}{len(self.constants)}"
            self.constants[name] = tensor.detach().clone()
            number = self._add(Step(CONSTANT, (name,)), tensor)
        return number

    def declare(self, tensor: torch.Tensor, stand_in: torch.Tensor) -> int:
        """Let a tensor that the function reads be a value that was recorded; returns its number."""
        number = self.number_of(stand_in)
        self._numbers[id(tensor)] = number
        self._kept.append(tensor)
        return number

    def declare_constant(self, tensor: torch.Tensor) -> None:
        """Let a tensor that the function reads be a constant."""
        self._add_fresh(tensor)

    def needed(self, results: Sequence[torch.Tensor]) -> frozenset[int]:
        """The values that enter into results, and the results."""
        wanted = [self.number_of(result) for result in results]
        return frozenset(needed(self.steps, len(self.arguments), wanted))

    def reads(self, results: Sequence[torch.Tensor]) -> frozenset[int]:
        """The arguments that enter into results."""
        known = [result for result in results if id(result) not in self._fresh]
        return frozenset(value for value in self.needed(known) if value < len(self.arguments))

    def _add(self, step: Step, result: Any) -> int:
        self.steps.append(step)
        self._kept.append(result)
        number = len(self.arguments) + len(self.steps) - 1
        if isinstance(result, torch.Tensor):
            self._numbers[id(result)] = number
        return number

    def _add_fresh(self, tensor: torch.Tensor) -> None:
        if id(tensor) not in self._numbers:
            self._fresh[id(tensor)] = tensor
            self._kept.append(tensor)

    def _look(self, tensors: Sequence[torch.Tensor]) -> None:
        if found := self.reads(tensors):
            raise LooksAtValuesError(found)

    def _record(self, function: Any, arguments: Sequence[Any], options: dict[str, Any]) -> Any:
        name = str(function)
        taken = _tensors((arguments, tuple(options.items())))
        # An index has a shape of its own accord where it is a mask.
        is_index = name == "aten.index.Tensor" and not any(
            t.dtype in (torch.bool, torch.uint8) for t in taken
        )
        if any(tag in function.tags for tag in _LOOKING_TAGS) and not is_index:
            self._look(taken)
            return function(*arguments, **options)
        if torch.Tag.nondeterministic_seeded in function.tags:
            raise CannotRecordError("it draws random numbers")
        untracked = [tensor for tensor in taken if id(tensor) not in self._numbers]
        if name == "aten.lift_fresh.default" and untracked:  # torch.tensor makes it from plain numbers
            self._add_fresh(arguments[0])
        result = function(*arguments, **options)
        if not _tensors(result):
            if not isinstance(result, (list, tuple)):  # which is empty where a tensor is split into no parts
                self._look(taken)
            return result
        constants_alone = len(untracked) == len(taken) and all(id(tensor) in self._fresh for tensor in taken)
        if constants_alone or name.startswith(_SHAPED):
            for tensor in _tensors(result):
                self._add_fresh(tensor)
            return result
        if function._schema.is_mutable:
            raise CannotRecordError(
                "it writes into a tensor in place; torch.stack or torch.cat make a new one"
            )
        if name.startswith(CONVERSION) and result.dtype == taken[0].dtype:
            # Nothing changes; and where the operations run again, tensors stay on their device.
            name, arguments, options, taken = "aten.alias.default", taken[:1], {}, taken[:1]
        reads = tuple(dict.fromkeys(self.number_of(tensor) for tensor in taken))
        step = Step(
            name,
            tuple(self._numbered(argument) for argument in arguments),
            tuple((key, self._numbered(option)) for key, option in options.items()),
            reads,
        )
        number = self._add(step, result)
        is_off = not torch.is_grad_enabled()
        if isinstance(result, (tuple, list)):
            parts = []
            for position, part in enumerate(result):
                self._add(Step("getitem", (Value(number), position), (), (number,)), part)
                parts.append(self._cut_off(part) if is_off else part)
            return type(result)(parts)
        return self._cut_off(result) if is_off else result

    def _cut_off(self, result: torch.Tensor) -> torch.Tensor:
        """A result whose author switched derivatives off, which stay off when the operations run again."""
        number = self.number_of(result)
        detached = torch.ops.aten.detach.default(result)
        self._add(Step("aten.detach.default", (Value(number),), (), (number,)), detached)
        return detached

    def _numbered(self, nested: Any) -> Any:
        if isinstance(nested, torch.Tensor):
            return Value(self.number_of(nested))
        if isinstance(nested, (list, tuple)):
            return tuple(self._numbered(entry) for entry in nested)
        return nested


class _Operations(TorchDispatchMode):
    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_dispatch__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        if function.has_kernel_for_dispatch_key(torch._C.DispatchKey.CompositeImplicitAutograd):
            with self:  # made of other operations, which then come here one by one
                return function.decompose(*args, **kwargs)
        return self._recorder._record(function, args, kwargs)


class _Functions(TorchFunctionMode):
    """Sees what torch computes nothing for: values handed to Python and NumPy, and tensors made of them."""

    def __init__(self, recorder: Recorder) -> None:
        super().__init__()
        self._recorder = recorder

    def __torch_function__(self, function: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = getattr(function, "__name__", "")
        if name in _LOOKING_METHODS and args and isinstance(args[0], torch.Tensor):
            self._recorder._look([args[0]])
        if name == "__getitem__":
            args = (args[0], self._with_tensors(args[1]))
        result = function(*args, **(kwargs or {}))
        makes = function in _MAKERS and isinstance(result, torch.Tensor)
        if makes and not _tensors((args, tuple((kwargs or {}).values()))):
            self._recorder._add_fresh(result)
        return result

    def _with_tensors(self, index: Any) -> Any:
        """An index with tensors in place of lists and arrays, which torch would make unseen."""
        if isinstance(index, tuple):
            return tuple(map(self._with_tensors, index))
        if not isinstance(index, (list, np.ndarray)):
            return index
        made = torch.as_tensor(index)
        self._recorder._add_fresh(made)
        return made


def needed(steps: Sequence[Step], n_arguments: int, wanted: Sequence[int]) -> set[int]:
    """Return the values from which the wanted ones are computed, and these."""
    found: set[int] = set()
    waiting = list(wanted)
    while waiting:
        value = waiting.pop()
        if value not in found:
            found.add(value)
            if value >= n_arguments:
                waiting.extend(steps[value - n_arguments].reads)
    return found


def _tensors(nested: Any) -> list[torch.Tensor]:
    if isinstance(nested, torch.Tensor):
        return [nested]
    if isinstance(nested, (list, tuple)):
        return [tensor for entry in nested for tensor in _tensors(entry)]
    return []


def replaced(nested: Any, how: Callable[[Value], Any]) -> Any:
    """The same with what ``how`` makes of every value in it."""
    if isinstance(nested, Value):
        return how(nested)
    if isinstance(nested, tuple):
        return tuple(replaced(entry, how) for entry in nested)
    return nested


def operation_of(name: str) -> Any:
    """What torch calls by this name."""
    if name == "getitem":
        return operator.getitem
    found: Any = torch.ops
    for part in name.split("."):
        found = getattr(found, part)
    return found
