"""One thing that was asked of the candidate, and what was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["technical", "statistical", "operational"]

NOT_EXAMINED = "not examined"
"""What a gate measured in a void study."""


@dataclass(frozen=True)
class Gate:
    """A gate with its answer.

    Attributes:
        kind: what sort of question it is.
        name: the question, short.
        passed: None where it cannot be concluded.
        measured: with its unit.
        asked: with its unit.
        reason: a sentence.
    """

    kind: Kind
    name: str
    passed: bool | None
    measured: str
    asked: str
    reason: str
