"""The pictures and the page of an evaluation."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from study.ladder.certainty import has_ends, shows_intervals, too_few, unflipped
from study.ladder.curve import Point
from study.ladder.judging import Interval, Judged
from study.ladder.reference import remark
from study.ladder.report import sheets
from study.ladder.report.ladder_plot import ladder_plot, width_of
from study.ladder.report.pages import Page, html, markdown
from study.ladder.report.score_plot import score_plot
from study.ladder.report.shots_plot import shots_plot
from study.ladder.report.spread_plot import spread_plot
from study.ladder.scorecard import Card
from study.ladder.words import dollars, labelled, metric_column, ratio, spread, stand_in
from study.report.columns import METRICS, PRIMARY, Column
from study.report.palette import WIDTH
from study.report.part import Part
from study.report.picture import Picture, remove_others
from study.report.words import counted, listed
from study.run.atomic import write_text

if TYPE_CHECKING:
    from study.ladder.evaluation import Evaluation


ROUNDING = 1e-6  # metrics are of outputs in single precision


def write_report(
    evaluation: Evaluation, judged: Sequence[Judged], curve: Sequence[Point], cards: Sequence[Card]
) -> Path:
    """Write figures/, evaluation.md and evaluation.html into the evaluation's folder; returns the page's path."""
    folder, data = evaluation.folder, evaluation.data
    folder.figures.mkdir(exist_ok=True)
    n_rows = len(evaluation.positions)
    where = f"{data.name}, {counted(n_rows, 'test row')}"
    parts = [
        _ladder(folder.figures, judged, data.task, evaluation.reference, where, n_rows),
        _spread(folder.figures, judged, where),
        _shots(folder.figures, judged, curve, where),
        _executions(judged),
        _machines(folder.figures, cards, where),
        _limits(evaluation, judged),
    ]
    shown = [part for part in parts if part is not None]
    remove_others(folder.figures, [picture for part in shown for picture in part.pictures])
    page = Page(
        title=f"From exact values to hardware: {evaluation.run.path.name}",
        facts=f"Ladder “{evaluation.config.ladder.name}”: {counted(len(judged), 'rung')}, {where} of "
        f"{len(data.test.rows)}, seed {evaluation.config.seed}, data {data.confidentiality}.",
        warnings=[*_reference(evaluation), *_warnings(judged)],
        parts=shown,
    )
    write_text(folder.markdown, markdown(page))
    write_text(folder.page, html(page))
    return folder.page


def _ladder(
    figures: Path, judged: Sequence[Judged], task: str, reference: str, where: str, n_rows: int
) -> Part:
    if all(one.record.status == "planned" for one in judged):
        lines = ["Nothing was climbed: the rungs were planned and priced only."]
        return Part("ladder", "What is lost on each rung", lines, (), [sheets.ladder_sheet(judged, task)])
    path = figures / "ladder.png"
    column = metric_column(task)
    ladder_plot(path, judged, task, reference, [f"{column.name} on each rung", where])
    spans = [f"{labelled(one.record)} {spread(one.metrics.get(PRIMARY[task]), column)}" for one in judged]
    intervals = " with 95% intervals" if has_ends(one.metrics.get(PRIMARY[task]) for one in judged) else ""
    alt = f"Ladder plot of {column.name}{intervals}. {'; '.join(spans)}."
    lines = _lost(judged, task, n_rows)
    return Part(
        "ladder",
        "What is lost on each rung",
        lines,
        [Picture(path, alt, width_of(judged))],
        [sheets.ladder_sheet(judged, task), sheets.metrics_sheet(judged, task)],
    )


def _lost(judged: Sequence[Judged], task: str, n_rows: int) -> list[str]:
    """What the differences say, in sentences: of the metric that the run is judged by, and of those that say more."""
    few = too_few(n_rows)
    if few is not None:
        return [few]
    primary = metric_column(task)
    lines = []
    for column in METRICS[task]:
        told = [
            f"{one.record.label} ({spread(found, column, signed=True)})"
            for one in judged
            if (found := one.differences.get(column.key)) is not None and _is_worse(found, column)
        ]
        if told:
            lines.append(f"With 95% confidence, {column.name} is worse than exact on {listed(told)}.")
        elif column is primary:
            ends = has_ends(one.differences.get(column.key) for one in judged)
            lines.append(
                f"On no rung is {column.name} worse than exact with 95% confidence. That is no proof that nothing is "
                f"lost{': the intervals say how much could be' if ends else ''}."
            )
    none = unflipped(judged, n_rows)
    return lines if none is None else [*lines, none]


def _is_worse(found: Interval, column: Column) -> bool:
    if found.low is None or found.high is None:
        return False
    return found.high < -ROUNDING if column.higher_is_better else found.low > ROUNDING


def _spread(figures: Path, judged: Sequence[Judged], where: str) -> Part | None:
    path = figures / "spread.png"
    if not spread_plot(path, judged, ["What circuits measured, beside exact values", where]):
        return None
    spans = [f"{one.record.label} {one.circuits.value:.3g}" for one in judged if one.circuits is not None]
    alt = f"Total variation distance from exact values on each rung: {'; '.join(spans)}."
    lines = [
        "The total variation distance is half the sum of the differences of probabilities: the mean over rows and "
        "measured quantities. A finite number of shots puts it above 0 even on a perfect machine; the mark says "
        "by how much. What goes beyond it is noise."
    ]
    errors = [one for one in judged if one.error is not None and one.error.ratio is not None]
    for one in errors:
        assert one.error is not None and one.error.ratio is not None
        lines.append(
            f"{one.record.label}: the error is {ratio(one.error.ratio)} times that of sampling alone."
        )
    return Part("spread", "How far from exact values", lines, [Picture(path, alt, WIDTH)])


def _shots(figures: Path, judged: Sequence[Judged], curve: Sequence[Point], where: str) -> Part | None:
    if not curve:
        return None
    path = figures / "shots.png"
    shots_plot(path, curve, judged, ["Error of the circuits by shots", where])
    spans = [f"{point.shots:,} shots {point.error:.2g}" for point in curve]
    alt = f"Error of an output against shots, on logarithmic scales. {'; '.join(spans)}."
    last = curve[-1]
    lines = [
        "Sampling errors fall with the square root of the number of shots: a tenth of the error takes a hundred times "
        "the shots. Noise does not fall with them, so that a rung far above the line gains nothing from more."
    ]
    if last.expected is not None:
        lines.append(
            f"At {last.shots:,} shots the error is {last.error:.3g}, and theory says {last.expected:.3g}."
        )
    return Part("shots", "Shots against error", lines, [Picture(path, alt, WIDTH)])


def _executions(judged: Sequence[Judged]) -> Part:
    found = [
        sheets.execution_sheet(judged) if any(one.record.status != "planned" for one in judged) else None,
        sheets.plan_sheet(judged),
        sheets.circuit_sheet(judged),
        sheets.drift_sheet(judged),
        sheets.failure_sheet(judged),
    ]
    spent = sum(float(one.record.execution.get("usd") or 0.0) for one in judged)
    return Part(
        "executions",
        "What it took",
        [f"Spent: {dollars(spent)}."],
        (),
        [sheet for sheet in found if sheet is not None],
    )


def _machines(figures: Path, cards: Sequence[Card], where: str) -> Part | None:
    if not cards:
        return None
    path = figures / "scorecard.png"
    score_plot(path, cards, ["This workload on quantum computers", where])
    spans = [f"{card.label} {dollars(card.usd)}" for card in cards if card.usd is not None]
    alt = f"Price, time and estimated fidelity of this workload on each machine. {'; '.join(spans)}."
    lines = [
        "Planned, nothing sent. Prices are from the dated list of conf/pricing; the time is what circuits take, "
        "without the queue, which no list knows. The estimated fidelity is the product of those of all gates and "
        "readouts of one circuit, from figures of the day in the table."
    ]
    return Part(
        "machines",
        "Quantum computers for this workload",
        lines,
        [Picture(path, alt, WIDTH)],
        sheets.score_sheets(cards),
    )


def _reference(evaluation: Evaluation) -> list[str]:
    """What there is to say of a reference that is not what the run stored."""
    kept = evaluation.kept(evaluation.reference)
    said = None if kept is None or kept[1] is None else remark(evaluation, kept[1])
    return [] if said is None else [said[0].upper() + said[1:]]


def _limits(evaluation: Evaluation, judged: Sequence[Judged]) -> Part:
    n_rows = len(evaluation.positions)
    intervals = (
        [
            f"Intervals are about the choice of {n_rows} rows, not about the samples of one climb or another day on "
            "the same machine."
        ]
        if shows_intervals(judged)
        else []
    )
    lines = [
        "The weights were trained where the run was trained, not on these rungs: training there may find others that "
        "lose less.",
        "An emulated machine is a model of one, made from figures of a certain day: what it loses is an estimate of "
        "what the machine would lose.",
        *intervals,
        "Total variation is that of each measured quantity by itself, not of the bit strings of all qubits together, "
        "unless the circuit measures their probabilities.",
    ]
    return Part("limits", "What these numbers cannot show", lines)


def _warnings(judged: Sequence[Judged]) -> list[str]:
    failed = [one.record.label for one in judged if one.record.status == "failed"]
    drifted = [
        one.record.label for one in judged if one.record.drift is not None and one.record.drift.drifted
    ]
    lines = []
    lines += [f"{stand_in(one.record)}" for one in judged if one.record.status == "classical"]
    for one in judged:
        fell_back = one.record.execution.get("fell_back")
        if fell_back:
            where = f"{fell_back:,} circuits of {one.record.label} ran on a simulator of this machine instead"
            lines.append(f"{where}, so that its numbers are not the machine's.")
    if failed:
        lines.append(f"Failed: {listed(failed)}.")
    if drifted:
        lines.append(f"The machine drifted while it was climbed: {listed(drifted)}.")
    return lines
