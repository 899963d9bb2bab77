"""The record of a fit on disk: one row an epoch in metrics.csv, one row a step in steps.csv."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import IO

from study.errors import StudyError
from study.run.atomic import replacing
from study.run.stored import using

METRICS_FILE = "metrics.csv"
STEPS_FILE = "steps.csv"


class History:
    """Writes both files of a folder as training goes on.

    `metrics.csv` describes the weights that were reached: on resume it is cut back to the epochs that count.
    `steps.csv` is the log of executed steps: it is only ever appended to, so a step that ran twice, because a resumed
    run had lost its epoch, stands there twice.
    Epochs and steps count from 0; a step is the batch's position in its epoch. Numbers are written in full.

    Args:
        folder: an existing folder.
        resume_at: the first epoch to come; 0 starts new files.
        keep_steps: keep the rows of steps.csv although it starts at epoch 0.
    """

    def __init__(self, folder: Path, resume_at: int = 0, keep_steps: bool = False) -> None:
        self._metrics_path = folder / METRICS_FILE
        self._columns = _cut_back(self._metrics_path, resume_at)
        appending = resume_at > 0 or keep_steps
        self._steps: IO[str] = (folder / STEPS_FILE).open("a" if appending else "w", newline="")
        if self._steps.tell() == 0:
            self._write_step(("epoch", "step", "loss"))

    def step(self, epoch: int, step: int, loss: float) -> None:
        """Append one executed step."""
        self._write_step((epoch, step, repr(loss)))

    def epoch(self, epoch: int, values: Mapping[str, float]) -> None:
        """Append one finished epoch; the names must be the same every time.

        Raises:
            StudyError: if they are not.
        """
        columns = ["epoch", *values]
        new = self._columns is None
        if not new and columns != self._columns:
            raise StudyError(
                f"{self._metrics_path} has the columns {self._columns}, and the epoch brings {columns}. Put the "
                "original file back, or start a new run."
            )
        with self._metrics_path.open("w" if new else "a", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            if new:
                writer.writerow(columns)
            writer.writerow([epoch, *(repr(float(value)) for value in values.values())])
        self._columns = columns

    def close(self) -> None:
        self._steps.close()

    def _write_step(self, row: tuple[object, ...]) -> None:
        self._steps.write(",".join(map(str, row)) + "\n")
        # In the kernel's hands, the row survives the death of this process.
        self._steps.flush()


def _cut_back(path: Path, resume_at: int) -> list[str] | None:
    """Drop the rows of epochs from `resume_at` on and torn rows; return the columns, None without any row."""
    if resume_at == 0:
        path.unlink(missing_ok=True)
        return None
    with using(path):
        with path.open(newline="", encoding="utf-8") as file:
            header, *rows = csv.reader(file)
        kept = [row for row in rows if len(row) == len(header) and float(row[0]) < resume_at]
        numbers = [[float(cell) for cell in row] for row in kept]
        if header[0] != "epoch" or [row[0] for row in numbers] != list(range(resume_at)):
            raise ValueError(f"it does not hold the {resume_at} epochs that were finished")
    with replacing(path) as temporary, temporary.open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([header, *kept])
    return header
