"""Words on the command line that need no key."""

from __future__ import annotations

import re
from collections.abc import Sequence

# What Hydra's grammar reads as an override or a flag: `key=…`, `+key=…`, `~key`, `-m`.
_OVERRIDE = re.compile(r"[+~]{0,2}[A-Za-z_][\w./@:-]*=|~|-")


def named(key: str, several: str, arguments: Sequence[str]) -> list[str]:
    """The arguments, with the words that are paths and not overrides as values: one of `key`, more of `several`.

    >>> named("sweep", "studies", ["runs/sweeps/wine-0a1b2c3d", "x=depth"])
    ["sweep='runs/sweeps/wine-0a1b2c3d'", 'x=depth']
    >>> named("sweep", "studies", ["runs/studies/a", "runs/studies/b"])
    ["studies=['runs/studies/a','runs/studies/b']"]
    """
    paths = [_quoted(word) for word in arguments if not _OVERRIDE.match(word)]
    if len(paths) > 1:
        others = [word for word in arguments if _OVERRIDE.match(word)]
        return [f"{several}=[{','.join(paths)}]", *others]
    return [word if _OVERRIDE.match(word) else f"{key}={_quoted(word)}" for word in arguments]


def _quoted(text: str) -> str:
    """Text as Hydra's grammar takes it literally, whatever is in it."""
    # Backslashes escape only before a quote or at the end; `${` would be a reference.
    escaped = re.sub(r"(\\*)('|$)", lambda found: found[1] * 2 + ("\\'" if found[2] else ""), text)
    return "'" + escaped.replace("${", "\\${") + "'"
