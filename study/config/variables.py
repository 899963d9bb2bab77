"""Values from the environment, `${oc.env:NAME}`, in a configuration: used where they are needed, written nowhere."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from contextvars import ContextVar
from typing import Any

from omegaconf import DictConfig, OmegaConf

from study.errors import StudyError

KEY = "_env_"
_MISSING = object()
_PLACEHOLDER = re.compile(r"__environment_(\d+)__")
_REFERENCE = re.compile(r"(\\*)\$\{")
# Shorter values stand in a message for other reasons as well, and are no secrets.
_SHORTEST = 4

_asked: dict[str, str] = {}
# Names in the order of their placeholders, while placeholders stand for values.
_standing_in: ContextVar[list[str] | None] = ContextVar("_standing_in", default=None)


def variable(name: str, default: Any = _MISSING) -> str | None:
    """Stand in for OmegaConf's own `oc.env`: the same values, remembered so that no message repeats them.

    Raises:
        StudyError: the variable is not set, and there is no default.
    """
    if name in os.environ:
        if (names := _standing_in.get()) is not None:
            names.append(name)
            return f"__environment_{len(names) - 1}__"
        _asked[name] = os.environ[name]
        return os.environ[name]
    if default is _MISSING:
        raise StudyError(
            f"The environment variable {name} is not set. Set it, or write ${{oc.env:{name},DEFAULT}}."
        )
    return None if default is None else str(default)


def redacted(text: str) -> str:
    """Return a message with the values of variables replaced by their names."""
    for name, value in sorted(_asked.items(), key=lambda item: -len(item[1])):
        if len(value) >= _SHORTEST:
            text = text.replace(value, f"${{oc.env:{name}}}")
    return text


def inert(config: DictConfig) -> dict[str, Any]:
    """Return a configuration as plain values that may be written down and sent.

    References are followed. What came from the environment is `{_env_: [before, NAME, after, …]}`, which nothing
    follows, and text that only looks like a reference is escaped.
    """
    named, names = _named(config)
    found: dict[str, Any] = _inert(named, OmegaConf.to_container(config, resolve=True), names)
    return {key: value for key, value in found.items() if key != "stored"}


def names_of(config: DictConfig) -> set[str]:
    """Return the variables that a configuration takes values from."""
    return set(_named(config)[1])


def inert_text(config: DictConfig) -> str:
    """Return `inert` as YAML, the text of a config.yaml."""
    return OmegaConf.to_yaml(OmegaConf.create(inert(config)))


def is_reference(text: str) -> bool:
    r"""Whether OmegaConf would follow something in a text.

    >>> is_reference("a ${b}"), is_reference(r"a \${b}"), is_reference("a b")
    (True, False, False)
    """
    return any(len(match[1]) % 2 == 0 for match in _REFERENCE.finditer(text))


def restored(node: Any, key: str, trust: Sequence[str], in_object: bool = False) -> Any:
    """Return stored values in which the variables that are trusted, as `trust=env:NAME`, are references again.

    In the arguments of an object the others stay as they are: whether it is built is not known yet.

    Raises:
        StudyError: a variable is asked for elsewhere and is not trusted.
    """
    if isinstance(node, list):
        return [restored(value, f"{key}[{i}]", trust, in_object) for i, value in enumerate(node)]
    if not isinstance(node, dict):
        return node
    if KEY not in node:
        inside = in_object or "_target_" in node
        return {
            name: restored(value, f"{key}.{name}" if key else str(name), trust, inside)
            for name, value in node.items()
        }
    names = names_in(node, key)
    if not all(f"env:{name}" in trust for name in names):
        if in_object:
            return node
        refuse_variables(node, key)
    parts = [f"${{oc.env:{part}}}" if i % 2 else _escaped(part) for i, part in enumerate(node[KEY])]
    return f"${{oc.decode:{parts[1]}}}" if node.get("decoded") else "".join(parts)


def without_variables(node: Any) -> Any:
    """Return plain values without those that came from variables and were not restored."""
    if isinstance(node, list):
        return [without_variables(value) for value in node]
    if not isinstance(node, dict):
        return node
    return {
        name: without_variables(value)
        for name, value in node.items()
        if not (isinstance(value, dict) and KEY in value)
    }


def refuse_variables(node: dict[str, Any], key: str) -> None:
    """Raise StudyError, which says what a stored value asks of the environment and how to allow it."""
    asked = ",".join(f"env:{name}" for name in names_in(node, key))
    raise StudyError(
        f"{key} was given by environment variables of whoever trained the run, and yours were not read. If what is "
        f"built from it may know them: trust=[{asked}]"
    )


def names_in(node: dict[str, Any], key: str) -> list[str]:
    """Return the variables that a stored value names.

    Raises:
        StudyError: it is not of the form in which such values are stored.
    """
    parts = node[KEY]
    texts = isinstance(parts, list) and len(parts) % 2 and all(isinstance(part, str) for part in parts)
    if not texts or len(parts) < 3 or not all(re.fullmatch(r"\w+", name) for name in parts[1::2]):
        raise StudyError(f"{key}.{KEY} is not a list of texts and names in turn, as train.py writes it.")
    return parts[1::2]


def _named(config: DictConfig) -> tuple[Any, list[str]]:
    """The plain values of a configuration with a placeholder for each variable, and their names in this order."""
    names: list[str] = []
    token = _standing_in.set(names)
    try:
        return OmegaConf.to_container(config, resolve=True), names
    finally:
        _standing_in.reset(token)


def _inert(node: Any, resolved: Any, names: Sequence[str]) -> Any:
    if isinstance(node, dict):
        return {key: _inert(value, resolved[key], names) for key, value in node.items()}
    if isinstance(node, list):
        return [_inert(one, other, names) for one, other in zip(node, resolved, strict=True)]
    if not isinstance(node, str):
        return node
    parts = _PLACEHOLDER.split(node)
    if len(parts) == 1:
        return _escaped(node)
    parts[1::2] = [names[int(number)] for number in parts[1::2]]
    return {KEY: parts} | ({} if isinstance(resolved, str) else {"decoded": True})


def _escaped(text: str) -> str:
    return _REFERENCE.sub(r"\1\1\\${", text)
