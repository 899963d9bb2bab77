"""predictions.parquet: every test row, its target, and what each model said about it.

Columns: `row` (position in the table), `target`, and per model `<name>.prediction` and, for a classification,
`<name>.probability.<class>` for each class. Numbers are kept as they were computed, in their own precision.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from study.run.stored import read_parquet, write_parquet


def predicted(values: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """The decision taken from a model's output: the most probable class's label, or the value itself.

    Args:
        values: probabilities (n_rows, n_classes), or values (n_rows,) when there are no classes.
        classes: the labels in the order of the probabilities' columns; empty for a regression.
    """
    if not classes:
        return values
    return np.asarray(classes, dtype=object)[values.argmax(axis=1)]


def targets_as_written(targets: np.ndarray, classes: Sequence[str]) -> np.ndarray:
    """Class indices as labels; regression targets as they are."""
    return np.asarray(classes, dtype=object)[targets] if classes else targets


def prediction_columns(prefix: str, values: np.ndarray, classes: Sequence[str]) -> dict[str, np.ndarray]:
    """The columns for one model's output; `prefix` is empty or ends in a dot."""
    columns = {f"{prefix}prediction": predicted(values, classes)}
    for index, label in enumerate(classes):
        columns[f"{prefix}probability.{label}"] = values[:, index]
    return columns


def write_predictions(
    path: Path,
    rows: np.ndarray,
    targets: np.ndarray,
    outputs: Mapping[str, np.ndarray],
    classes: Sequence[str],
) -> None:
    columns: dict[str, np.ndarray] = {"row": rows, "target": targets_as_written(targets, classes)}
    for name, values in outputs.items():
        columns |= prediction_columns(f"{name}.", values, classes)
    write_parquet(path, pd.DataFrame(columns))


def read_output(path: Path, name: str, classes: Sequence[str]) -> np.ndarray:
    """The output of model `name` as `Learner.predict` gave it: (n_rows, n_classes), or (n_rows,).

    Raises:
        StudyError: the file is damaged.
    """
    if not classes:
        return read_parquet(path, [f"{name}.prediction"])[f"{name}.prediction"].to_numpy()
    return read_parquet(path, [f"{name}.probability.{label}" for label in classes]).to_numpy()
