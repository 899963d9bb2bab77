"""The whole report of a study: figures, tables, pages."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from study.comparison.evidence import Evidence, finding
from study.comparison.report import limits as limiting
from study.comparison.report import parts
from study.comparison.report.differences import best_baseline, compare
from study.comparison.report.pages import Page, Part, answer_sheet, gate_sheet, html, markdown
from study.comparison.report.pooled import Reader, read_all
from study.comparison.report.results import results_table
from study.comparison.report.shown import FitScore, Verdict
from study.errors import StudyError
from study.report.exported import write_table
from study.report.picture import remove_others
from study.report.words import counted
from study.run.atomic import write_text

REPORT, FIGURES = "report", "figures"


def write_report(
    evidence: Evidence, verdict: Verdict, fit: FitScore, predictions: Reader, trials: pd.DataFrame
) -> Path:
    """Write `report/` in the study's folder: report.html, report.md, figures/, results.parquet and results.csv.

    What is there of an earlier report is replaced file by file, the page last, so that an interrupted one leaves files
    that are whole.

    Args:
        evidence: what the study found, as far as it came.
        verdict: what follows from it.
        fit: how well the use case suits a quantum model.
        predictions: (validation, test) of an outcome; None where they were not kept.
        trials: one row a trial: entrant, repeat, fold, seed, number, state, loss, and one column a search key.

    Returns:
        The path of report.html.

    Raises:
        StudyError: it cannot be written.
    """
    folder = evidence.folder / REPORT
    try:
        return _write(folder, evidence, verdict, fit, predictions, trials)
    except OSError as error:
        raise StudyError(
            f"The report cannot be written to {folder} ({error.strerror or error}). Free some space, or copy the study "
            "to where you may write; started again there, the study makes its report without repeating anything."
        ) from error


def _write(
    folder: Path,
    evidence: Evidence,
    verdict: Verdict,
    fit: FitScore,
    predictions: Reader,
    trials: pd.DataFrame,
) -> Path:
    figures = folder / FIGURES
    figures.mkdir(parents=True, exist_ok=True)
    write_table(folder, results_table(evidence))
    read = read_all(evidence, predictions)
    comparisons = compare(evidence)
    best = best_baseline(evidence, verdict.best_baseline)
    # Found before any job: nothing was tuned, fitted or compared, and sections on that would be empty.
    void = bool(evidence.leaks) and not evidence.outcomes
    made: list[Part | None] = [
        None if void else parts.differences(figures, evidence, comparisons),
        None if void else parts.models(evidence, read),
        None if void else parts.statistics(comparisons),
        *parts.curves(figures, evidence),
        parts.slices(evidence),
        parts.heat_maps(figures, evidence, trials),
        *parts.calibration(figures, evidence, read, best),
        None if void else parts.ranks(figures, evidence),
        parts.variance(evidence),
        None if void else parts.tuning(evidence),
        parts.protocol(evidence),
        parts.environment(evidence),
        parts.limits(evidence, None if void else comparisons, best),
        None if void else parts.left_open(evidence, verdict, comparisons, read),
        parts.packages(evidence),
    ]
    shown = [part for part in made if part is not None]
    remove_others(figures, [picture for part in shown for picture in part.pictures])
    page = Page(
        title=f"{evidence.candidate.label} on {evidence.data}: does it help?",
        facts=_facts(evidence),
        verdict=verdict,
        warnings=_warnings(evidence, verdict),
        accepted=limiting.accepted(evidence),
        has_rows=bool(evidence.outcomes),
        fit=fit,
        gates=gate_sheet(verdict),
        answers=answer_sheet(fit),
        parts=shown,
    )
    write_text(folder / "report.md", markdown(page))
    write_text(folder / "report.html", html(page))
    return folder / "report.html"


def _facts(evidence: Evidence) -> str:
    seeds = len({one.seed for one in evidence.outcomes}) or 1
    facts = [
        f"Study “{evidence.name}”: {counted(evidence.n_rows, 'row')}",
        counted(len(evidence.entrants), "model"),
        f"{counted(len(evidence.splits), 'split')} × {counted(seeds, 'seed')}",
        f"judged by {evidence.metric.replace('_', ' ')}",
    ]
    if evidence.created:
        facts.append(f"begun {evidence.created.replace('T', ' ')}")
    return ", ".join(facts) + "."


def _warnings(evidence: Evidence, verdict: Verdict) -> list[str]:
    """What everybody has to know before reading on, unless the verdict says it."""
    found = dict.fromkeys(finding(leak) for leak in evidence.leaks)
    lines = [f"Leak found: {leak}" for leak in found if leak not in verdict.reasons]
    if evidence.stopped:
        lines.append(
            f"The study ended early: {evidence.stopped.rstrip('.')}. Numbers are of what had ended by then."
        )
    return lines
