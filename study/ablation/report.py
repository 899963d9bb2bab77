"""The whole report of a sweep: collect, draw, write the tables and the pages."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from study.ablation import tables, words
from study.ablation.axes import choose_axes, choose_metric
from study.ablation.cells import Grid, make_grid
from study.ablation.collect import Collected, collect
from study.ablation.gallery import draw_panel
from study.ablation.measures import Measure, measure
from study.ablation.pages import Page, Panel, Section, html, markdown
from study.errors import StudyError
from study.report.exported import write_table
from study.report.picture import remove_others
from study.run.alone import alone_in
from study.run.atomic import write_text

REPORT, FIGURES = "report", "figures"
# A page with hundreds of figures is read by nobody; the tables hold every number.
MOST_PANELS = 24


def write_report(
    sweep_folder: Path,
    x: str | None = None,
    y: str | None = None,
    facet: str | None = None,
    metric: str | None = None,
) -> Path:
    """Write `report/` in a sweep folder: results.parquet, results.csv, report.md, report.html and figures/.

    Args:
        sweep_folder: with a sweep.json; the folders of its jobs may lack anything.
        x: the swept key on the horizontal axis; by default the depth, or the first that is a number.
        y: the swept key on the vertical axis; by default the encoding, or the first that is not a number.
        facet: a swept key with a set of figures for each of its values; those left over make more.
        metric: a validation metric; by default the one that the sweep declared.

    Returns:
        The path of report.html.

    Raises:
        StudyError: it is not a sweep folder, a key was not swept, the metric is not there, or it cannot be written.
    """
    collected = collect(sweep_folder)
    axes = choose_axes(collected.sweep, x, y, facet)
    chosen = measure(collected.sweep.task, choose_metric(collected, metric))
    grid = make_grid(collected, axes, chosen.key)
    folder = sweep_folder / REPORT
    try:
        with alone_in(folder, None, wait=True):
            return _write(folder, collected, grid, chosen)
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder} ({error.strerror}). Free some space, or copy the sweep and its "
            "jobs to where you may write."
        ) from error


def _write(folder: Path, collected: Collected, grid: Grid, measure: Measure) -> Path:
    figures = folder / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    write_table(folder, _from(folder, collected))
    panels = [
        Panel(
            grid.title(panel),
            draw_panel(figures, grid, panel, measure, collected),
            tables.cell_sheet(grid, panel, measure),
        )
        if number < MOST_PANELS
        else Panel(grid.title(panel), [], tables.cell_sheet(grid, panel, measure))
        for number, panel in enumerate(grid.panels)
    ]
    remove_others(figures, [picture for panel in panels for picture in panel.pictures])
    page = _page(collected, grid, measure, panels)
    write_text(folder / "report.md", markdown(page))
    write_text(folder / "report.html", html(page))
    return folder / "report.html"


def _page(collected: Collected, grid: Grid, measure: Measure, panels: Sequence[Panel]) -> Page:
    sweep, final = collected.sweep, collected.final
    summary = [
        Section("What was swept", words.what_was_swept(collected)),
        Section("What validation says", words.what_validation_says(grid, measure)),
    ]
    if final is not None:
        sheets = [tables.tested_sheet(final, sweep.task, sweep.metric)] if final.splits else []
        summary.append(
            Section(
                "The chosen configuration on the test part", words.what_was_chosen(final, collected), sheets
            )
        )
    else:
        reason = collected.final_failure or "No configuration was chosen yet, and the test part was not read."
        summary.append(Section("The chosen configuration on the test part", [reason]))
    summary.append(
        Section("What cannot be concluded", words.what_cannot_be_concluded(collected, grid, measure))
    )
    hidden = len(grid.panels) - MOST_PANELS
    keys = " × ".join(grid.axes.typed)
    on = f" on {collected.data[0]}" if len(collected.data) == 1 else ""
    return Page(
        title=f"Ablation of {keys or 'nothing but repeats'}{on}",
        overrides=" ".join(sweep.overrides),
        created=sweep.created,
        summary=summary,
        panels=panels,
        undrawn=f"Figures are drawn for the first {MOST_PANELS} of {len(grid.panels)} panels."
        if hidden > 0
        else "",
        troubles=tables.trouble_sheet(collected),
        jobs=tables.job_sheet(collected, measure),
    )


def _from(folder: Path, collected: Collected) -> pd.DataFrame:
    """The table with the job folders as seen from `folder`, where it is going to be."""
    from_sweep = os.path.relpath(collected.folder, folder)
    places = [
        Path(os.path.normpath(os.path.join(from_sweep, place))).as_posix()
        for place in collected.table["folder"]
    ]
    return collected.table.assign(folder=pd.Series(places, dtype="str"))
