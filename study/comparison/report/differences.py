"""The candidate against each of the others: difference, interval, probability, corrected p-value."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from study.comparison.evidence import PLAIN, Condition, Entrant, Evidence, greater_is_better
from study.statistics.corrected_t import CorrectedT, corrected_t_test
from study.statistics.correlated_bayes import PosteriorOfDifference, correlated_bayes
from study.statistics.holm import Holm, holm
from study.statistics.paired import PairedDifferences, paired_differences
from study.statistics.undecided import Undecided

LEVEL = 0.95
NO_RESULT = Undecided("no split has a result")


@dataclass(frozen=True)
class Comparison:
    """The candidate's score minus another entrant's, fold by fold; above 0 the candidate is better.

    Attributes:
        other: which it is compared with.
        paired: differences of all folds.
        test: their mean with its corrected interval.
        posterior: probabilities of better, equivalent and worse.
        adjusted: two-sided p-value after Holm's correction over all comparisons of the study.
        rope: half the width of the region of practical equivalence; None if none was declared.
        margin: by which the candidate may be worse; None if it has to be better.
    """

    other: Entrant
    paired: PairedDifferences | Undecided
    test: CorrectedT | Undecided
    posterior: PosteriorOfDifference | Undecided
    adjusted: float | Undecided
    rope: float | None
    margin: float | None


def compare(evidence: Evidence) -> list[Comparison]:
    """The first candidate against every other entrant, in the evidence's order, on the declared metric."""
    first = evidence.candidate.name
    others = [entrant for entrant in evidence.entrants if entrant.name != first]
    sizes = evidence.part_sizes(first)
    not_worse = evidence.declared.get("gates", {}).get("statistical", {}).get("rule") == "not_worse"
    ropes = {other.name: declared_width(evidence, "rope", other.name) for other in others}
    paired: dict[str, PairedDifferences | Undecided] = {}
    tests: dict[str, CorrectedT | Undecided] = {}
    for other in others:
        paired[other.name] = difference(evidence, first, other.name)
        tests[other.name] = corrected_t_test(paired[other.name], *sizes, LEVEL) if sizes else NO_RESULT
    family = {name: test.p_value if isinstance(test, CorrectedT) else test for name, test in tests.items()}
    corrected = holm(family, 1 - LEVEL)
    return [
        Comparison(
            other,
            paired[other.name],
            tests[other.name],
            correlated_bayes(paired[other.name], *sizes, ropes[other.name] or 0.0) if sizes else NO_RESULT,
            corrected.adjusted[other.name] if isinstance(corrected, Holm) else corrected,
            ropes[other.name],
            declared_width(evidence, "margin", other.name) if not_worse else None,
        )
        for other in others
    ]


def difference(evidence: Evidence, first: str, second: str) -> PairedDifferences | Undecided:
    """First minus second, split by split; undecided if one of them has no result on a split that was planned."""
    scores = {name: evidence.scores(name) for name in (first, second)}
    planned = set(evidence.splits)
    for name, found in scores.items():
        lacking = planned - set(found)
        if lacking:
            label = label_of(evidence, name)
            return Undecided(f"{label} has no score on {len(lacking)} of {len(planned)} splits")
    return paired_differences(scores[first], scores[second])


def mean_of(
    evidence: Evidence, entrant: str, metric: str, condition: Condition = PLAIN
) -> tuple[float, CorrectedT | Undecided] | None:
    """Mean of a metric over the splits that have it, in its own direction, with its interval; None without any.

    The interval widens the variance of the mean by the overlap of training parts as the one of a difference does.
    """
    sign = 1.0 if greater_is_better(metric) else -1.0
    found = {split: sign * value for split, value in evidence.scores(entrant, metric, condition).items()}
    if not found:
        return None
    values = tuple(found[split] for split in sorted(found))
    sizes = evidence.part_sizes(entrant, condition)
    if sizes is None or not np.isfinite(values).all():
        return float(np.mean(values)), NO_RESULT
    # Against a model that scores 0 on every fold: the mean of the values themselves.
    paired = PairedDifferences(tuple(sorted(found)), values, max(map(abs, values)))
    return float(np.mean(values)), corrected_t_test(paired, *sizes, LEVEL)


def best_baseline(evidence: Evidence, named: str | None) -> str | None:
    """The verdict's, or the baseline with the best mean score over all planned splits; None if there is none."""
    if named is not None and named in {entrant.name for entrant in evidence.entrants}:
        return named
    means = {
        entrant.name: float(np.mean(list(scores.values())))
        for entrant in evidence.role("baseline")
        if set(scores := evidence.scores(entrant.name)) == set(evidence.splits) and scores
    }
    return max(means, key=lambda name: means[name]) if means else None


def declared_width(evidence: Evidence, key: str, other: str) -> float | None:
    """The gates' `rope` or `margin` in units of the score, or None if it is not declared.

    Where they are declared to be relative, they are shares of the other model's mean.
    """
    asked = evidence.declared.get("gates", {}).get("statistical", {})
    width = asked.get(key)
    if width is None or not asked.get("relative", False):
        return None if width is None else float(width)
    scores = list(evidence.scores(other).values())
    return float(width) * abs(float(np.mean(scores))) if scores else None


def label_of(evidence: Evidence, name: str | None) -> str:
    """What people call an entrant."""
    return next((entrant.label for entrant in evidence.entrants if entrant.name == name), str(name))
