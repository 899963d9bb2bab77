"""The comparisons as a table: intervals, probabilities, corrected p-values; and the spread's components."""

from __future__ import annotations

from collections.abc import Sequence

from study.comparison.evidence import Evidence, greater_is_better
from study.comparison.report.differences import Comparison
from study.report.sheet import NOTHING, Sheet, without_empty_end
from study.statistics.corrected_t import CorrectedT
from study.statistics.correlated_bayes import PosteriorOfDifference
from study.statistics.paired import PairedDifferences
from study.statistics.undecided import Undecided
from study.statistics.variance import VarianceComponents, variance_components


def comparison_sheet(comparisons: Sequence[Comparison]) -> Sheet:
    """One row a comparison of the candidate with another entrant."""
    ropes = {one.rope for one in comparisons}
    equal = (
        "equal" if not any(ropes) else "within the rope" if len(ropes) > 1 else f"within ± {ropes.pop():g}"
    )
    header = [
        "candidate minus", "role", "difference", "95% interval", "better / tied / worse folds", "p (Holm)",
        "P(better)", f"P({equal})", "P(worse)", "undecided because",
    ]  # fmt: skip
    rows = [_row(one) for one in comparisons]
    caption = (
        "Above 0 the candidate is better. Interval and p: corrected resampled t-test, p two-sided and adjusted by "
        "Holm over all rows; P: Bayesian correlated t-test"
    )
    marked = [isinstance(one.test, Undecided) for one in comparisons]
    return without_empty_end(Sheet(caption, header, [False, False, *[True] * 7, False], rows, marked))


def undecided_lines(comparisons: Sequence[Comparison]) -> list[str]:
    """The comparisons that have no interval, each with its reason."""
    return [
        f"Against {one.other.label} nothing is drawn: {one.test.reason}."
        for one in comparisons
        if isinstance(one.test, Undecided)
    ]


def variance_sheet(evidence: Evidence) -> Sheet | None:
    """Deviation between splits and between seeds, one row a model; None if every split has one seed."""
    sign = 1.0 if greater_is_better(evidence.metric) else -1.0
    rows, marked, several = [], [], False
    for entrant in evidence.entrants:
        runs: dict[tuple[int, int], list[float]] = {}
        for one in evidence.of(entrant.name):
            value = one.metrics.get(evidence.metric)
            if one.failure is None and value is not None:
                runs.setdefault(one.split, []).append(sign * float(value))
        several = several or any(len(values) > 1 for values in runs.values())
        found = variance_components(runs)
        marked.append(isinstance(found, Undecided))
        if isinstance(found, VarianceComponents):
            share = f"{found.split_share:.0%}"
            rows.append([entrant.label, f"{found.split**0.5:.4f}", f"{found.seed**0.5:.4f}", share, ""])
        else:
            rows.append([entrant.label, NOTHING, NOTHING, NOTHING, found.reason])
    if not several:
        return None
    header = [
        "model",
        "deviation between splits",
        "between seeds",
        "the splits' share of the variance",
        "undecided because",
    ]
    caption = "Where the spread of the scores comes from (random effects, seeds nested in splits)"
    return without_empty_end(Sheet(caption, header, [False, True, True, True, False], rows, marked))


def _row(one: Comparison) -> list[str]:
    folds = mean = NOTHING
    if isinstance(one.paired, PairedDifferences):
        ties = len(one.paired.values) - one.paired.wins - one.paired.losses
        folds = f"{one.paired.wins} / {ties} / {one.paired.losses}"
        mean = f"{one.paired.mean:+.4f}"
    span, reason = NOTHING, ""
    if isinstance(one.test, CorrectedT):
        span = f"{one.test.low:+.4f} to {one.test.high:+.4f}"
    else:
        reason = one.test.reason
    shares = [NOTHING] * 3
    if isinstance(one.posterior, PosteriorOfDifference):
        shares = [f"{p:.1%}" for p in (one.posterior.better, one.posterior.equivalent, one.posterior.worse)]
    adjusted = NOTHING if isinstance(one.adjusted, Undecided) else f"{one.adjusted:.3g}"
    return [one.other.label, one.other.role, mean, span, folds, adjusted, *shares, reason]
