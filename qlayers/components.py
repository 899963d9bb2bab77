"""The parts a circuit is named by: found by file name, compared by value.

An encoding, ansatz, measurement or backend is one frozen dataclass in one file of its package. The file's name is
the option's name, and the class's name is the same in CamelCase, so there is no list to keep in step. Files whose names
begin with an underscore hold what components of a package share.
"""

from __future__ import annotations

import dataclasses
import difflib
import importlib
import pkgutil
import re
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from qlayers.errors import ConfigurationError


class Component:
    """Base of encodings, ansätze, measurements and backends."""

    kind: ClassVar[str]
    package: ClassVar[str]

    @property
    def name(self) -> str:
        """The option's name: the class's name in snake_case."""
        return snake_case(type(self).__name__)


C = TypeVar("C", bound=Component)


def snake_case(class_name: str) -> str:
    """``StronglyEntangling`` → ``strongly_entangling``.

    >>> snake_case("StronglyEntangling")
    'strongly_entangling'
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", class_name).lower()


def camel_case(module_name: str) -> str:
    """Return the name of the class in a component's file.

    >>> camel_case("strongly_entangling")
    'StronglyEntangling'
    """
    return "".join(word.capitalize() for word in module_name.split("_"))


def export_components(
    package: str, **others: str
) -> tuple[list[str], Callable[[str], Any], Callable[[], list[str]]]:
    """Make every component of a package importable from the package by its class's name.

    A component's module is imported when its class is first asked for, so that importing the package imports none.

    Args:
        package: The package's name, in whose ``__init__`` this is called.
        others: Modules of the package by the names of further classes that are to be imported from them likewise.

    Returns:
        The components' class names, and the package's ``__getattr__`` and ``__dir__``.
    """
    module = sys.modules[package]
    files = [found.name for found in pkgutil.iter_modules(module.__path__) if not found.name.startswith("_")]
    components = {camel_case(file): file for file in files}
    modules = components | others

    def get_attribute(name: str) -> Any:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(f"{package}.{modules[name]}"), name)
        setattr(module, name, found)  # the next access does not come here
        return found

    def list_attributes() -> list[str]:
        return sorted({*vars(module), *modules})

    return sorted(components), get_attribute, list_attributes


def available(base: type[C]) -> dict[str, type[C]]:
    """All components of one kind that ship with qlayers, by name."""
    package = importlib.import_module(base.package)
    found: dict[str, type[C]] = {}
    for module_info in pkgutil.iter_modules(package.__path__):
        if module_info.name.startswith("_"):
            continue
        module = importlib.import_module(f"{base.package}.{module_info.name}")
        for candidate in vars(module).values():
            if not (isinstance(candidate, type) and issubclass(candidate, base)):
                continue
            if candidate.__module__ == module.__name__ and snake_case(candidate.__name__) == module_info.name:
                found[module_info.name] = candidate
    return found


def resolve(value: str | C, base: type[C]) -> C:
    """Turn an option's name into a component with its default settings; leave a component as it is.

    Raises:
        ConfigurationError: If the name is unknown, or the value is neither a name nor a component of this kind.
    """
    if isinstance(value, base):
        return value
    if isinstance(value, str):
        options = available(base)
        if value in options:
            return options[value]()
        near = difflib.get_close_matches(value, options, n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ConfigurationError(
            f"{base.kind}={value!r} is unknown.{hint} Available: {', '.join(sorted(options))}."
        )
    raise ConfigurationError(
        f"{base.kind} must be a name or an instance of {base.package}.{base.__name__}, but got "
        f"{value!r} of type {type(value).__name__}."
    )


def configured(value: str | C, base: type[C], options: Mapping[str, Any]) -> C:
    """As :func:`resolve`, with other settings than the default ones.

    Args:
        value: A name; or a component, which has its settings and takes no others.
        base: The kind of component.
        options: Settings by name.

    Raises:
        ConfigurationError: As ``resolve``; or there is no such setting, or the value has its settings already.
    """
    component = resolve(value, base)
    if not options:
        return component
    if not isinstance(value, str):
        given = ", ".join(f"{name}={option!r}" for name, option in options.items())
        raise ConfigurationError(
            f"{type(value).__name__} is an instance, which has its settings, but got {given} besides. Make it with "
            f"them, or give its name: {value.name!r}."
        )
    names = [one.name for one in dataclasses.fields(component) if one.init]  # type: ignore[arg-type]
    for option in options:
        if option not in names:
            near = difflib.get_close_matches(option, names, n=1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            listed = ", ".join(names) or "none"
            raise ConfigurationError(
                f"{option} is no option of {base.kind}={value}.{hint} Its options: {listed}."
            )
    return type(component)(**options)
