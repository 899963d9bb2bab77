"""The sections of the report, each from the evidence; None where a section has nothing to say."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from study.comparison.evidence import Evidence
from study.comparison.report import calibration as drawing
from study.comparison.report import curves as curving
from study.comparison.report import declared, tuned
from study.comparison.report import limits as limiting
from study.comparison.report import models as modelling
from study.comparison.report import ranks as ranking
from study.comparison.report.differences import Comparison, label_of
from study.comparison.report.forest import forest_plot
from study.comparison.report.heat import heat_map, logarithmic, varied_keys
from study.comparison.report.pooled import NONE, Pairs, Pooled, pool_methods
from study.comparison.report.shown import Verdict
from study.comparison.report.statistics import comparison_sheet, undecided_lines, variance_sheet
from study.comparison.tuning import N_AT_RANDOM
from study.report.palette import WIDTH
from study.report.part import Part
from study.report.picture import Picture
from study.report.rank_diagram import WIDE
from study.report.words import counted
from study.statistics.corrected_t import CorrectedT
from study.statistics.undecided import Undecided

MOST_HEAT_MAPS = 24
TWO_SIDED = (
    "The p-values of this table are two-sided (is there a difference, either way?) and adjusted over all its rows; "
    "those of the gates are one-sided (is the candidate better, or not worse by the margin?) and adjusted, where they "
    "are, over the models that the gates count, so that the two differ."
)


def differences(figures: Path, evidence: Evidence, comparisons: Sequence[Comparison]) -> Part:
    """The forest plot."""
    name = modelling.metric_column(evidence.task, evidence.metric).name
    path = figures / "forest.png"
    candidate = evidence.candidate.label
    pictures = []
    if forest_plot(path, comparisons, candidate, _signed(evidence, name)):
        spans = [
            f"{one.other.label} {one.test.mean:+.3f} ({one.test.low:+.3f} to {one.test.high:+.3f})"
            for one in comparisons
            if isinstance(one.test, CorrectedT)
        ]
        alt = f"Forest plot of {name}: {candidate} minus each other model, with 95% intervals. {'; '.join(spans)}."
        pictures.append(Picture(path, alt, WIDTH))
    lines = []
    if not comparisons:
        lines.append("There is one model only, so that nothing is compared.")
    else:
        lines.append(
            f"Differences of {_signed(evidence, name)} on the same folds, {candidate} minus each of the others: right "
            "of 0 it is the better one. An interval that crosses 0 leaves open which of the two is better."
        )
        lines.append(_rope_line(evidence, comparisons))
    return Part(
        "differences", "How much better, and how sure?", [*lines, *undecided_lines(comparisons)], pictures
    )


def models(evidence: Evidence, read: Mapping[str, Pairs]) -> Part:
    """Scores and costs."""
    failures = modelling.failure_sheet(evidence)
    sheets = [
        modelling.score_sheet(evidence, pooled=_is_calibrated(evidence, read)),
        modelling.cost_sheet(evidence),
    ]
    return Part("models", "Every model", (), (), [*sheets, failures] if failures else sheets)


def statistics(comparisons: Sequence[Comparison]) -> Part | None:
    """Tests and probabilities."""
    if not comparisons:
        return None
    return Part("statistics", "Tests and probabilities", [TWO_SIDED], (), [comparison_sheet(comparisons)])


def curves(figures: Path, evidence: Evidence) -> list[Part]:
    """Learning curve and label noise."""
    column = modelling.metric_column(evidence.task, evidence.metric)
    made = []
    for curve in curving.curves_of(evidence):
        lines = curving.lines_of(evidence, curve, column)
        key = curve.name.lower().replace(" ", "_")
        path, pictures = figures / f"{key}.png", []
        if curving.draw_curve(path, curve, lines, column):
            alt = f"{curve.name}: mean {column.name} against {curve.axis}, a line a model, numbers in the table."
            pictures.append(Picture(path, alt, WIDTH))
        made.append(Part(key, curve.name, (), pictures, [curving.curve_sheet(curve, lines, column)]))
    return made


def slices(evidence: Evidence) -> Part | None:
    """Named subsets."""
    sheet = modelling.slice_sheet(evidence)
    return Part("slices", "Slices", (), (), [sheet]) if sheet else None


def heat_maps(figures: Path, evidence: Evidence, trials: pd.DataFrame) -> Part | None:
    """One heat map a model whose trials varied a setting."""
    pictures: list[Picture] = []
    without: list[str] = []
    for entrant in evidence.entrants:
        keys = varied_keys(evidence, entrant, trials)[:2]
        if not keys:
            continue
        if len(pictures) == MOST_HEAT_MAPS:
            without.append(entrant.label)
            continue
        path = figures / f"heat_map-{_safe(entrant.name)}.png"
        alt = heat_map(path, entrant, keys, trials, logarithmic(evidence, entrant))
        if alt is not None:
            pictures.append(Picture(path, alt, WIDTH))
    if not pictures:
        return None
    lines = [
        "Losses on the validation parts, from all trials of all splits: what a setting does, not how good the model is "
        f"on new rows. {_drawn(evidence)}"
    ]
    if without:
        lines.append(f"Not drawn for {counted(len(without), 'further model')}.")
    return Part("heat_maps", "What the settings do", lines, pictures)


def calibration(
    figures: Path, evidence: Evidence, read: Mapping[str, Pairs], best: str | None
) -> list[Part | None]:
    """Reliability and abstention, of a classification with predictions."""
    if not _is_calibrated(evidence, read):
        return []
    methods = evidence.declared.get("calibration", {}).get("methods", [NONE])
    found = {name: pool_methods(pairs, methods) for name, pairs in read.items()}
    pictures = []
    for name in dict.fromkeys(name for name in (evidence.candidate.name, best) if name in found):
        path = figures / f"reliability-{_safe(str(name))}.png"
        alt = drawing.reliability(path, label_of(evidence, name), found[str(name)])
        if alt is not None:
            pictures.append(Picture(path, alt, WIDTH))
    sheet = drawing.calibration_sheet(found, evidence.entrants, len(evidence.classes))
    lines = [
        "The predictions of all test parts together, each calibrated on the validation part of its own fit. Every "
        "repeat and seed predicts each row once; the intervals count a row once.",
        "Log-loss and calibration error are of all these rows pooled. Those under “Every model” are means over the "
        "folds, of the predictions as they were; a fold has fewer rows in each bin, so that its calibration error is "
        "larger as a rule.",
    ]
    first = Part("calibration", "Are the probabilities what they say?", lines, pictures, [sheet])
    return [first, _abstention(figures, evidence, found, best)]


def ranks(figures: Path, evidence: Evidence) -> Part | None:
    """Ranks over folds."""
    if len(evidence.entrants) < 2:
        return None
    found = ranking.ranks_of(evidence)
    heading = "Ranks over folds"
    if isinstance(found, Undecided):
        return Part("ranks", heading, [f"Not drawn: {found.reason}."])
    labels = {entrant.name: entrant.label for entrant in evidence.entrants}
    path = figures / "ranks.png"
    name = modelling.metric_column(evidence.task, evidence.metric).name
    ranking.draw_ranks(path, found, labels, name)
    order = ", ".join(f"{labels[one]} {rank:.2f}" for one, rank in found.averages.items())
    lines = [ranking.WHY]
    if found.left_out:
        lines.append(
            f"Without a score on every split, and left out: {', '.join(labels[one] for one in found.left_out)}."
        )
    alt = f"Average ranks over {found.n_splits} folds, 1 is best: {order}."
    return Part("ranks", heading, lines, [Picture(path, alt, WIDE)])


def variance(evidence: Evidence) -> Part | None:
    """Seed against split."""
    sheet = variance_sheet(evidence)
    return Part("variance", "Seed against split", (), (), [sheet]) if sheet else None


def tuning(evidence: Evidence) -> Part:
    """Budget and search spaces."""
    sheets = [tuned.budget_sheet(evidence), tuned.tuning_sheet(evidence)]
    return Part("tuning", "What was tuned, and with which budget", tuned.budget_lines(evidence), (), sheets)


def protocol(evidence: Evidence) -> Part:
    """What was declared."""
    lines = [
        f"Sealed before the first fit with digest {evidence.seal}; what is edited afterwards fails the study.",
        f"All models had the same {counted(len(evidence.splits), 'split')}."
        if evidence.outcomes
        else f"{counted(len(evidence.splits), 'split')} were planned, the same for all models, and no job ended.",
    ]
    sheets = [declared.protocol_sheet(evidence), declared.entrant_sheet(evidence)]
    return Part("protocol", "Protocol", lines, (), [sheet for sheet in sheets if sheet.rows])


def environment(evidence: Evidence) -> Part:
    """Where it ran, and on which data."""
    lines = [
        f"Data: {evidence.data}, {counted(evidence.n_rows, 'row')}, fingerprint {evidence.fingerprint or 'unknown'}.",
        f"Command line: {' '.join(evidence.overrides) or 'nothing but defaults'}.",
        f"Computing took {_duration(evidence.seconds)}, all jobs together; {_duration(evidence.wall_seconds)} passed.",
    ]
    sheets = [declared.environment_sheet(evidence), declared.backend_sheet(evidence)]
    return Part("environment", "Environment and data", lines, (), [one for one in sheets if one and one.rows])


def packages(evidence: Evidence) -> Part | None:
    """Every installed package: the longest table and the least read, so that it comes last."""
    sheet = declared.package_sheet(evidence)
    return Part("packages", "Package versions", (), (), [sheet]) if sheet.rows else None


def limits(evidence: Evidence, comparisons: Sequence[Comparison] | None, best: str | None) -> Part | None:
    """What such a study can show at all; `comparisons` is None where nothing was run, which has no limits."""
    lines = limiting.accepted(evidence)
    if comparisons:
        lines += limiting.what_can_be_seen(evidence, comparisons, best)
    if comparisons is not None:
        lines += limiting.general_limits(evidence)
    return Part("limits", "Limits", lines) if lines else None


def left_open(
    evidence: Evidence, verdict: Verdict, comparisons: Sequence[Comparison], read: Mapping[str, Pairs]
) -> Part:
    """What this one left open."""
    return Part(
        "open", "What could not be concluded", limiting.what_is_open(evidence, verdict, comparisons, read)
    )


def _is_calibrated(evidence: Evidence, read: Mapping[str, Pairs]) -> bool:
    """Whether the report has a section on calibration."""
    return evidence.task == "classification" and bool(read)


def _abstention(
    figures: Path, evidence: Evidence, found: Mapping[str, drawing.By], best: str | None
) -> Part | None:
    from study.calibration.abstention import risk_coverage

    shown: dict[tuple[str, str], tuple[np.ndarray, np.ndarray]] = {}
    lines = [
        "A model may keep silent where it is not sure. Rows are answered from the highest probability of the predicted "
        "class down; the curve shows how often the answers given are wrong."
    ]
    for name in dict.fromkeys(name for name in (evidence.candidate.name, best) if name in found):
        for method, pooled in found[str(name)].items():
            key = (label_of(evidence, name), drawing.spoken(method))
            if not isinstance(pooled, Pooled):
                continue
            curve = risk_coverage(pooled.targets, pooled.outputs)
            if isinstance(curve, Undecided):
                lines.append(f"{', '.join(key)}: {curve.reason}.")
            else:
                shown[key] = (np.asarray(curve.coverage), np.asarray(curve.risk))
    path = figures / "risk_coverage.png"
    alt = drawing.risk_curves(path, shown, "pooled test predictions")
    if alt is None:
        return Part("abstention", "Abstaining", lines) if len(lines) > 1 else None
    return Part("abstention", "Abstaining", lines, [Picture(path, alt, WIDTH)], [drawing.risk_sheet(shown)])


def _drawn(evidence: Evidence) -> str:
    """How the settings in the cells were chosen."""
    if evidence.declared.get("tuning", {}).get("trials", 0) <= N_AT_RANDOM:
        return "On each split the first setting is the configured one and the others are drawn at random."
    return (
        f"On each split the first {N_AT_RANDOM} settings are drawn at random, but for the configured one, and later "
        "ones more often where losses are low, so that cells hold different numbers of trials."
    )


def _rope_line(evidence: Evidence, comparisons: Sequence[Comparison]) -> str:
    asked = evidence.declared.get("gates", {}).get("statistical", {})
    if not any(one.rope for one in comparisons):
        return "No region of practical equivalence was declared."
    share = " of the other model's mean" if asked.get("relative") else ""
    width = f"{asked['rope']:g}{share}{_beside_scores(evidence, asked['rope']) if not share else ''}"
    line = f"Differences within ± {width}, the grey band, are declared to be of no practical weight."
    if any(one.margin for one in comparisons):
        line += f" The candidate may be worse by {asked['margin']:g}{share}, the dashed line."
    return line


def _beside_scores(evidence: Evidence, width: float) -> str:
    """What a width in units of the metric comes to; nothing for a metric that is a share of 1."""
    scores = list(evidence.scores(evidence.candidate.name).values())
    mean = abs(float(np.mean(scores))) if scores else 0.0
    if evidence.metric in limiting.UNIT_METRICS or not mean:
        return ""
    return f" ({width / mean:.2g} of the candidate's mean; gates.statistical.relative=true takes a share)"


def _signed(evidence: Evidence, name: str) -> str:
    """Losses are compared negated, so that more is better."""
    return name if evidence.greater_is_better else f"negated {name}"


def _safe(name: str) -> str:
    return re.sub(r"[^A-Za-z0-9]+", "_", name)


def _duration(seconds: float) -> str:
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
