"""A figure of a report."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Picture:
    """A figure in the report's folder figures/: what it shows in words, and its width in inches."""

    path: Path
    alt: str
    width: float


def remove_others(figures: Path, pictures: Iterable[Picture]) -> None:
    """Remove figures of an earlier report, which would be taken for this one's."""
    ours = {picture.path.name for picture in pictures}
    for path in figures.glob("*.png"):
        if path.name not in ours and not path.name.startswith("."):
            path.unlink(missing_ok=True)
