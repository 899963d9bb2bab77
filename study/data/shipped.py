"""From one of scikit-learn's shipped datasets to a table. They come with the package: nothing is downloaded."""

from __future__ import annotations

from typing import Any

from study.data.table import Table, Task


def table_from_bunch(name: str, bunch: Any, task: Task, confidentiality: str) -> Table:
    """`bunch` is what a `sklearn.datasets.load_*(as_frame=True)` returns; classes are called by their names."""
    features = bunch.data.rename(columns=str)
    target = bunch.target.rename("target")
    if task == "classification":
        target = target.map({code: str(label) for code, label in enumerate(bunch.target_names)})
    reason = f"{name} is a {task} by its definition"
    return Table(name, features, target, task, confidentiality, task_reason=reason)
