"""Folders for results."""

from __future__ import annotations

from pathlib import Path

from study.errors import StudyError


def make_folder(folder: Path, key: str) -> None:
    """Make a folder, with those above it, if it is not there.

    Args:
        folder: to be written to.
        key: what the command line calls it, or the folder that it lies in, for the message.

    Raises:
        StudyError: it cannot be made.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StudyError(
            f"{folder} cannot be made ({error.strerror or error}). Name with {key}=… a folder you may write to."
        ) from error
