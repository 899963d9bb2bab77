"""Paths as they are told."""

from __future__ import annotations

from pathlib import Path


def place(path: Path) -> str:
    """The path as somebody in the working directory would type it: relative to it where it lies inside.

    >>> place(Path.cwd() / "runs" / "first").replace(chr(92), "/")
    'runs/first'
    """
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)
