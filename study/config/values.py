"""Whether every value has the type and the range of its key."""

from __future__ import annotations

from collections.abc import Mapping
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, OmegaConf
from pydantic import ValidationError

from study.config.composition import written
from study.config.names import suggestion
from study.config.schema import Section, annotation, description
from study.errors import StudyError

_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


def conform(override: Override, config: DictConfig, base: DictConfig, schema: type[Section]) -> None:
    """Put the value that was meant where the command line's grammar read another type.

    A column named 2024 is text, and 1e-5 in quotes is a number.
    """
    key, value = override.key_or_group, override.value()
    kinds = _kinds(key, base, schema)
    if kinds == {str} and isinstance(value, bool | int | float):
        OmegaConf.update(config, key, written(override).partition("=")[2].strip())
    elif float in kinds and str not in kinds and isinstance(value, str):
        try:
            OmegaConf.update(config, key, float(value))
        except ValueError:
            return  # it is refused below, by name


def check_type(override: Override, config: DictConfig, base: DictConfig, schema: type[Section]) -> None:
    """Raise StudyError where a key that the schema does not speak of gets another type than its default has."""
    key = override.key_or_group
    if annotation(schema, key) is not None:
        return
    default, value = _selected(base, key), _selected(config, key)
    if default is None or value is None or fits(value, default):
        return
    if isinstance(value, list | dict):
        return  # several values in the place of one: whether the class takes them is for phase two to say
    raise StudyError(
        f"{key} must be {_WORDS[type(default)]}, as its default {_shown(default)} is, but is {_shown(value)}."
    )


def fits(value: Any, default: Any) -> bool:
    """Whether a value may stand in the place of a default.

    >>> fits(1, 0.5), fits(0.5, 1), fits(True, 1)
    (True, False, False)
    """
    if type(default) is float:
        return type(value) in (int, float)
    return type(value) is type(default)


def check_schema(values: Mapping[str, Any], schema: type[Section]) -> None:
    """Raise StudyError for the first value that the schema does not accept."""
    try:
        schema.model_validate(dict(values))
    except ValidationError as error:
        raise StudyError(_explain(error.errors(include_url=False)[0], values, schema)) from error


def _explain(problem: Mapping[str, Any], values: Mapping[str, Any], schema: type[Section]) -> str:
    """One of pydantic's complaints, in our words."""
    key, value = _place(problem["loc"], values)
    if problem["type"] == "value_error":
        return f"{problem['ctx']['error']}."
    if problem["type"] == "extra_forbidden":
        home = key.rpartition(".")[0]
        names = list((annotation(schema, home) or schema).model_fields)
        known = [f"{home}.{name}" if home else name for name in names]
        return f"{key} is not a key. {suggestion(key, known, home, names)}"
    if problem["type"] == "string_too_short":
        return f"{key} is empty: give {description(schema, key)}."
    if problem["type"] == "missing":
        whole = ".".join(map(str, problem["loc"]))
        home = whole.partition(".")[0]
        chosen = (
            f" The {home} that was chosen does not set it: choose another, or set it."
            if home != whole
            else ""
        )
        return f"{whole} is missing from the configuration.{chosen}"
    return f"{key} must be {description(schema, key) or 'an option of its group'}, but is {_shown(value)}."


def _shown(value: Any) -> str:
    """A value as it is written on the command line, text in quotes."""
    if value is None or isinstance(value, bool):
        return str(value).lower().replace("none", "null")
    return repr(value)


def _place(location: tuple[Any, ...], values: Any) -> tuple[str, Any]:
    """The dotted key of a complaint and its value; pydantic appends the names of types it tried."""
    key: list[str] = []
    for part in location:
        if not isinstance(values, Mapping) or part not in values:
            break
        key.append(str(part))
        values = values[part]
    return ".".join(key), values


def _kinds(key: str, base: DictConfig, schema: type[Section]) -> set[type]:
    """The types that a key takes, null aside: by the schema, else by its default; what is to be named is text."""
    declared = annotation(schema, key)
    if declared is not None:
        return _flattened(declared) - {type(None)}
    default = _selected(base, key)
    return set() if default is None else {type(default)}


def _flattened(kind: Any) -> set[type]:
    if get_origin(kind) in (Union, UnionType):
        return set().union(*(_flattened(part) for part in get_args(kind)))
    if get_origin(kind) is Literal:
        return {type(value) for value in get_args(kind)}
    return {kind}


def _selected(config: DictConfig, key: str) -> Any:
    """A value with references followed, as plain data; None where there is none yet."""
    value = OmegaConf.select(config, key, throw_on_resolution_failure=False)
    return OmegaConf.to_container(value, resolve=False) if OmegaConf.is_config(value) else value
