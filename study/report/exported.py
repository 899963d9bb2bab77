"""The numbers of a report as files for other programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from study.run.atomic import replacing


def write_table(folder: Path, table: pd.DataFrame) -> None:
    """results.parquet and results.csv in a folder, each the old one or the new one."""
    writers: dict[str, Callable[[Path], None]] = {
        "results.parquet": lambda path: table.to_parquet(path, index=False),
        "results.csv": lambda path: table.to_csv(path, index=False),
    }
    for name, write in writers.items():
        with replacing(folder / name) as temporary:
            write(temporary)
