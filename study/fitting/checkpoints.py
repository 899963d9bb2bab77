"""The checkpoints of one fit on disk: the last two epochs and the best one, readable or not there at all."""

from __future__ import annotations

import io
import logging
import re
import zipfile
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from pydantic import with_config
from typing_extensions import TypedDict  # pydantic takes typing's from Python 3.12 on

from study.errors import StudyError
from study.run.atomic import replacing
from study.run.stored import checked, using

if TYPE_CHECKING:
    from study.run.seal import Seal

Replacing = Callable[[Path], AbstractContextManager[Path]]
FOLDER = "checkpoints"
BEST = "best.ckpt"
FORMAT = 1

_NAME = re.compile(r"epoch-(\d+)\.ckpt")
_log = logging.getLogger(__name__)


@with_config(arbitrary_types_allowed=True)
class State(TypedDict):
    """What the checkpoint of an epoch holds."""

    epoch: int
    seed: int
    seconds: float
    executed: list[dict[str, Any]]
    initial_gradient_norm: float | None
    model: dict[str, torch.Tensor]
    best_model: dict[str, torch.Tensor]
    best_epoch: int
    best_loss: float
    optimizer: dict[str, Any]
    schedulers: list[dict[str, Any]]


class Checkpoints:
    """Writes and finds checkpoints: tensors and plain values, loaded with `torch.load(weights_only=True)`.

    `epoch-0007.ckpt` holds the state after epoch 7 (counting from 0) and everything needed to go on from there, the
    best weights so far included; `best.ckpt` holds the best weights alone. A file appears under its name only when
    all of it is on the disk.

    Args:
        folder: the fit's folder; the files are in `checkpoints/` below it.
        seal: of the run; the newest epoch is then the newest that was sealed, which a crash comes before.
    """

    def __init__(self, folder: Path, seal: Seal | None = None) -> None:
        self.folder = folder / FOLDER
        self._seal = seal

    def save(self, state: State) -> Path:
        """Write the state after its epoch and drop all epochs but this one and the one before."""
        epoch = state["epoch"]
        self.folder.mkdir(exist_ok=True)
        path = self.folder / f"epoch-{epoch:04d}.ckpt"
        write_state(path, {**state})
        # Later ones are those that a resume could not read.
        old = [file for other, file in self._epochs() if other not in (epoch, epoch - 1)]
        if self._seal is not None:
            new, *gone = (file.relative_to(self._seal.folder).as_posix() for file in (path, *old))
            self._seal.add(new, without=gone)
        for file in old:
            file.unlink()
        return path

    def save_best(self, epoch: int, model: dict[str, Any]) -> Path:
        """Write the weights of the best epoch so far."""
        self.folder.mkdir(exist_ok=True)
        path = self.folder / BEST
        write_state(
            path, {"epoch": epoch, "model": model}, replacing if self._seal is None else self._seal.replacing
        )
        return path

    def exist(self) -> bool:
        """Whether any epoch was ever finished here, readable or not."""
        return bool(self._epochs())

    def newest(self) -> State | None:
        """The state after the newest epoch that can be read; None if there is no checkpoint.

        Falling back from an unreadable one is reported in one line.

        Raises:
            StudyError: if there are checkpoints and none can be read.
        """
        epochs = [one for one in self._epochs() if self._seal is None or self._seal.covers(one[1])]
        unreadable: list[str] = []
        for _, path in reversed(epochs):
            try:
                state: State = read_state(path, State)
            except StudyError:
                unreadable.append(path.name)
                continue
            if unreadable:
                _log.warning(
                    "%s cannot be read (truncated or damaged): going on from %s instead.",
                    " and ".join(unreadable),
                    path,
                )
            return state
        if epochs:
            raise StudyError(
                f"None of the {len(epochs)} checkpoints in {self.folder} can be read, so there is nothing to go on "
                "from. Train again in a new folder."
            )
        return None

    def _epochs(self) -> list[tuple[int, Path]]:
        found = [(_NAME.fullmatch(path.name), path) for path in self.folder.glob("epoch-*.ckpt")]
        return sorted((int(match[1]), path) for match, path in found if match)


def plain_state(state: dict[str, Any]) -> dict[str, Any]:
    """A module's state dict as an ordinary dictionary of tensors of its own, on the CPU."""
    return {name: value.detach().cpu().clone() for name, value in state.items()}


def write_state(path: Path, state: dict[str, Any], replace: Replacing = replacing) -> None:
    """Write tensors and plain values, atomically."""
    buffer = io.BytesIO()  # torch's own writer does not say that a disk is full
    torch.save({**state, "format": FORMAT}, buffer)
    with replace(path) as temporary:
        temporary.write_bytes(buffer.getvalue())


def read_state(path: Path, kind: Any = dict[str, Any]) -> Any:
    """Return what a file of `write_state` holds.

    Args:
        path: of the file.
        kind: the type of its content, as in `read_json`.

    Raises:
        StudyError: it is missing or damaged, or holds something else.
    """
    adapter = checked(kind)
    with using(path):
        with zipfile.ZipFile(path) as archive:  # torch does not compare the checksums of what it loads
            if (broken := archive.testzip()) is not None:
                raise ValueError(f"the checksum of {broken} is wrong")
        state = torch.load(path, map_location="cpu", weights_only=True)
        if state["format"] != FORMAT:
            raise ValueError(f"its format is {state['format']}, and this version reads {FORMAT}")
        return adapter.validate_python(state)
