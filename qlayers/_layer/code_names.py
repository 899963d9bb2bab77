"""The names in a function's code: what it reads, what it imports, and what around it it changes."""

from __future__ import annotations

import dis
import functools
import re
import types
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

UNFOLLOWED = frozenset(
    (
        "eval", "exec", "globals", "locals", "open", "input", "compile", "breakpoint", "__import__", "next", "id",
    )
)  # fmt: skip
"""Built-in functions that read what nobody can follow."""
ASKING = frozenset(
    (
        "requires_grad", "is_grad_enabled", "is_inference_mode_enabled", "grad_fn", "is_leaf", "get_ident",
        "current_thread", "register_hook", "register_post_accumulate_grad_hook", "retain_grad", "grad",
        "get_default_dtype", "is_autocast_enabled", "is_deterministic_algorithms_warn_only_enabled",
        "are_deterministic_algorithms_enabled", "get_num_threads", "initial_seed", "is_contiguous", "Parameter",
        "stride", "data_ptr", "__getattribute__", "__setattr__", "__delattr__", "format_map", "__doc__", "__qualname__",
        "__globals__", "__closure__", "__code__", "__dict__", "__self__",
    )
)  # fmt: skip
"""Attributes of how a layer is called, of derivatives, and of objects' insides, which have no one trace."""
DYNAMIC = frozenset(
    (
        "getattr", "hasattr", "vars", "dir", "attrgetter", "methodcaller", "asdict", "astuple", "fields", "copy",
        "deepcopy", "named_parameters", "named_buffers", "parameters", "buffers", "children", "modules", "state_dict",
        "named_modules", "named_children", "get_parameter", "get_buffer", "get_submodule",
    )
)  # fmt: skip
"""Names by which attributes are read that no code names."""
_CHANGING = frozenset(
    (
        "append", "appendleft", "extend", "insert", "add", "update", "pop", "popitem", "popleft", "remove", "discard",
        "clear", "setdefault", "sort", "reverse", "rotate", "write", "put", "send", "register_buffer",
        "register_parameter", "add_module", "load_state_dict", "setattr", "fill", "itemset", "move_to_end",
    )
)  # fmt: skip
"""Methods that change the object whose they are; so do those whose names end with one underscore."""
_OUTER = frozenset(("LOAD_GLOBAL", "LOAD_DEREF", "LOAD_ATTR", "LOAD_NAME", "LOAD_CLASSDEREF"))


@dataclass(frozen=True)
class CodeNames:
    """What a code object, and those inside it, name.

    Attributes:
        names: Globals and attributes.
        globals: Those that are read as globals.
        imported: Modules that it imports.
        changed: What around it it changes, as far as is seen, each with the global that it belongs to, if there is one:
            functions of modules are called as methods are.
    """

    names: frozenset[str]
    globals: frozenset[str]
    imported: frozenset[str]
    changed: tuple[tuple[str, str | None], ...]


@functools.lru_cache(maxsize=4096)
def of(code: types.CodeType) -> CodeNames:
    """The names in a code object."""
    instructions = list(dis.get_instructions(code))
    inner = [of(constant) for constant in code.co_consts if isinstance(constant, types.CodeType)]
    read = {str(i.argval) for i in instructions if i.opname in ("LOAD_GLOBAL", "LOAD_NAME")}
    imported = {str(i.argval) for i in instructions if i.opname == "IMPORT_NAME"}
    changed = []
    for number, instruction in enumerate(instructions):
        before = instructions[:number]
        if what := _changed(instruction, before, code):
            of_global = before and before[-1].opname == "LOAD_GLOBAL"
            changed.append((what, str(before[-1].argval) if of_global else None))
    names = {*code.co_names, *_named_in_constants(code, instructions)}
    return CodeNames(
        frozenset(names).union(*(one.names for one in inner)),
        frozenset(read).union(*(one.globals for one in inner)),
        frozenset(imported).union(*(one.imported for one in inner)),
        (*changed, *(pair for one in inner for pair in one.changed)),
    )


def _named_in_constants(code: types.CodeType, instructions: Sequence[dis.Instruction]) -> Iterator[str]:
    """Attributes that patterns of ``match`` and of ``str.format`` name."""
    if any(instruction.opname == "MATCH_CLASS" for instruction in instructions):
        yield from (name for constant in code.co_consts if isinstance(constant, tuple) for name in constant)
    if "format" in code.co_names:
        for constant in code.co_consts:
            if isinstance(constant, str) and "{" in constant:
                yield from re.findall(r"\w+", constant)


def _changed(instruction: dis.Instruction, before: list[dis.Instruction], code: types.CodeType) -> str | None:
    name, what = instruction.opname, str(instruction.argval)
    if name in ("STORE_GLOBAL", "DELETE_GLOBAL", "STORE_ATTR", "DELETE_ATTR"):
        return what
    if name in ("STORE_DEREF", "DELETE_DEREF") and what in code.co_freevars:
        return what
    if name in ("LOAD_METHOD", "LOAD_ATTR"):
        in_place = what.endswith("_") and not what.startswith("_")
        return what if (what in _CHANGING or in_place) and _is_outer(before) else None
    if name in ("STORE_SUBSCR", "DELETE_SUBSCR") and _is_outer(_up_to_container(before)):
        return "an entry of what it reads"
    if name == "LOAD_GLOBAL" and what in ("setattr", "delattr"):
        return "an attribute"
    return None


def _up_to_container(before: list[dis.Instruction]) -> list[dis.Instruction]:
    """The instructions up to that which loads the container whose entry is assigned, for keys of one instruction."""
    line = next((n for n in range(len(before) - 1, -1, -1) if before[n].starts_line is not None), 0)
    copies = [n for n in range(line, len(before)) if before[n].opname == "COPY" and before[n].arg == 2]
    # An augmented assignment copies container and key before it reads the entry.
    return before[: copies[0] - 1] if len(copies) > 1 else before[:-1]


def _is_outer(before: list[dis.Instruction]) -> bool:
    """Whether what was loaded last is no variable of the code's own."""
    return bool(before) and before[-1].opname in _OUTER
