"""Whether a sweep can be reported as asked, found out before anything is loaded that draws or tests."""

from __future__ import annotations

from pathlib import Path

from study.ablation.axes import choose_axes, choose_metric
from study.ablation.sweep import read_sweep


def check_request(folder: Path, x: str | None, y: str | None, facet: str | None, metric: str | None) -> None:
    """Look at the folder, the keys and the metric that somebody named.

    Raises:
        StudyError: what `study.ablation.report.write_report` would raise for them, seconds later.
    """
    choose_axes(read_sweep(folder), x, y, facet)
    if metric is not None:
        from study.ablation.collect import collect  # loads pandas, to read which metrics the jobs have

        choose_metric(collect(folder), metric)
