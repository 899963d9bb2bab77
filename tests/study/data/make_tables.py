"""Tables for the tests: small, mixed, and drawn by hypothesis."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from study.data.table import Table


def mixed_frame(n_rows: int = 60, seed: int = 0) -> pd.DataFrame:
    """Two numeric columns, a categorical, a boolean, a group, a time and a class, without gaps."""
    random = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": random.integers(18, 90, n_rows),
            "dose": random.normal(5.0, 2.0, n_rows),
            "colour": np.array(["red", "green", "blue"])[np.arange(n_rows) % 3],
            "smoker": random.uniform(size=n_rows) < 0.4,
            "patient": np.arange(n_rows) // 4,
            "day": random.permutation(n_rows),
            "ill": np.array(["no", "yes"])[np.arange(n_rows) % 2],
        }
    )


def table_of(frame: pd.DataFrame, target: str = "ill", task: str = "classification", **fields) -> Table:
    return Table("made", frame.drop(columns=target), frame[target], task, **fields)


@st.composite
def classification_tables(draw: st.DrawFn) -> Table:
    """40 to 90 rows, two to four unbalanced classes, 8 to 15 groups, times with ties."""
    n_rows = draw(st.integers(40, 90))
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n_classes, n_groups = draw(st.integers(2, 4)), draw(st.integers(8, 15))
    classes = np.concatenate(
        [np.repeat(np.arange(n_classes), 6), random.integers(0, 2, n_rows - 6 * n_classes)]
    )
    frame = pd.DataFrame(
        {
            "x": random.normal(size=n_rows),
            "group": random.integers(0, n_groups, n_rows),
            "time": random.integers(0, n_rows, n_rows),
            "y": random.permutation(classes),
        }
    )
    return table_of(frame, "y")


@st.composite
def regression_tables(draw: st.DrawFn) -> Table:
    """The same columns with a quantity as the target."""
    table = draw(classification_tables())
    random = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    frame = table.features.assign(y=random.exponential(size=len(table.target)))
    return table_of(frame, "y", "regression")
