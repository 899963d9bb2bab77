"""The drift of new rows against the training part, as a table on the terminal."""

from __future__ import annotations

import pandas as pd
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

COLOURS = {"stable": "", "moderate": "yellow", "strong": "bold red"}


def print_drift(drift: pd.DataFrame, n_rows: int, console: Console) -> None:
    """Print one line a feature, the most drifted first.

    Args:
        drift: as `Contract.drift` gives it.
        n_rows: how many rows were compared.
        console: where to print.
    """
    table = Table(
        title=f"Drift of {n_rows} rows against the training part",
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD,
        padding=(0, 1, 0, 0),
    )
    table.add_column("feature", overflow="fold")
    for title in ("PSI", "by chance\nup to", "outside\ntraining"):
        table.add_column(title, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    for row in drift.sort_values("psi", ascending=False, kind="stable").to_dict("records"):
        outside = Text(f"{row['outside']:.1%}", style="yellow" if row["outside"] > 0 else "")
        verdict = Text(row["verdict"], style=COLOURS[row["verdict"]])
        table.add_row(row["feature"], f"{row['psi']:.3f}", f"{row['chance']:.3f}", outside, verdict)
    console.print(table)
    drifted = int((drift["verdict"] != "stable").sum())
    if drifted:
        console.print(
            f"{drifted} of {len(drift)} features have drifted: the model's quality on such rows is not what the run "
            "measured.",
            style="yellow",
        )
