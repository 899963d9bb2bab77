"""Whether a configuration would send values that come from the data to somebody else's machine, and may.

A backend whose class says `outside = True` runs its circuits elsewhere. What it is sent are the angles that rows are
encoded in, from which a row can be told, so that a dataset's class decides: public, internal or sensitive.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from omegaconf import DictConfig, OmegaConf

from qlayers.backends import PaidBackend
from study import build
from study.config.targets import locate, target_nodes
from study.data.table import confidentiality_of
from study.errors import StudyError


def check_leaving(config: DictConfig) -> None:
    """Refuse a training configuration whose circuits would leave this machine with data that must not.

    Nothing but the dataset's object is built, which reads no data.

    Raises:
        StudyError: naming the backend, the data's class and the classes that are allowed.
    """
    # What no model refers to is not built: `backend` in a run of a baseline, for example.
    parts = {key: OmegaConf.to_container(config[key], resolve=True) for key in ("model", "controls")}
    found = outside(parts)
    if found:
        refuse_unless_allowed(found, confidentiality_of(build.dataset(config)), config.outside)


def outside(nodes: Mapping[str, Any], trust: Sequence[str] | None = None) -> list[str]:
    """The classes in a configuration of plain values that run circuits on other machines, by name.

    `trust` is what the reader of a stored configuration trusts; None for one that is composed.
    """
    found = set()
    for key, node in target_nodes(dict(nodes)):
        leaves = getattr(locate(node["_target_"], key), "outside", False)
        if isinstance(leaves, property):  # it depends on the settings
            leaves = build.from_node(node, key, trust).outside
        if leaves:
            found.add(str(node["_target_"]))
    return sorted(found)


def paid(config: DictConfig) -> list[str]:
    """The classes of paid backends that the model's circuits run on, by name."""
    nodes = target_nodes(OmegaConf.to_container(config.model, resolve=True))
    targets = {str(node["_target_"]): locate(node["_target_"], f"model.{key}") for key, node in nodes}
    return sorted(
        name for name, found in targets.items() if isinstance(found, type) and issubclass(found, PaidBackend)
    )


def only_planned(config: DictConfig) -> bool:
    """Whether circuits of the model or a control are only planned and priced, by `dry_run=true` of their backend."""
    parts = {key: OmegaConf.to_container(config[key], resolve=True) for key in ("model", "controls")}
    return any(node.get("dry_run") is True for _, node in target_nodes(parts))


def option_of(target: str) -> str:
    """What a backend's class is called on the command line; of a class that is no option of ours, its whole name."""
    module, _, _ = target.rpartition(".")
    package, _, name = module.rpartition(".")
    return name if package == "qlayers.backends" else target


def refuse_unless_allowed(backends: Sequence[str], confidentiality: str, allowed: Sequence[str]) -> None:
    """Raise StudyError unless data of this class may be given to backends outside this machine."""
    if confidentiality in allowed:
        return
    names = " and ".join(f"backend={option_of(target)}" for target in backends)
    raise StudyError(
        f"The circuits of {names} run outside this machine, and the data are {confidentiality} "
        f"(data.confidentiality={confidentiality}), while outside=[{','.join(allowed)}] names what may leave. Choose a "
        f"backend on this machine, declare the data's class if it is another one, or allow this one: "
        f"outside=[{','.join([*allowed, confidentiality])}]."
    )
