"""A configuration from a run folder: somebody else's text, checked before anything in it is used."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from omegaconf import DictConfig, OmegaConf

from study.config.components import brought, check_name, known
from study.config.names import plain
from study.config.targets import mappings, refuse_from_runs, target_nodes
from study.config.variables import KEY, is_reference, names_of, refuse_variables, restored
from study.errors import StudyError

# Where a stored configuration, once it is opened, says so; no configuration that is composed has this key.
OPENED = "stored"
_PATH = re.compile(r"[/\\]|\.\.|^\w+:")


def opened(values: Any, folder: Path, trust: Sequence[str], recorded: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a stored configuration, with what is trusted of the environment.

    Args:
        values: of the file, references left as text.
        folder: of the run.
        trust: what its reader trusts: packages, names of functions, addresses, variables as env:NAME.
        recorded: the names that the run's manifest says its author brought.

    Raises:
        StudyError: naming the key, what is there, and how to allow it where it can be.
    """
    if not isinstance(values, dict):
        raise StudyError(f"config.yaml in {folder} holds no configuration. Start a new run.")
    for key, text in _texts(values):
        if is_reference(text):
            raise StudyError(
                f"{key}={text!r} in config.yaml of {folder} is a reference, and a run folder holds none: train.py "
                "writes values. Somebody put it there, to read what is on this machine. It was not followed."
            )
    for key, node in target_nodes(values):
        check_name(node["_target_"], key, trust, recorded)
        if known(node["_target_"], key) is None:
            refuse_from_runs(folder.parent, node["_target_"], key)
    found = restored({key: value for key, value in values.items() if key != OPENED}, "", trust)
    return {**found, OPENED: {"trust": list(trust), "folder": str(folder)}}


def own_trust(config: DictConfig, folder: Path) -> tuple[str, ...]:
    """Return what a composed configuration has to be trusted with when it is read again from the folder of its run."""
    values = plain(config)
    resolved = OmegaConf.to_container(config, resolve=True)
    addresses = {text for _, text in _texts(resolved) if "://" in text and not _is_beside(text, folder)}
    return (*sorted(brought(values)), *sorted(f"env:{name}" for name in names_of(config)), *sorted(addresses))


def check_addresses(node: Any, key: str, folder: Path, trust: Sequence[str]) -> None:
    """Refuse to follow an address that a run folder names, unless its reader named it.

    What lies beside the run, such as the store of its trackers, is its own.

    Args:
        node: plain values from which something is about to be built.
        key: where they stand.
        folder: of the run.
        trust: what its reader trusts.

    Raises:
        StudyError: naming the address and how to allow it.
    """
    for at, value in mappings(node, key):
        if KEY in value:
            refuse_variables(value, at)
    for name, text in _texts(node, key):
        of_tracker = name.startswith("logger.")
        # A tracker's URI without any slash is the name of a service.
        is_service = of_tracker and name.endswith("uri") and "/" not in text
        is_address = is_service or "://" in text or (of_tracker and _PATH.search(text) is not None)
        if not is_address or (of_tracker and not is_service and _is_beside(text, folder)):
            continue
        if not any(text == one or text.startswith(f"{one.rstrip('/')}/") for one in trust):
            without = " To go on without trackers: logger=none" if of_tracker else ""
            raise StudyError(
                f"{name}={text} is an address that the run folder names, and was not followed. If you know it: "
                f"'trust=[\"{text}\"]'.{without}"
            )


def _is_beside(text: str, folder: Path) -> bool:
    """Whether an address is a file or a folder in the folder that holds the run."""
    home, parts = folder.resolve().parent, urlsplit(text)
    if parts.netloc or parts.scheme not in ("", "file", "sqlite"):
        return False
    # sqlite:///relative and sqlite:////absolute
    path = Path(parts.path[1:] if parts.scheme == "sqlite" else parts.path)
    return (path if parts.scheme else home / path).resolve().is_relative_to(home)


def _texts(node: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Every text in plain values with its dotted key."""
    if isinstance(node, dict):
        for name, value in node.items():
            yield from _texts(value, f"{key}.{name}" if key else str(name))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _texts(value, f"{key}[{number}]")
    elif isinstance(node, str):
        yield key, node
