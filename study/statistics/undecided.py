"""The answer where the numbers allow none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# Scores that are equal on paper differ by rounding; a spread below this part of their size is none.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Undecided:
    """What every function of this package returns in place of a result that the numbers do not allow.

    It is no error: a study goes on, and its report prints the reason where the result would be.

    Attributes:
        reason: a clause in plain words, such as "one fold has no spread to judge a difference by".
    """

    reason: str

    def __str__(self) -> str:
        return f"Cannot be concluded: {self.reason}."


def unusable(values: Sequence[float], needed: int, unit: str) -> Undecided | None:
    """Undecided if there are fewer than `needed` values or one of them is not finite, else None.

    Args:
        values: the numbers that a result is to be computed from.
        needed: how many it takes.
        unit: what one of them is, in the singular, such as "fold".
    """
    if len(values) < needed:
        return Undecided(f"it takes at least {needed} {unit}s, and there {_are(len(values))}")
    missing = int((~np.isfinite(np.asarray(values, dtype=np.float64))).sum())
    if missing:
        return Undecided(f"{missing} of {len(values)} {unit}s have no finite score")
    return None


def constant(values: Sequence[float], scale: float = 0.0) -> bool:
    """Whether finite values are all equal but for rounding; `scale` is the size of what they were computed from."""
    numbers = np.asarray(values, dtype=np.float64)
    return bool(np.ptp(numbers) <= ROUNDING * max(scale, float(np.abs(numbers).max())))


def _are(count: int) -> str:
    return {0: "are none", 1: "is one"}.get(count, f"are {count}")
