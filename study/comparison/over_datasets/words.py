"""What several studies show together, and what so few datasets cannot."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from scipy import stats

from study.comparison.over_datasets.studies import Studies
from study.comparison.over_datasets.tested import ALPHA, WITH_UNITS, Tested, Versus
from study.comparison.report.models import metric_column
from study.comparison.report.shown import Verdict
from study.gates.verdict import never_scored
from study.report.words import counted, listed
from study.statistics.friedman import FriedmanNemenyi, critical_difference
from study.statistics.undecided import Undecided
from study.statistics.wilcoxon import SignedRanks

# Demšar (2006), section 3.2.2: from there on the chi-squared approximation of Friedman's test is good.
MANY_DATASETS, MANY_MODELS = 10, 5


def what_is_shown(studies: Studies, tested: Tested, verdicts: Mapping[str, Verdict]) -> list[str]:
    """The result in sentences, the candidate's first."""
    name, n = studies.candidate.label, len(studies.by_data)
    lines = [*_against(name, n, tested.versus)]
    if isinstance(tested.ranks, FriedmanNemenyi):
        lines += _ranked(studies, tested.ranks)
    else:
        lines.append(f"Ranks cannot be compared: {tested.ranks.reason}.")
    words = {"promote": "promote", "explore": "keep exploring", "stop": "stop"}
    said = []
    # Whose candidate never produced a score has found nothing, whatever its verdict is called.
    silent = [data for data, one in studies.by_data.items() if never_scored(one)]
    for decision, word in words.items():
        data = [
            name for name, verdict in verdicts.items() if verdict.decision == decision and name not in silent
        ]
        said += [f"{word} on {listed(data)}"] if data else []
    said += [f"nothing that could be concluded on {listed(silent)}"] if silent else []
    lines.append(f"What each study said by itself, by the gates that it declared: {'; '.join(said)}.")
    return lines


def what_cannot_be_shown(studies: Studies, tested: Tested) -> list[str]:
    """What no scores on so many datasets could have shown, and what the tests do not speak of."""
    n, others, models = len(studies.by_data), len(studies.entrants) - 1, len(studies.whole)
    lines = [
        _wilcoxon_limit(n, others),
        *([_friedman_limit(n, models), _nemenyi_limit(n, models)] if models > 2 else []),
    ]
    if studies.first.metric in WITH_UNITS:
        lines.append(
            "Errors are in the units of each target, so the signed-rank test compares their ratios (differences of "
            "logarithms); the table shows them as they are."
        )
    lines += [
        "A difference that is not shown may still be there: no p-value above 0.05 shows that two models are equal.",
        "Every dataset counts once, with its mean score: how sure that mean is does not enter, and a win by a hair is "
        "a win. The report of each study has its intervals.",
        "The tests speak of datasets like these. They take them as an independent sample of the problems that you care "
        "about, which only the choice of datasets can make true, made before the scores were seen.",
    ]
    lines += [f"{label} is not compared: it {reason}." for label, reason in studies.left_out.items()]
    for entrant in studies.entrants:
        lacking = studies.lacking(entrant)
        if lacking:
            lines.append(
                f"{entrant.label} has no score on some split of {listed(lacking)}, and is not ranked: the splits "
                "that it has might be the easier ones."
            )
    return [*lines, *studies.remarks]


def friedman_line(found: FriedmanNemenyi) -> str:
    """The test's numbers."""
    return (
        f"Friedman's test over {counted(found.n, 'dataset')}: chi-squared {found.statistic:.4g} on "
        f"{len(found.ranks) - 1} degrees of freedom, p = {found.p_value:.3g}. Nemenyi's critical difference of "
        f"average ranks at {found.alpha:g}: {found.critical_difference:.3f}."
    )


def _against(name: str, n: int, versus: Sequence[Versus]) -> list[str]:
    better = [one for one in versus if _significant(one) and _ahead(one)]
    worse = [one for one in versus if _significant(one) and not _ahead(one)]
    open_ones = [one for one in versus if not isinstance(one.adjusted, Undecided) and not _significant(one)]
    undecided: dict[str, list[str]] = {}
    for one in versus:
        if isinstance(one.test, Undecided):
            undecided.setdefault(one.test.reason, []).append(one.other.label)
    lines = []
    if better:
        lines.append(
            f"Over {n} datasets {name} is better than {_labels(better)} (signed-rank test, Holm, 5%)."
        )
    if worse:
        lines.append(f"Over {n} datasets {name} is worse than {_labels(worse)} (signed-rank test, Holm, 5%).")
    if open_ones:
        lines.append(
            f"Between {name} and {_labels(open_ones)} {counted(n, 'dataset')} show no difference (signed-rank test, "
            "Holm, 5%)."
        )
    lines += [
        f"Whether {name} is better than {listed(labels)} cannot be concluded: {reason}."
        for reason, labels in undecided.items()
    ]
    return lines


def _significant(one: Versus) -> bool:
    return not isinstance(one.adjusted, Undecided) and one.adjusted <= ALPHA


def _ahead(one: Versus) -> bool:
    return isinstance(one.test, SignedRanks) and one.test.for_first > one.test.for_second


def _ranked(studies: Studies, found: FriedmanNemenyi) -> list[str]:
    labels = {one.name: one.label for one in studies.entrants}
    best, rank = next(iter(found.ranks.items()))
    own = found.ranks.get(studies.candidate.name)
    name = metric_column(studies.first.task, studies.first.metric).name
    place = (
        f"; {studies.candidate.label} has {own:.2f}"
        if own is not None and best != studies.candidate.name
        else ""
    )
    line = (
        f"By {name} {labels[best]} has the best average rank, {rank:.2f} of {len(found.ranks)} models{place}."
    )
    if found.p_value > found.alpha:
        return [
            line,
            f"Friedman's test does not show that the {len(found.ranks)} models differ at all "
            f"(p = {found.p_value:.3g}).",
        ]
    apart = sum(p <= found.alpha for p in found.pairs.values())
    which = (
        f"Nemenyi's test tells {apart} of {len(found.pairs)} pairs apart"
        if apart
        else "Nemenyi's test no pair"
    )
    return [
        line,
        f"Friedman's test shows that the models are not all alike (p = {found.p_value:.3g}); {which}.",
    ]


def _wilcoxon_limit(n: int, others: int) -> str:
    least = 2.0 ** (1 - n)
    one, all_of_them = (math.ceil(1 + math.log2(count / ALPHA)) for count in (1, others))
    first = (
        f"With {counted(n, 'dataset')} the signed-rank test cannot give a p-value under {least:.3g}, even if one model "
        "wins on each"
    )
    if n < one:
        rest = f": it takes {one} before a single comparison can be significant at 5%"
        rest += f", and {all_of_them} for one of {others} after Holm's correction" if others > 1 else ""
    elif n < all_of_them:
        rest = f": for one of {others} comparisons after Holm's correction it takes {all_of_them}"
    else:
        rest = ""
    return f"{first}{rest}."


def _friedman_limit(n: int, models: int) -> str:
    least = float(stats.chi2.sf(n * (models - 1), models - 1))
    line = f"With {counted(n, 'dataset')} and {models} models Friedman's test cannot give a p-value under {least:.2g}"
    line += ", so that it could show nothing" if least > ALPHA else ""
    if n <= MANY_DATASETS or models <= MANY_MODELS:
        line += (
            f". Its p-value rests on an approximation for more than {MANY_DATASETS} datasets and more than "
            f"{MANY_MODELS} models (Demšar 2006), and is rough here"
        )
    return f"{line}."


def _nemenyi_limit(n: int, models: int) -> str:
    needed = critical_difference(models, n, ALPHA)
    most = models - 1
    if needed > most:
        enough = next(count for count in range(n, 1000) if critical_difference(models, count, ALPHA) <= most)
        return (
            f"Average ranks of {models} models differ by {most} at most, and Nemenyi's critical difference is "
            f"{needed:.2f}: no pair could have been told apart. It takes {enough} datasets before the first and the "
            "last can be."
        )
    return f"Average ranks must differ by {needed:.2f} of at most {most} for Nemenyi's test to tell two models apart."


def _labels(versus: Sequence[Versus]) -> str:
    return listed([one.other.label for one in versus])
