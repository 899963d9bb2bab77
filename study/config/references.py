"""Which parts of a configuration another part refers to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any


def references(raw: Mapping[str, Any], key: str) -> set[str]:
    """The top-level keys that a node refers to by `${…}`, directly or through others.

    >>> sorted(references({"model": {"a": "${circuit}"}, "circuit": {"b": "${depth}"}, "depth": 2}, "model"))
    ['circuit', 'depth']
    """
    found: set[str] = set()
    waiting = [key]
    while waiting:
        for name in _named(raw.get(waiting.pop())):
            if name in raw and name not in found:
                found.add(name)
                waiting.append(name)
    return found


def _named(node: Any) -> set[str]:
    if isinstance(node, Mapping):
        return set().union(*(_named(value) for value in node.values()))
    if isinstance(node, list):
        return set().union(*(_named(value) for value in node))
    return set(re.findall(r"\$\{\s*(\w+)", node)) if isinstance(node, str) else set()
