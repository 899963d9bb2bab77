"""Paths as they are told, and names of files that were read from files."""

from __future__ import annotations

from pathlib import Path

from study.errors import StudyError


def place(path: Path) -> str:
    """The path as somebody in the working directory would type it: relative to it where it lies inside.

    >>> place(Path.cwd() / "runs" / "first").replace(chr(92), "/")
    'runs/first'
    """
    absolute = path.absolute()
    here = Path.cwd()
    return str(absolute.relative_to(here) if absolute.is_relative_to(here) else path)


def inside(folder: Path, name: str) -> Path:
    """Return the path that a stored name means in a folder.

    Raises:
        StudyError: it leads out of the folder, as `../elsewhere` does, or a link there.
    """
    path = folder / name
    if not path.resolve().is_relative_to(folder.resolve()):
        raise StudyError(
            f"A file in {folder} names {name!r}, which leads out of the folder, and was not followed. Somebody has "
            "changed the file: put the original back."
        )
    return path
