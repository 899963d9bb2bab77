"""Whether a value from a configuration is what a type hint asks for."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from pydantic import ConfigDict, PydanticUserError, TypeAdapter, ValidationError
from pydantic.errors import PydanticSchemaGenerationError, PydanticUndefinedAnnotation

_CONFIG = ConfigDict(strict=True, arbitrary_types_allowed=True)


def argument_hints(called: Callable[..., Any]) -> dict[str, Any]:
    """The hints of a function's or a class's arguments; empty where they cannot be evaluated."""
    function = called.__init__ if inspect.isclass(called) else called
    try:
        return get_type_hints(function, include_extras=True)
    except (AttributeError, NameError, TypeError):
        return {}


def accepts(hint: Any, value: Any) -> bool:
    """Whether a plain value fits a hint, a list counting as any sequence. A hint that cannot be judged accepts all.

    >>> accepts(int, "two"), accepts(float, 1), accepts(tuple[float, float], [0.9, 0.999])
    (False, True, True)
    """
    try:
        # As JSON, because strict means there what is meant here: a list may be a tuple, text is no number.
        TypeAdapter(hint, config=_CONFIG).validate_json(json.dumps(value))
    except ValidationError:
        return False
    except (PydanticUserError, PydanticSchemaGenerationError, PydanticUndefinedAnnotation, TypeError):
        return True
    return True


def takes_instances_of(hint: Any, built: Any) -> bool:
    """Whether an object of class `built` may be passed; True where hint or class does not tell.

    >>> takes_instances_of(int | str, list), takes_instances_of(Any, list)
    (False, True)
    """
    if not inspect.isclass(built):
        return True
    alternatives = list(_alternatives(hint))
    # Any is a class as well since Python 3.11, and nobody's base.
    if Any in alternatives or not all(inspect.isclass(kind) for kind in alternatives):
        return True
    try:
        return any(issubclass(built, kind) for kind in alternatives)
    except TypeError:  # a protocol that cannot be tested
        return True


def _alternatives(hint: Any) -> list[Any]:
    if get_origin(hint) is Annotated:
        return _alternatives(get_args(hint)[0])
    if get_origin(hint) in (Union, UnionType):
        return [kind for part in get_args(hint) for kind in _alternatives(part)]
    return [get_origin(hint) if inspect.isclass(get_origin(hint)) else hint]
