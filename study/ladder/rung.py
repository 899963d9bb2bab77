"""One rung of the ladder: a backend, by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from omegaconf import DictConfig, OmegaConf

from qlayers.backends import Backend
from study import build
from study.errors import StudyError

NO_FALLBACK = "none"


@dataclass(frozen=True)
class Rung:
    """Where the run's circuits are taken.

    Attributes:
        name: in files, tables and on the command line, as in `~ladder.rungs.<name>`.
        label: for people.
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
        label = str(node.get("label") or name.replace("_", " "))
        backend = backend_at(node["backend"], f"ladder.rungs.{name}")
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


def refused(key: str, reason: object) -> StudyError:
    """The error of a rung that cannot be climbed."""
    return StudyError(f"{key} cannot be climbed: {str(reason).rstrip('.')}. To leave it out: '~{key}'")
