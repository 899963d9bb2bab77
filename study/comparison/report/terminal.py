"""The end of a study on the terminal: verdict, models, paths."""

from __future__ import annotations

from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from study.comparison.evidence import Evidence
from study.comparison.report.models import metric_column, middle, score_text, splits_text
from study.comparison.report.pages import WORDS
from study.comparison.report.report import REPORT
from study.comparison.report.shown import Verdict
from study.report.columns import milliseconds, seconds
from study.run.place import place

STYLES = {"promote": "bold white on green4", "explore": "bold black on orange3", "stop": "bold white on red3"}


def print_summary(evidence: Evidence, verdict: Verdict, console: Console) -> None:
    """Print the decision with its reasons, a table of the models, and where the report is."""
    word, sign = WORDS[verdict.decision]
    console.print()
    console.print(
        Text.assemble((f" {sign} {word} ", STYLES[verdict.decision]), " ", (verdict.headline, "bold"))
    )
    for reason in verdict.reasons:
        console.print(Text(f"  - {reason}"))
    console.print()
    console.print(_table(evidence))
    folder = evidence.folder / REPORT
    # A path broken by the terminal cannot be copied.
    console.print(f"Report: {place(folder / 'report.html')}", soft_wrap=True, highlight=False, markup=False)
    console.print(f"Table:  {place(folder / 'results.csv')}", soft_wrap=True, highlight=False, markup=False)


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
            escape(entrant.label),
            entrant.role,
            score_text(evidence, entrant, column),
            splits_text(evidence, entrant),
            middle(evidence, entrant, lambda one: one.fit_seconds, seconds),
            middle(evidence, entrant, lambda one: one.latency_seconds, milliseconds),
            style="bold" if entrant.role == "candidate" else None,
        )
    return table
