"""Where a run lives on disk: the names of its files, and how a folder is claimed without taking another's."""

from __future__ import annotations

import errno
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from study.errors import StudyError
from study.run.atomic import umask

JOB = "job"  # the manifest's `kind` of a run that is part of a sweep
GIVE_A_RUN = "Give a run folder that train.py named when it ended."


@dataclass(frozen=True)
class RunFolder:
    """The layout of a run folder. Main model and controls each keep their own files in `learner(name)`."""

    path: Path

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

    def control(self, name: str) -> Path:
        return self.path / "controls" / name


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


def open_run(path: Path, option: str) -> RunFolder:
    """The run folder at `path`, which the user named by `option` (`resume` or `run`).

    Raises:
        StudyError: there is no such folder, or it is not a run folder of this project.
    """
    if not path.is_dir():
        raise StudyError(f"{option}={path} is not a folder. {GIVE_A_RUN}")
    folder = RunFolder(path)
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
    return folder
