"""The user's own file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, get_args

import pandas as pd

from study.data.missing import Policy, check_policy
from study.data.names import listed, nearest
from study.data.reading import read_frame
from study.data.table import Dataset, Table
from study.data.tasks import decide_task
from study.errors import StudyError

TaskOption = Literal["auto", "classification", "regression"]


@dataclass(frozen=True)
class File(Dataset):
    """A CSV or Parquet file with numeric, categorical and boolean columns.

    `target` names the column to predict and `drop` columns to set aside. With `task="auto"` the target
    decides (see `study.data.tasks`). `missing` is the policy for missing values, among which infinite ones
    count. Columns that a split uses (`split.group`, `split.time`) stay in the table and are taken out of the
    features afterwards.
    """

    path: str | None = None
    target: str | None = None
    task: TaskOption = "auto"
    missing: Policy = "error"
    drop: Sequence[str] = ()
    confidentiality: str = field(default="sensitive", kw_only=True)

    def __post_init__(self) -> None:
        super().__post_init__()
        for option, meaning in (("path", "a CSV or Parquet file"), ("target", "the column to predict")):
            if getattr(self, option) in (None, ""):
                raise StudyError(
                    f"data.{option} is required with data=file: name {meaning}, data.{option}=..."
                )
        if self.task not in get_args(TaskOption):
            raise StudyError(
                f"data.task={self.task!r} is not known: choose one of {', '.join(get_args(TaskOption))}."
            )
        check_policy(self.missing)
        drop = (self.drop,) if isinstance(self.drop, str) else self.drop or ()
        object.__setattr__(self, "drop", tuple(str(name) for name in drop))

    def load(self) -> Table:
        assert self.path is not None  # __post_init__ has seen to it
        frame = read_frame(self.path)
        target = self._target(frame)
        task, reason = decide_task(target, self.task)
        features = frame.drop(columns=[target.name, *self.drop])
        return Table(
            name=Path(self.path).stem,
            features=features,
            target=target,
            task=task,
            confidentiality=self.confidentiality,
            missing=self.missing,
            task_reason=reason,
            ignored=tuple(self.drop),
        )

    def _target(self, frame: pd.DataFrame) -> pd.Series:
        columns = list(frame.columns)
        name = str(self.target)
        if name not in columns:
            raise StudyError(
                f"data.target={name} is not a column of {self.path}{nearest(name, columns)}. Its columns: "
                f"{listed(columns)}."
            )
        for dropped in self.drop:
            if dropped == name:
                raise StudyError(f"data.drop names {dropped!r}, which is the target; choose one of the two.")
            if dropped not in columns:
                raise StudyError(
                    f"data.drop names {dropped!r}, which is not a column of "
                    f"{self.path}{nearest(dropped, columns)}. Its columns: {listed(columns)}."
                )
        return frame[name]
