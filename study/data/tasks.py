"""Whether a target asks for a classification or a regression."""

from __future__ import annotations

import numpy as np
import pandas as pd

from study.data.columns import described, kind_or_none, read_cells
from study.data.table import Task
from study.errors import StudyError

MAX_NUMERIC_CLASSES = 20


def decide_task(target: pd.Series, wanted: str) -> tuple[Task, str]:
    """The task, and one sentence that says why.

    A stated task is taken, if the target can serve it. With `auto`, text and truth values are classes; whole
    numbers are classes when there are at most `MAX_NUMERIC_CLASSES` different ones, and quantities otherwise;
    numbers with a fraction are always quantities.
    """
    kind = kind_or_none(target)
    if kind is None:
        raise StudyError(
            f"The target {target.name!r} holds {described(target)}; it must hold numbers, text or truth "
            "values."
        )
    if wanted == "classification":
        return "classification", "data.task=classification"
    if wanted == "regression":
        if kind != "numeric":
            example = target.dropna().iloc[0] if target.notna().any() else None
            raise StudyError(
                f"data.task=regression needs numbers, and the target {target.name!r} holds "
                f"{described(target)} such as {str(example)!r}; choose data.task=classification or another "
                "target."
            )
        return "regression", "data.task=regression"
    if kind != "numeric":
        return "classification", f"the target {target.name!r} holds {described(target)}"
    cells = read_cells(target, "numeric")
    distinct = np.unique(cells.values[cells.present])
    if not np.all(distinct == np.round(distinct)):
        return "regression", f"the target {target.name!r} holds numbers with a fraction"
    held = f"the target {target.name!r} holds {len(distinct)} different whole numbers"
    if len(distinct) <= MAX_NUMERIC_CLASSES:
        return "classification", f"{held}, and up to {MAX_NUMERIC_CLASSES} are taken as classes"
    return "regression", f"{held}, and more than {MAX_NUMERIC_CLASSES} are taken as quantities"
