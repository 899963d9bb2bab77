"""The numbers behind the figures, as rows of text that both pages print."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

from study.ablation.cells import Cell, Grid
from study.ablation.collect import FINISHED, Collected
from study.ablation.measures import Measure, measure
from study.ablation.sweep import PREFIX, Final, label
from study.ablation.tested import TestedModel, tested_models
from study.report.columns import METRICS, milliseconds, seconds, significant, whole
from study.report.sheet import NOTHING, Sheet


def cell_sheet(grid: Grid, panel: tuple[str, ...], measure: Measure) -> Sheet:
    """One row a configuration: the heat map and the lines in numbers."""
    keys = [axis.key for axis in (grid.axes.y, grid.axes.x) if axis is not None]
    header = [
        *keys, f"mean {measure.name}", "95% interval", "runs", "parameters", "circuit depth",
        "circuit executions", "gradient norm at start", "fit time, s", "no value",
    ]  # fmt: skip
    cells = grid.of(panel)
    rows = [_cell_row(grid, cell, measure) for cell in cells]
    numeric = [*[False] * len(keys), *[True] * 8, False]
    caption = f"Validation {measure.name} and cost of each configuration, means over its runs"
    title = grid.title(panel)
    return Sheet(
        f"{caption}; {title}" if title else caption, header, numeric, rows, [bool(c.words) for c in cells]
    )


def job_sheet(collected: Collected, measure: Measure) -> Sheet:
    """One row a job, the columns that matter most; results.csv has them all."""
    keys = list(collected.sweep.axes)
    header = [
        "job", *keys, "status", f"validation {measure.name}", "parameters", "circuit depth", "circuit executions",
        "epochs", "fit time, s",
    ]  # fmt: skip
    rows, marked = [], []
    for job, row in zip(collected.sweep.jobs, collected.table.to_dict("records"), strict=True):
        rows.append(
            [
                str(job.number),
                *(label(job.values[key]) for key in keys),
                str(row["status"]),
                _text(row.get(f"{PREFIX}{measure.key}"), measure.text),
                _text(row["n_parameters"], whole),
                _text(row["circuit_depth"], whole),
                _text(_executions(row), whole),
                _text(row["epochs"], whole),
                _text(row["fit_seconds"], seconds),
            ]
        )
        marked.append(row["status"] != FINISHED)
    return Sheet("Every job", header, [True, *[False] * len(keys), False, *[True] * 6], rows, marked)


def trouble_sheet(collected: Collected) -> Sheet | None:
    """The jobs that gave no value, and why; None if all did."""
    keys = list(collected.sweep.axes)
    rows = [
        [str(job.number), *(label(job.values[key]) for key in keys), str(row["status"]), str(row["failure"])]
        for job, row in zip(collected.sweep.jobs, collected.table.to_dict("records"), strict=True)
        if row["status"] != FINISHED
    ]
    if not rows:
        return None
    header = ["job", *keys, "status", "reason"]
    return Sheet(
        "Jobs without a result", header, [True, *[False] * (len(keys) + 2)], rows, [True] * len(rows)
    )


def tested_sheet(final: Final, task: str, primary: str) -> Sheet:
    """The chosen configuration and the controls on the test part, over seeds and splits."""
    models = tested_models(final)
    declared = [column.key for column in METRICS[task]]
    found = dict.fromkeys(metric for model in models for metric in model.intervals)
    metrics = [
        measure(task, key)
        for key in [*(k for k in declared if k in found), *(k for k in found if k not in declared)]
    ]
    metrics.sort(key=lambda metric: metric.key != primary)
    header = [
        "model",
        "fits",
        *(metric.name for metric in metrics),
        "parameters",
        "fit time, s",
        "latency, ms/row",
    ]
    rows = [_tested_row(model, metrics) for model in models]
    caption = (
        "Test results, means over the fits of each model; the declared metric comes first, with its 95% interval where "
        "there are several fits"
    )
    numeric = [False, *[True] * (len(metrics) + 4)]
    return Sheet(caption, header, numeric, rows, [bool(model.n_failed) for model in models])


def _cell_row(grid: Grid, cell: Cell, measure: Measure) -> list[str]:
    executions = cell.mean("executions")
    if executions is not None:
        executions += cell.mean("gradient_executions") or 0.0
    place = [value for axis, value in ((grid.axes.y, cell.y), (grid.axes.x, cell.x)) if axis is not None]
    return [
        *place,
        measure.text(cell.interval.mean) if cell.interval else NOTHING,
        (measure.range_text(cell.interval) if cell.interval else "") or NOTHING,
        str(cell.n),
        _text(cell.mean("n_parameters"), whole),
        _text(cell.mean("circuit_depth"), whole),
        _text(executions, whole),
        _text(cell.mean("gradient_norm_start"), significant),
        _text(cell.mean("fit_seconds"), seconds),
        cell.words,
    ]


def _tested_row(model: TestedModel, metrics: Sequence[Measure]) -> list[str]:
    values = []
    for metric in metrics:
        interval = model.intervals.get(metric.key)
        span = metric.range_text(interval) if interval and metric is metrics[0] else ""
        mean = metric.text(interval.mean) if interval else NOTHING
        values.append(f"{mean} ({span})" if span else mean)
    return [
        f"{model.name}{' (chosen)' if model.role == 'main' else ''}",
        f"{model.n_fits - model.n_failed} of {model.n_fits}" if model.n_failed else str(model.n_fits),
        *values,
        _text(model.n_parameters, whole),
        _text(model.fit_seconds, seconds),
        _text(model.latency_seconds, milliseconds),
    ]


def _executions(row: dict[Any, Any]) -> Any:
    own, gradients = row["executions"], row["gradient_executions"]
    return own if pd.isna(own) or pd.isna(gradients) else own + gradients


def _text(value: Any, how: Any) -> str:
    return NOTHING if value is None or pd.isna(value) else how(float(value))
