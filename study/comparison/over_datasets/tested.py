"""Tests over datasets: one mean score a model and dataset, Demšar (2006)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from study.comparison.evidence import Entrant
from study.comparison.over_datasets.studies import Studies
from study.report.words import listed
from study.statistics.friedman import FriedmanNemenyi, friedman_nemenyi
from study.statistics.holm import Holm, holm
from study.statistics.undecided import Undecided
from study.statistics.wilcoxon import SignedRanks, wilcoxon

ALPHA = 0.05
# In units of the target, which differ from dataset to dataset.
WITH_UNITS = frozenset({"mae", "rmse"})


@dataclass(frozen=True)
class Versus:
    """The candidate against another entrant.

    Attributes:
        other: which.
        wins: datasets on which the candidate has the better mean score, however little better; of those with both.
        ties: the same for equal ones.
        losses: the same for worse ones.
        test: signed-rank test of the scores, of their logarithms for a metric with units.
        adjusted: its two-sided p-value after Holm's correction over all other entrants.
    """

    other: Entrant
    wins: int
    ties: int
    losses: int
    test: SignedRanks | Undecided
    adjusted: float | Undecided


@dataclass(frozen=True)
class Tested:
    """All tests of several studies; `ranks` is of the entrants with a score on every dataset, by name."""

    ranks: FriedmanNemenyi | Undecided
    versus: Sequence[Versus]


def compare_over(studies: Studies) -> Tested:
    """Rank the entrants over the datasets, and test the candidate against each of the others."""
    ranks = friedman_nemenyi({one.name: list(_known(studies, one).values()) for one in studies.whole}, ALPHA)
    others = studies.entrants[1:]
    tests = {other.name: _signed_ranks(studies, other) for other in others}
    corrected = holm(
        {name: test.p_value if isinstance(test, SignedRanks) else test for name, test in tests.items()}, ALPHA
    )
    versus = []
    for other in others:
        first, second = _known(studies, studies.candidate), _known(studies, other)
        signs = [np.sign(first[data] - second[data]) for data in first if data in second]
        adjusted = corrected.adjusted[other.name] if isinstance(corrected, Holm) else corrected
        wins, ties, losses = (signs.count(sign) for sign in (1, 0, -1))
        versus.append(Versus(other, wins, ties, losses, tests[other.name], adjusted))
    return Tested(ranks, versus)


def _signed_ranks(studies: Studies, other: Entrant) -> SignedRanks | Undecided:
    for entrant in (studies.candidate, other):
        if studies.lacking(entrant):
            return Undecided(
                f"{entrant.label} has no score on some split of {listed(studies.lacking(entrant))}"
            )
    first, second = _known(studies, studies.candidate), _known(studies, other)
    if studies.first.metric in WITH_UNITS:
        if 0.0 in [*first.values(), *second.values()]:
            return Undecided("an error is zero, so that the errors have no ratio")
        # Errors are negated scores.
        first, second = ({data: -math.log(-score) for data, score in row.items()} for row in (first, second))
    return wilcoxon(first, second, ALPHA)


def _known(studies: Studies, entrant: Entrant) -> dict[str, float]:
    return {data: score for data, score in studies.scores[entrant.name].items() if score is not None}
