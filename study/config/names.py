"""Whether every option and key on the command line exists."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, get_origin

from hydra.core.override_parser.types import Override
from omegaconf import DictConfig, ListConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from study.config.composition import Composer, written
from study.config.nearest import nearest
from study.config.schema import OpenSection, Section, annotation, is_required
from study.errors import StudyError


def is_choice(override: Override, composer: Composer) -> bool:
    """Whether the override chooses an option of a group, as in `encoding=iqp` or `~logger`."""
    return not override.is_value_path and override.key_or_group in composer.groups


def check_choice(override: Override, composer: Composer, schema: type[Section]) -> None:
    """Raise StudyError unless the options that the override chooses exist."""
    group, value = override.key_or_group, override.value()
    if override.is_delete():
        _refuse_removal(group, schema)
        return
    adds = override.is_add() or override.is_force_add()
    if adds and override.package is None and group in schema.model_fields:
        raise StudyError(
            f"{group} always has an option: write {written(override).lstrip('+')} without the +."
        )
    options = composer.options(group)
    for option in value if isinstance(value, list) else [value]:
        name = "null" if option is None else str(option).removesuffix(".yaml")
        if name not in options:
            near = nearest(name, options)
            hint = f" Nearest: {', '.join(near)}." if near else ""
            raise StudyError(
                f"{group}={name} is not an option.{hint} Options of {group}: {', '.join(options)}."
            )


def check_key(override: Override, base: DictConfig, schema: type[Section], groups: Sequence[str]) -> None:
    """Raise StudyError unless the override's key is in `base`, or may be added there with `+`.

    Args:
        override: one that chooses no option.
        base: the configuration of the chosen options, nothing else overridden.
        schema: says which parts take further keys, and which cannot be removed.
        groups: to be suggested as well.
    """
    key = override.key_or_group
    adds = override.is_add() or override.is_force_add()
    if exists(base, key):
        if override.is_delete():
            _refuse_removal(key, schema)
        if override.is_add() and not isinstance(override.value(), dict | list):
            raise StudyError(f"{key} is a key already: write {written(override).lstrip('+')} without the +.")
        return
    home, names = _home(base, key)
    if adds and _takes_more(home, names, schema):
        return
    known = [*dotted_keys(plain(base)), *groups]
    first, _, rest = key.removeprefix(f"{home}.").partition(".")
    # Of ladder.rungs.garnett.dry_run it is the rung that does not exist, and a key of it cannot be added alone.
    near = nearest(first, names) if rest else []
    meant = [f"{home}.{name}.{rest}" if home else f"{name}.{rest}" for name in near]
    meant = [name for name in meant if exists(base, name)]
    if meant:
        raise StudyError(f"{key} is not a key. Nearest: {', '.join(meant)}. {_keys_of(home, names)}")
    hint = ""
    if _takes_more(home, names, schema) and not rest and not override.is_delete():
        hint = f" If the class behind {home} takes it, add it with +{written(override)}."
    raise StudyError(f"{key} is not a key. {suggestion(key, known, home, names)}{hint}")


def suggestion(key: str, known: Iterable[str], home: str = "", names: Sequence[str] = ()) -> str:
    """What may have been meant by `key`: the nearest of the known keys, and all keys of its home if that has any.

    Args:
        key: a dotted key that does not exist.
        known: dotted keys that do.
        home: the node that it would belong to, '' for the whole configuration.
        names: the keys of that node.
    """
    candidates = [name for name in known if not name.rpartition(".")[2].startswith("_")]
    # Far from home, only what is all but the same word can be meant.
    at_home = [name for name in candidates if name.rpartition(".")[0] == home]
    near = list(
        dict.fromkeys([*nearest(key.rpartition(".")[2], at_home), *nearest(key, candidates, least=0.75)])
    )
    words = [f"Nearest: {', '.join(near[:3])}."] if near else []
    if home or not near:
        words.append(_keys_of(home, names))
    return " ".join(words)


def _keys_of(home: str, names: Sequence[str]) -> str:
    listed = ", ".join(sorted(name for name in names if not name.startswith("_"))) or "none"
    return f"Keys of {home}: {listed}." if home else f"Keys: {listed}."


def _refuse_removal(key: str, schema: type[Section]) -> None:
    if is_required(schema, key):
        raise StudyError(f"~{key}: {key} cannot be removed. Give it another value, or leave the ~{key} out.")


def exists(config: DictConfig, key: str) -> bool:
    """Whether the configuration has this dotted key, even if its value is null, missing or a reference."""
    parent_key, _, last = key.rpartition(".")
    try:
        parent = OmegaConf.select(config, parent_key) if parent_key else config
    except OmegaConfBaseException:
        return False
    if isinstance(parent, ListConfig):
        return last.isdecimal() and int(last) < len(parent)
    return isinstance(parent, DictConfig) and last in [str(name) for name in parent]


def plain(config: DictConfig) -> dict[str, Any]:
    """Our part of a configuration as plain values, references left as text."""
    raw: Any = OmegaConf.to_container(config, resolve=False)
    return {key: value for key, value in raw.items() if key != "hydra"}


def dotted_keys(node: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    """Every key of a nested mapping, as it is written on the command line."""
    for name, value in node.items():
        key = f"{prefix}{name}"
        yield key
        if isinstance(value, Mapping):
            yield from dotted_keys(value, f"{key}.")


def _home(config: DictConfig, key: str) -> tuple[str, list[str]]:
    """The nearest node above `key` that exists, by its dotted name, and its keys; '' is the whole configuration."""
    home = key.rpartition(".")[0]
    while home and not exists(config, home):
        home = home.rpartition(".")[0]
    node = OmegaConf.select(config, home, throw_on_resolution_failure=False) if home else config
    names = [str(name) for name in node if name != "hydra"] if isinstance(node, DictConfig) else []
    return home, names


def _takes_more(home: str, names: Sequence[str], schema: type[Section]) -> bool:
    """Whether keys may be added to a part: to whatever is built from a class, and to the open parts."""
    kind = annotation(schema, home)
    is_open = get_origin(kind) is dict or (isinstance(kind, type) and issubclass(kind, OpenSection))
    return is_open or "_target_" in names
