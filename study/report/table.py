"""The comparison table: main model beside its controls on the same test rows, best values marked."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from study.report.columns import COST, METRICS, Column, primary_column
from study.run.results import ModelResult, Results

BEST = "*"
UNBOUNDED = 1000


def comparison(results: Results, console: Console) -> RenderableType:
    """One table, or one for quality and one for cost where the console is too narrow for both."""
    quality = METRICS[results.task]
    whole = comparison_table(results, (*quality, *COST), _title(results))
    footnotes = [Text(line, style="dim") for line in _footnotes(results)]
    if _width(whole, console) <= console.width:
        return Group(whole, *footnotes)
    return Group(
        comparison_table(results, quality, _title(results)),
        comparison_table(results, COST, "What it cost"),
        *footnotes,
    )


def comparison_table(results: Results, columns: Sequence[Column], title: str) -> Table:
    """The table with exactly these columns; a failed model is named and its cells stay empty."""
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, padding=0)
    table.add_column("model", overflow="fold")
    for column in columns:
        table.add_column(column.title, justify="right", no_wrap=True, vertical="bottom")
    best = {column.key: column.best(results.models) for column in columns}
    for model in results.models:
        name = Text(model.label, style="bold cyan" if model.role == "main" else "")
        if model.failure is not None:
            table.add_row(name, Text("failed", style="red"), *[""] * (len(columns) - 1))
            continue
        cells = [_cell(column, column.value(model), model.name in best[column.key]) for column in columns]
        table.add_row(name, *cells)
    return table


def _width(table: Table, console: Console) -> int:
    """The columns it takes unshortened, however many the console has."""
    return Measurement.get(console, console.options.update(width=UNBOUNDED), table).maximum


def _cell(column: Column, value: float | None, is_best: bool) -> Text:
    """The value and a place for the mark, so that digits stay in line with and without it."""
    if value is None:
        return Text("– ", style="dim")
    return Text(f"{column.text(value)}{BEST if is_best else ' '}", style="bold green" if is_best else "")


def _title(results: Results) -> str:
    return f"{results.data}, {results.n_test} test rows"


def _footnotes(results: Results) -> list[str]:
    lines = []
    if len(results.models) > 1:
        primary = primary_column(results.task)
        lines = [f"{BEST} best in its column; the winner is decided by {primary.name}, declared beforehand."]
    lines.append("latency: one row at a time, median of repeats.")
    if at_edge := [_at_edge(model) for model in results.models if model.at_edge]:
        lines.append(f"Tuned at the edge of their grids, so perhaps not at their best: {', '.join(at_edge)}.")
    lines += [f"{model.label} failed: {model.failure}" for model in results.models if model.failure]
    return lines


def _at_edge(model: ModelResult) -> str:
    return f"{model.label} ({', '.join(f'{name}={value:g}' for name, value in model.at_edge.items())})"
