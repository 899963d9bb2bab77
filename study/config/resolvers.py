"""The interpolations that are not OmegaConf's own: `${twin:…}`, and `${oc.env:…}` with a memory."""

from __future__ import annotations

from typing import Any

from omegaconf import DictConfig, OmegaConf

from study.config.variables import variable


def twin(node: str, part: str, target: str, *, _root_: DictConfig, _parent_: DictConfig) -> DictConfig | None:
    """The node at key `node`, with its `part` replaced by an object of class `target`.

    An ablation is a difference in configuration, so a twin follows every override of the original. None where the
    original has no such part, or is of that class already.
    """
    original = OmegaConf.select(_root_, node)
    if original is None or OmegaConf.select(original, part) is None:
        return None
    if OmegaConf.select(original, f"{part}._target_") == target:
        return None
    *way, last = part.split(".")
    changed: Any = OmegaConf.to_container(original, resolve=False)
    inner = changed
    for key in way:
        # The nodes on the way are references (`circuit: ${circuit}`); the twin needs its own copies of them.
        original = original[key]
        inner[key] = OmegaConf.to_container(original, resolve=False)
        inner = inner[key]
    inner[last] = {"_target_": target}
    # With its parent, so that the references inside are followed from the root and not from the twin.
    return OmegaConf.create(changed, parent=_parent_)


def register_resolvers() -> None:
    """Make them known to OmegaConf; again and again is fine."""
    OmegaConf.register_resolver("twin", twin, replace=True)
    OmegaConf.register_resolver("oc.env", variable, replace=True)
