"""A seal on the files a run rests on: whoever resumes or predicts later learns that one was edited."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

from pydantic import Field

from study.errors import StudyError
from study.run.atomic import write_json
from study.run.stored import read_json

SEAL = "seal.json"


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_seal(folder: Path, names: Iterable[str]) -> None:
    """Record the sha256 of each named file of `folder`, beside those already recorded."""
    seal = folder / SEAL
    digests = read_json(seal, dict[str, str]) if seal.exists() else {}
    digests.update({name: file_digest(folder / name) for name in names})
    write_json(seal, dict(sorted(digests.items())))


def unseal(folder: Path, files: Iterable[Path]) -> None:
    """Take files out of the seal that are about to be written again.

    Otherwise a process that is killed after it wrote one and before it sealed it would leave a file that differs from
    its seal, and nobody could resume the run.
    """
    if (folder / SEAL).exists():
        digests = read_json(folder / SEAL, dict[str, str])
        names = {file.relative_to(folder).as_posix() for file in files} & digests.keys()
        if names:
            write_json(folder / SEAL, {name: digests[name] for name in digests if name not in names})


def check_seal(folder: Path) -> None:
    """Compare every sealed file with its recorded digest.

    Raises:
        StudyError: a sealed file is missing or is not what it was, or the seal itself cannot be read.
    """
    try:
        digests = read_json(folder / SEAL, Annotated[dict[str, str], Field(min_length=1)])
    except StudyError as error:
        raise StudyError(
            f"The seal of {folder} cannot be read ({SEAL}), so nothing says that its files are those of the run. "
            "Put the original file back, or start a new run."
        ) from error
    for name, digest in digests.items():
        path = folder / name
        if not path.is_file():
            raise StudyError(
                f"{name} is missing from {folder}, where the run had written it. Start a new run."
            )
        if file_digest(path) != digest:
            raise StudyError(
                f"{name} in {folder} was changed since the run began, so the folder no longer describes "
                "one run. Put the original file back, or start a new run with the changed settings."
            )
