"""Naming columns in a message."""

from __future__ import annotations

import difflib
from collections.abc import Sequence

LIKENESS = 0.65
"""Two letters swapped in a word of three are still near; 'nope' and 'income' are not."""


def listed(names: Sequence[str], limit: int = 30) -> str:
    """The names in quotes, cut after `limit` of them."""
    shown = ", ".join(repr(name) for name in names[:limit])
    return f"{shown} and {len(names) - limit} more" if len(names) > limit else shown or "none"


def nearest(name: str, names: Sequence[str]) -> str:
    """` (did you mean 'age'?)`, or nothing when no name is near."""
    folded = {candidate.strip().lower(): candidate for candidate in reversed(names)}
    close = difflib.get_close_matches(name.strip().lower(), folded, n=1, cutoff=LIKENESS)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""
