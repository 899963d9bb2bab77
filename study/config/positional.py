"""A word on the command line that needs no key."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What Hydra's grammar reads as an override or a flag: `key=…`, `+key=…`, `~key`, `-m`.
_OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@:-]*=|~|-")


def named(key: str, arguments: Sequence[str]) -> list[str]:
    """The arguments, with `key` put before the words that are paths and not overrides.

    >>> named("sweep", ["runs/sweeps/wine-0a1b2c3d", "x=depth"])
    ["sweep='runs/sweeps/wine-0a1b2c3d'", 'x=depth']
    """
    return [word if _OVERRIDE.match(word) else f"{key}={_quoted(word)}" for word in arguments]


def _quoted(text: str) -> str:
    """Text as Hydra's grammar takes it literally, whatever is in it."""
    # Backslashes escape only before a quote or at the end; `${` would be a reference.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return "'" + escaped.replace("${", "\\${") + "'"
