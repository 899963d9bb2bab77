"""One rung of the ladder: a backend, by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from qlayers.backends import Backend
from study import build
from study.errors import StudyError
from study.ladder.machine_label import machine_label

MACHINE = "{machine}"  # in a label: the own name of the backend's machine
NO_FALLBACK = "none"
_OPTION = re.compile(r"(?<![\w.])backend\.(?=[a-z_])")


@dataclass(frozen=True)
class Rung:
    """Where the run's circuits are taken.

    Attributes:
        name: in files, tables and on the command line, as in `~ladder.rungs.<name>`.
        label: for people, with the machine's own name.
        backend: which runs the circuits.
        settings: the backend's configuration, plain values.
        dry_run: whether it is planned and priced, and nothing is run.
        fallback: name of the run's classical model that answers if the device does not; None for no such policy.
    """

    name: str
    label: str
    backend: Backend
    settings: Mapping[str, Any]
    dry_run: bool
    fallback: str | None = None


def rungs_of(config: DictConfig) -> list[Rung]:
    """The rungs of a configuration of `evaluate.py`, the lowest first.

    Raises:
        StudyError: a rung's backend cannot be made; names the rung, and how to leave it out.
    """
    nodes: Any = OmegaConf.to_container(config.ladder.rungs, resolve=True)
    found = []
    for name, node in nodes.items():
        if node is None:
            continue
        dry_run = bool(node.get("dry_run", False)) if config.dry_run is None else bool(config.dry_run)
        backend = backend_at(node["backend"], f"ladder.rungs.{name}")
        label = label_of(node.get("label"), name, backend)
        fallback = node.get("fallback", NO_FALLBACK)
        found.append(
            Rung(
                name, label, backend, node["backend"], dry_run, None if fallback == NO_FALLBACK else fallback
            )
        )
    return found


def backend_at(node: dict[str, Any], key: str) -> Backend:
    """The backend that the node of a rung, or of the curve, describes.

    Raises:
        StudyError: it cannot be made.
    """
    try:
        built = build.from_node(node, f"{key}.backend")
    except StudyError as error:
        raise refused(key, error) from error
    if not isinstance(built, Backend):
        raise refused(key, f"{node['_target_']} is no backend")
    return built


def label_of(wanted: str | None, name: str, backend: Backend) -> str:
    """A rung's label, in which `{machine}` is the own name of the backend's machine.

    Args:
        wanted: in the configuration; None for that of the machine, or, of a backend that has none, the rung's name.
        name: of the rung.
        backend: whose `machine` or `computer` it is.
    """
    named = getattr(backend, "computer", None) or getattr(backend, "machine", None)
    machine = name.replace("_", " ") if named is None else machine_label(str(named))
    return (wanted or MACHINE).replace(MACHINE, machine)


def refused(key: str, reason: object) -> StudyError:
    """The error of a rung that cannot be climbed."""
    text = in_full(key, str(reason)).rstrip(".")
    return StudyError(f"{key} cannot be climbed: {text}. To leave it out: '~{key}'")


def in_full(key: str, text: str) -> str:
    """A backend's message with its options as they are written on the command line of a ladder.

    >>> in_full("ladder.rungs.sv1", "Set backend.region, or ladder.rungs.sv1.backend.shots.")
    'Set ladder.rungs.sv1.backend.region, or ladder.rungs.sv1.backend.shots.'
    """
    return _OPTION.sub(f"{key}.backend.", text)
