"""Checks of the numbers that datasets take as options."""

from __future__ import annotations

import math

from study.errors import StudyError

LARGEST_SEED = 2**32 - 1
"""NumPy's legacy generator takes no larger one."""


def check_whole(option: str, value: object, least: int, most: int | None = None) -> None:
    """Raises StudyError unless the value is a whole number from `least` to `most` (None: no limit)."""
    whole = isinstance(value, int) and not isinstance(value, bool)
    if not whole or value < least or (most is not None and value > most):  # type: ignore[operator]
        allowed = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise StudyError(f"data.{option}={value!r} is not a whole number {allowed}.")


def check_number(option: str, value: object, least: float, below: float = math.inf) -> None:
    """Raises StudyError unless the value is a number, `least` or more, and less than `below`."""
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not number or not least <= value < below:  # type: ignore[operator]
        allowed = f"of at least {least:g}" + (f" and below {below:g}" if below < math.inf else "")
        raise StudyError(f"data.{option}={value!r} is not a number {allowed}.")


def check_even(option: str, value: object, reason: str) -> None:
    """Raises StudyError unless the value is an even whole number, 2 or more; `reason` completes "because"."""
    check_whole(option, value, 2)
    if value % 2:  # type: ignore[operator]
        raise StudyError(f"data.{option}={value!r} is odd, and must be even, because {reason}.")
