"""A seal on the files a run rests on: whoever resumes or predicts later learns that one is no longer what it was.

seal.json has the sha256 of each file, or of one that is about to be replaced, those before and after. Such a seal
finds accidents. Whoever changes a file on purpose can write it anew, unless it is written with a key, which no run
folder holds.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from study.errors import StudyError
from study.run.atomic import replacing, write_json
from study.run.place import inside
from study.run.stored import NEW_RUN, read_json, using

SEAL = "seal.json"
MAC = "hmac"
_SHORTEST_KEY = 16

Digests = dict[str, str | list[str]]


def file_digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_key(path: str | None) -> bytes | None:
    """Return the key in a file, the option `seal.key`; None where no file is named.

    Raises:
        StudyError: the file cannot be read, or is too short to be a secret.
    """
    if path is None:
        return None
    try:
        key = Path(path).expanduser().read_bytes().strip()
    except OSError as error:
        raise StudyError(
            f"seal.key={path} cannot be read ({error.strerror}). Name a file that holds the key."
        ) from error
    if len(key) < _SHORTEST_KEY:
        raise StudyError(
            f"seal.key={path} holds {len(key)} bytes, which can be guessed: {_SHORTEST_KEY} is the least. "
            f"Write a new one: python -c 'import secrets; print(secrets.token_hex(32))' > {path}"
        )
    return key


@dataclass(frozen=True)
class Seal:
    """The seal of a folder, and the key with which it is written and checked, if there is one."""

    folder: Path
    key: bytes | None = field(default=None, repr=False)

    @property
    def exists(self) -> bool:
        return (self.folder / SEAL).exists()

    def add(self, *names: str, without: Iterable[str] = ()) -> None:
        """Record files that are complete, and forget others that are about to be removed."""
        digests = self._read() if self.exists else {}
        digests.update({name: file_digest(self.folder / name) for name in names})
        self._write({name: digest for name, digest in digests.items() if name not in set(without)})

    @contextlib.contextmanager
    def replacing(self, path: Path) -> Iterator[Path]:
        """As `atomic.replacing`, for a file that is sealed: it is never what the seal does not know.

        Without a seal the file is written and nothing else: the first files of a run are sealed together.
        """
        name, is_new = path.relative_to(self.folder).as_posix(), not path.exists()
        with replacing(path) as temporary:
            yield temporary
            if self.exists and not is_new:
                self._write(self._read() | {name: [file_digest(path), file_digest(temporary)]})
        if self.exists and is_new:
            self.add(name)

    def covers(self, path: Path) -> bool:
        """Whether the file is one that was sealed."""
        return path.relative_to(self.folder).as_posix() in self._read()

    def check(self, needed: Sequence[str]) -> None:
        """Compare every sealed file with its recorded digest.

        Args:
            needed: files that must be sealed.

        Raises:
            StudyError: a sealed file is missing or is not what it was, or the seal itself cannot be read, lacks a
                file, or was written by somebody without the key.
        """
        digests = self._read()
        for name in needed:
            if name not in digests:
                raise StudyError(
                    f"The seal of {self.folder} ({SEAL}) does not cover {name}, so it is incomplete: it was changed, "
                    "or written by an older version. Start a new run."
                )
        for name, known in digests.items():
            with using(self.folder / SEAL):
                path = inside(self.folder, name)
            if not path.is_file():
                raise StudyError(
                    f"{name} is missing from {self.folder}, where the run had written it ({SEAL}). Start a new run."
                )
            if file_digest(path) not in ([known] if isinstance(known, str) else known):
                raise StudyError(
                    f"{name} in {self.folder} was changed since the run began, or {SEAL} was, so the folder no longer "
                    "describes one run. Put the original file back, or start a new run with the changed settings."
                )

    def _read(self) -> Digests:
        """The recorded digests, which were written with the key if there is one.

        Raises:
            StudyError: they cannot be read, or there is a key and they were written without it.
        """
        try:
            digests: Digests = read_json(self.folder / SEAL, Digests)
            mac = digests.pop(MAC, None)
            if not digests:
                raise StudyError("It records no files.")
        except StudyError as error:
            raise StudyError(
                f"The seal of {self.folder} cannot be read ({SEAL}), so nothing says that its files are "
                f"those of the run. {NEW_RUN}"
            ) from error
        if self.key is not None and not hmac.compare_digest(str(mac).encode(), self._mac(digests).encode()):
            raise StudyError(
                f"The seal of {self.folder} was not written with the key of seal.key: somebody without it has changed "
                f"{SEAL}, or the run was trained without seal.key or with another one."
            )
        return digests

    def _write(self, digests: Digests) -> None:
        ordered = dict(sorted(digests.items()))
        if self.key is not None:
            write_json(self.folder / SEAL, {**ordered, MAC: self._mac(ordered)})
            return
        if self.exists and MAC in read_json(self.folder / SEAL, Digests):
            raise StudyError(f"The run in {self.folder} was sealed with a key. Give it: seal.key=FILE")
        write_json(self.folder / SEAL, ordered)

    def _mac(self, digests: Digests) -> str:
        assert self.key is not None
        return hmac.new(self.key, json.dumps(digests, sort_keys=True).encode(), "sha256").hexdigest()
