"""The end of a study on the terminal: verdict, models, paths."""

from __future__ import annotations

from collections import Counter

from rich.console import Console
from rich.table import Table
from rich.text import Text

from study.comparison.evidence import LEAK, Evidence
from study.comparison.report.models import metric_column, middle, score_text, splits_text
from study.comparison.report.pages import WORDS
from study.comparison.report.report import REPORT
from study.comparison.report.shown import Verdict
from study.report.columns import milliseconds, seconds
from study.report.words import counted
from study.run.place import place

STYLES = {"promote": "bold white on green4", "explore": "bold black on orange3", "stop": "bold white on red3"}


def print_summary(evidence: Evidence, verdict: Verdict, console: Console) -> None:
    """Print who failed, the decision with its reasons, a table of the models, and where the report is."""
    word, sign = WORDS[verdict.decision]
    for line in failure_lines(evidence):
        console.print(line, style="red", soft_wrap=True)
    console.print()
    console.print(
        Text.assemble((f" {sign} {word} ", STYLES[verdict.decision]), " ", (verdict.headline, "bold"))
    )
    for reason in verdict.reasons:
        console.print(f"  - {reason}")
    console.print()
    if evidence.leaks and not evidence.outcomes:
        console.print("No job was started.")
    else:
        console.print(_table(evidence))
    folder = evidence.folder / REPORT
    # A path broken by the terminal cannot be copied.
    console.print(f"Report: {place(folder / 'report.html')}", soft_wrap=True)
    console.print(f"Table:  {place(folder / 'results.csv')}", soft_wrap=True)


def failure_lines(evidence: Evidence) -> list[str]:
    """One line for each entrant with jobs that ended without a score, side conditions among them."""
    lines = []
    for entrant in evidence.entrants:
        jobs = [one for one in evidence.outcomes if one.entrant == entrant.name]
        # What read the test part did not fail: it makes the study void, and the verdict names it.
        found = Counter(
            one.failure for one in jobs if one.failure is not None and not one.failure.startswith(LEAK)
        )
        if not found:
            continue
        [(reason, _)] = found.most_common(1)
        others = f" (and {counted(len(found) - 1, 'other reason')})" if len(found) > 1 else ""
        lines.append(
            f"Without a score: {entrant.label}, in {found.total()} of its {counted(len(jobs), 'job')}: {reason}{others}"
        )
    return lines


def _table(evidence: Evidence) -> Table:
    column = metric_column(evidence.task, evidence.metric)
    table = Table(title=None, show_edge=False, pad_edge=False, header_style="bold")
    table.add_column("model")
    table.add_column("role")
    table.add_column(f"{column.name} (95% interval)", justify="right")
    table.add_column("splits", justify="right")
    table.add_column("fit, s", justify="right")
    table.add_column("latency, ms", justify="right")
    for entrant in evidence.entrants:
        table.add_row(
            entrant.label,
            entrant.role,
            score_text(evidence, entrant, column),
            splits_text(evidence, entrant),
            middle(evidence, entrant, lambda one: one.fit_seconds, seconds),
            middle(evidence, entrant, lambda one: one.latency_seconds, milliseconds),
            style="bold" if entrant.role == "candidate" else None,
        )
    return table
