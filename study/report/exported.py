"""The numbers of a report as files for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from study.run.atomic import replacing, write_text
from study.text import in_csv


def write_table(folder: Path, table: pd.DataFrame) -> None:
    """results.parquet and results.csv in a folder, each the old one or the new one."""
    with replacing(folder / "results.parquet") as temporary:
        table.to_parquet(temporary, index=False)
    write_text(folder / "results.csv", as_csv(table))


def as_csv(table: pd.DataFrame) -> str:
    """Return a table as CSV, whose texts a spreadsheet that opens it takes for texts."""

    def cell(value: Any) -> Any:
        return in_csv(value) if isinstance(value, str) else value

    shown = table.copy()
    for name in shown.select_dtypes(exclude="number"):
        shown[name] = shown[name].astype(object).map(cell)
    return shown.rename(columns=in_csv).to_csv(index=False)
