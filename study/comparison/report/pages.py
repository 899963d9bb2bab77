"""The two pages of a study's report, HTML and Markdown, from the same parts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from study.comparison.report.shown import FitScore, Verdict
from study.gates.gate import NOT_EXAMINED
from study.report.part import Part
from study.report.sheet import Sheet, without_empty_end
from study.report.templating import environment

TEMPLATES = Path(__file__).parent / "templates"
# The decision as one word, with a sign that needs no colour.
WORDS = {"promote": ("PROMOTE", "✓"), "explore": ("EXPLORE", "→"), "stop": ("STOP", "✕")}
# The statistics' table has other p-values of the same comparisons, and says so too.
ONE_SIDED = (
    "The p-values of gates are one-sided, the adjusted ones by Holm over the models that the gates count; those under "
    "“Tests and probabilities” are two-sided and adjusted over all models, so that the two differ"
)
PASSED = {True: "✓ passed", False: "✕ not passed", None: "? not decided"}
NOT_JUDGED = "– not examined"


@dataclass(frozen=True)
class Page:
    """Everything that the report says.

    Attributes:
        title: of the page.
        facts: data, rows, models, folds and date in one line.
        verdict: the decision.
        warnings: what puts the verdict itself in doubt, such as a leak.
        accepted: findings that the study declared to accept.
        has_rows: whether the table of results has any.
        fit: of the use case.
        gates: the verdict's, as a table.
        answers: the questionnaire's, as a table.
        parts: all other sections in order.
    """

    title: str
    facts: str
    verdict: Verdict
    warnings: Sequence[str]
    accepted: Sequence[str]
    has_rows: bool
    fit: FitScore
    gates: Sheet
    answers: Sheet
    parts: Sequence[Part]

    @property
    def word(self) -> str:
        return WORDS[self.verdict.decision][0]

    @property
    def sign(self) -> str:
        return WORDS[self.verdict.decision][1]


def gate_sheet(verdict: Verdict) -> Sheet:
    """One row a gate: measured, asked, passed."""
    rows = [
        [
            NOT_JUDGED if gate.measured == NOT_EXAMINED else PASSED[gate.passed],
            gate.kind,
            gate.name,
            gate.measured,
            gate.asked,
            gate.reason,
        ]
        for gate in verdict.gates
    ]
    header = ["result", "kind", "gate", "measured", "asked", "because"]
    marked = [gate.passed is not True for gate in verdict.gates]
    caption = "Gates, declared and sealed before the study began"
    if any(gate.kind == "statistical" and gate.measured != NOT_EXAMINED for gate in verdict.gates):
        caption = f"{caption}. {ONE_SIDED}"
    return without_empty_end(Sheet(caption, header, [False] * 6, rows, marked))


def answer_sheet(fit: FitScore) -> Sheet:
    """One row an answer of the questionnaire."""
    rows = [
        [item.question, item.answer, f"{item.points:g} of {item.of:g}", item.meaning] for item in fit.items
    ]
    return Sheet(
        "The answers given and what they say", ["question", "answer", "points", "meaning"],
        [False, False, True, False], rows, [False] * len(rows),
    )  # fmt: skip


def html(page: Page) -> str:
    """One file with everything in it: it opens from disk, without a network."""
    return environment(TEMPLATES, True).get_template("report.html.j2").render(page=page)


def markdown(page: Page) -> str:
    """The same for a terminal or a forge; its figures are the files beside it."""
    return environment(TEMPLATES, False).get_template("report.md.j2").render(page=page)
