"""Where a run lives on disk: the names of its files, and how a folder is claimed without taking another's."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from omegaconf import DictConfig, OmegaConf

from study.errors import StudyError
from study.run.atomic import umask
from study.run.place import inside
from study.run.seal import Seal, read_key

JOB = "job"  # the manifest's `kind` of a run that is part of a sweep
GIVE_A_RUN = "Give a run folder that train.py named when it ended."


@dataclass(frozen=True)
class RunFolder:
    """The layout of a run folder, and how whoever opens it does so.

    Attributes:
        path: the folder. Main model and controls each keep their own files in it.
        trust: what of the folder is trusted beside the components of this version; see `study.config.stored`.
        key: with which its seal is written and checked, if there is one.
    """

    path: Path
    trust: tuple[str, ...] = ()
    key: bytes | None = field(default=None, repr=False)

    @property
    def sealed(self) -> tuple[str, ...]:
        """The names of the files that every seal has."""
        return self.config.name, self.contract.name, self.split.name, self.manifest.name

    @property
    def seal(self) -> Seal:
        return Seal(self.path, self.key)

    @property
    def config(self) -> Path:
        return self.path / "config.yaml"

    @property
    def manifest(self) -> Path:
        return self.path / "manifest.json"

    @property
    def contract(self) -> Path:
        return self.path / "contract.json"

    @property
    def split(self) -> Path:
        return self.path / "split.parquet"

    @property
    def results(self) -> Path:
        return self.path / "results.json"

    @property
    def predictions(self) -> Path:
        return self.path / "predictions.parquet"

    @property
    def circuit_text(self) -> Path:
        return self.path / "circuit.txt"

    @property
    def circuit_picture(self) -> Path:
        return self.path / "circuit.png"

    @property
    def metrics(self) -> Path:
        return self.path / "metrics.csv"

    @property
    def figures(self) -> Path:
        return self.path / "figures"

    def models(self, place: Path) -> list[str]:
        """The files of fitted models in a place of the folder, by their names in the seal."""
        return sorted(file.relative_to(self.path).as_posix() for file in place.glob("model.*"))

    def control(self, name: str) -> Path:
        """Where the files of a control are."""
        return inside(self.path / "controls", name)


def claim(output_dir: Path, name: str, fill: Callable[[Path, str], None]) -> RunFolder:
    """Make a folder `name` in `output_dir` (or `name-2`, `name-3` …) that already holds what `fill` writes.

    `fill(folder, name)` is told the name that the folder will have, and is called again if another process took it.
    It writes into a hidden folder, and a rename claims the name: a rename never lands on a folder with something in
    it, so two processes cannot take the same one and nobody sees half a run.

    Raises:
        StudyError: `output_dir` cannot be made or written to.
    """
    try:
        output_dir.mkdir(parents=True, exist_ok=True)
        staging = Path(tempfile.mkdtemp(dir=output_dir, prefix=f".{name}-"))
    except OSError as error:
        raise StudyError(
            f"output_dir={output_dir} cannot be used for run folders ({error.strerror}). "
            "Name a folder you may write to."
        ) from error
    try:
        staging.chmod(0o777 & ~umask())
        for number in itertools.count(1):
            target = output_dir / (name if number == 1 else f"{name}-{number}")
            if target.exists():
                continue
            fill(staging, target.name)
            if _moved(staging, target):
                return RunFolder(target)
        raise AssertionError("there is always another number")
    finally:
        shutil.rmtree(staging, ignore_errors=True)  # gone already when it was renamed


def _moved(source: Path, target: Path) -> bool:
    """Rename `source` to `target`; False if another process took the name first."""
    try:
        os.rename(source, target)
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTEMPTY, errno.ENOTDIR, errno.EACCES) and target.exists():
            return False
        raise
    return True


def open_run(path: Path, option: str, config: DictConfig | None = None) -> RunFolder:
    """The run folder at `path`, which the user named by `option` (`resume` or `run`).

    Args:
        path: of the folder.
        option: for messages.
        config: the reader's, whose `trust` and `seal.key` the folder is opened with, if it has them.

    Raises:
        StudyError: there is no such folder, or it is not a run folder of this project.
    """
    if not path.is_dir():
        raise StudyError(f"{option}={path} is not a folder. {GIVE_A_RUN}")
    given = config or OmegaConf.create({})
    trust, key = OmegaConf.select(given, "trust", default=()), OmegaConf.select(given, "seal.key")
    folder = RunFolder(path, tuple(trust), read_key(key))
    needed = (folder.config, folder.manifest, folder.contract, folder.split)
    missing = [file.name for file in needed if not file.exists()]
    if missing:
        raise StudyError(
            f"{option}={path} is not a run folder: {', '.join(missing)} not found in it. {GIVE_A_RUN}"
        )
    from study.run.manifest import read_manifest  # which needs RunFolder

    if read_manifest(folder).get("kind") == JOB:
        raise StudyError(
            f"{option}={path} is a job of a sweep, which has not seen the test part. A sweep goes on when it is "
            "started again; for one run with results, give its settings to train.py without -m."
        )
    _check_links(path, option)
    return folder


def _check_links(path: Path, option: str) -> None:
    """Refuse links that lead out of the folder, along which resuming would write and remove files."""
    home = path.resolve()
    for inner in path.rglob("*"):
        if inner.is_symlink() and not inner.resolve().is_relative_to(home):
            raise StudyError(
                f"{option}={path}: {inner.relative_to(path)} is a link to {inner.resolve()}, outside of the run, "
                "and train.py makes none. Remove it, or put the file itself there."
            )
