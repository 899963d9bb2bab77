"""What to do about missing values: declared once, with the data, never chosen silently."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pandas as pd

from study.errors import StudyError

if TYPE_CHECKING:
    from study.data.table import Table

Policy = Literal["error", "drop", "mean", "median", "most_frequent"]
POLICIES: tuple[Policy, ...] = get_args(Policy)
REFUSING: frozenset[Policy] = frozenset({"error", "drop"})
"""The policies under which a model never sees a gap, and therefore refuses a row that has one."""


def check_policy(policy: str) -> None:
    """Raises StudyError on a policy that does not exist."""
    if policy not in POLICIES:
        raise StudyError(f"data.missing={policy!r} is not a policy: choose one of {', '.join(POLICIES)}.")


def missing_mask(series: pd.Series) -> np.ndarray:
    """Which values are missing, bool (n_rows,). An infinite number counts as missing."""
    mask: np.ndarray = series.isna().to_numpy(dtype=bool, copy=True)
    if pd.api.types.is_float_dtype(series.dtype):
        mask |= np.isinf(series.to_numpy(dtype=np.float64, na_value=np.nan))
    return mask


def apply_policy(table: Table) -> Table:
    """Refuse gaps (`error`), remove incomplete rows (`drop`), or leave gaps for the preprocessor to fill.

    A gap in the target is never filled: only `drop` accepts one.
    """
    columns = [(str(name), missing_mask(table.features[name])) for name in table.features.columns]
    in_target = missing_mask(table.target)
    if table.missing == "drop":
        if table.fixed_parts is not None:
            raise StudyError(
                f"data.missing=drop cannot serve {table.name!r}, which brings its own split: the parts name "
                "its rows."
            )
        incomplete = np.any([in_target, *(mask for _, mask in columns)], axis=0)
        if not incomplete.any():
            return table
        if incomplete.all():
            worst = max(columns, key=lambda column: int(column[1].sum()), default=("", in_target))
            raise StudyError(
                f"data.missing=drop leaves no row of {table.name!r}: each of its {len(incomplete)} rows has "
                f"a missing or infinite value, most of them in {worst[0]!r} ({int(worst[1].sum())}). Set "
                "such columns aside with data.drop=[...], or fill the gaps with data.missing=mean, median "
                "or most_frequent."
            )
        return dataclasses.replace(
            table,
            features=table.features[~incomplete],
            target=table.target[~incomplete],
            dropped_rows=table.dropped_rows + int(incomplete.sum()),
        )
    if in_target.any():
        raise StudyError(
            f"The target {table.target.name!r} of {table.name!r} has {int(in_target.sum())} missing or "
            "infinite values, and a target is never filled in: remove those rows, or choose "
            "data.missing=drop."
        )
    if table.missing == "error":
        counts = {name: int(mask.sum()) for name, mask in columns if mask.any()}
        if counts:
            raise StudyError(_refusal(table, counts))
    return table


def _refusal(table: Table, counts: dict[str, int]) -> str:
    listed = ", ".join(f"{name!r} ({count})" for name, count in list(counts.items())[:20])
    more = f" and {len(counts) - 20} more" if len(counts) > 20 else ""
    found = f"{table.name!r} has missing or infinite values (of {len(table.features)} rows) in {listed}{more}"
    if table.fixed_parts is not None:
        return f"{found}. Clean them in the data module: it alone knows what they mean."
    return (
        f"{found}, and data.missing=error accepts none. Choose a policy: data.missing=drop removes those "
        "rows, data.missing=mean, median or most_frequent fills the gaps from the training part; or set the "
        "columns aside with data.drop=[...]."
    )
