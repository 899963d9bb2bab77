"""Is the candidate better than the tuned baselines, or not worse? No baseline is picked: it must beat every one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from study.comparison.evidence import Entrant, Evidence
from study.gates.declaration import Statistical
from study.gates.gate import Gate
from study.gates.operational import best_baseline
from study.gates.words import amount, metric_name, rounded, tested
from study.statistics.corrected_t import CorrectedT, corrected_t_test
from study.statistics.correlated_bayes import PosteriorOfDifference, correlated_bayes
from study.statistics.holm import Holm, holm
from study.statistics.paired import PairedDifferences, paired_differences
from study.statistics.undecided import Undecided


@dataclass(frozen=True)
class Comparison:
    """The candidate against one other model, on the folds that both were judged on.

    Attributes:
        other: the model it is compared with.
        differences: of scores, candidate minus other; positive is better.
        margin: in the score's units.
        test: corrected resampled t-test; Undecided where the folds allow none.
        p_value: one-sided, against "the candidate is no better than the other" (rule better) or "is worse by the margin
            or more" (not_worse).
        p_worse: one-sided, against "the candidate is behind by the margin or less".
        bayes: Bayesian correlated test with the declared rope.
    """

    other: Entrant
    differences: PairedDifferences | Undecided
    margin: float
    test: CorrectedT | Undecided
    p_value: float | Undecided
    p_worse: float | Undecided
    bayes: PosteriorOfDifference | Undecided

    @property
    def refuted(self) -> bool:
        """Whether the whole interval lies below the margin."""
        return isinstance(self.test, CorrectedT) and self.test.high < -self.margin


@dataclass(frozen=True)
class Family:
    """All comparisons of the candidate that the rule counts, and the others.

    Attributes:
        rivals: those that the rule counts, the best baseline first: where several are as hard to beat, it is the one
            that gates and reasons name.
        beside: twins that are reported and do not count.
        corrected: Holm's correction of the rivals' p-values.
        worse: Holm's correction of their `p_worse`.
    """

    rivals: tuple[Comparison, ...]
    beside: tuple[Comparison, ...]
    corrected: Holm | Undecided
    worse: Holm | Undecided

    @property
    def ahead(self) -> tuple[Comparison, ...]:
        """Rivals that are better than the candidate with confidence, the best of them first.

        Being behind any one is enough, so that here chance has several tries: Holm's correction is always asked.
        """
        if isinstance(self.worse, Undecided):
            return ()
        found = [item for item in self.rivals if item.refuted and item.other.name in self.worse.rejected]
        return tuple(sorted(found, key=lambda item: rounded(_mean(item))))


def compare_all(evidence: Evidence, asked: Statistical) -> Family:
    """Compare the candidate with every baseline and every twin."""
    twins, baselines = evidence.role("twin"), evidence.role("baseline")
    counted = [*twins, *baselines] if asked.against == "baselines_and_twins" else baselines
    beside = [] if asked.against == "baselines_and_twins" else twins
    best = best_baseline(evidence)
    counted.sort(key=lambda other: other != best)
    rivals = tuple(_compare(evidence, other, asked) for other in counted)
    return Family(
        rivals,
        tuple(_compare(evidence, other, asked) for other in beside),
        holm({item.other.name: item.p_value for item in rivals}, asked.alpha) if rivals else _alone(),
        holm({item.other.name: item.p_worse for item in rivals}, asked.alpha) if rivals else _alone(),
    )


def statistical_gates(evidence: Evidence, asked: Statistical, family: Family) -> list[Gate]:
    """The rule, and that it survives more than one split, the correction, and each repeat.

    The rule is an intersection-union test (Berger 1982; Berger and Hsu 1996). "Not better" is true as soon as one
    baseline is as good as the candidate, and it is rejected only if the comparison with every baseline has p <= alpha,
    that is if the largest p-value has. Let b be a baseline that is as good: the candidate is promoted with probability
    at most P(p_b <= alpha) <= alpha, however many other baselines there are and however their scores depend on each
    other. So no correction is needed, and no baseline is picked as "the best" by the scores that it is then tested on.
    With exchangeable models the promotion rate is at most alpha; with several baselines it is far less. Holm's
    correction, if declared, only makes the rule stricter. The level is that of the corrected t-test, which is itself an
    approximation: the variance of cross-validation has no unbiased estimate (Bengio and Grandvalet 2004).

    A baseline that cannot be compared, because it failed or ties on all folds, keeps the candidate from being promoted.
    It does not keep another baseline from refuting the rule.
    """
    gates = [_enough(evidence, asked), _rule(evidence, asked, family)]
    if asked.correction == "holm":
        gates.append(_survives(asked, family))
    if asked.every_repeat and len({repeat for repeat, _ in evidence.splits}) > 1:
        gates.append(_every_repeat(evidence, asked, family))
    if asked.probability is not None:
        gates.append(_probable(asked, family))
    return gates


def _compare(evidence: Evidence, other: Entrant, asked: Statistical) -> Comparison:
    candidate = evidence.candidate
    first, second = evidence.scores(candidate.name), evidence.scores(other.name)
    unit = abs(float(np.mean(list(second.values())))) if asked.relative and second else 1.0
    margin, rope = asked.margin * unit, asked.rope * unit
    differences = _differences(candidate, first, other, second)
    sizes = evidence.part_sizes(candidate.name)
    test: CorrectedT | Undecided
    bayes: PosteriorOfDifference | Undecided
    if sizes is None:
        test = bayes = (
            differences
            if isinstance(differences, Undecided)
            else Undecided("the sizes of the training and test parts are not known")
        )
    else:
        test = corrected_t_test(differences, *sizes, 1 - asked.alpha)
        bayes = correlated_bayes(differences, *sizes, rope)
    if isinstance(test, Undecided):
        return Comparison(other, differences, margin, test, test, test, bayes)
    threshold = 0.0 if asked.rule == "better" else -margin
    return Comparison(
        other, differences, margin, test, test.p_above(threshold), 1 - test.p_above(-margin), bayes
    )


def _differences(
    candidate: Entrant,
    first: Mapping[tuple[int, int], float],
    other: Entrant,
    second: Mapping[tuple[int, int], float],
) -> PairedDifferences | Undecided:
    for entrant, scores in ((candidate, first), (other, second)):
        if not scores:
            return Undecided(f"{entrant.label} has no score on any fold")
    return paired_differences(first, second)


def _enough(evidence: Evidence, asked: Statistical) -> Gate:
    found = len(evidence.scores(evidence.candidate.name))
    passed = True if found >= asked.min_splits else None
    reason = (
        f"{evidence.candidate.label} was judged on {_folds(found)}."
        if passed
        else f"{_folds(found).capitalize()} cannot show whether a difference survives another split; "
        f"statistical.min_splits asks for {asked.min_splits}."
    )
    return Gate("statistical", "enough folds", passed, _folds(found), f"at least {asked.min_splits}", reason)


def _rule(evidence: Evidence, asked: Statistical, family: Family) -> Gate:
    metric = evidence.metric
    better = asked.rule == "better"
    name = "better than every baseline" if better else "not worse than any baseline"
    what = (
        f"one-sided p <= {asked.alpha:g} against each"
        if better
        else f"one-sided p <= {asked.alpha:g} against each, margin {_margin(asked, metric)}"
    )
    if not family.rivals:
        return Gate("statistical", name, None, "no comparison", what, str(_alone()))
    unknown = [item for item in family.rivals if isinstance(item.p_value, Undecided)]
    worst = _closest(family)
    if worst is not None and _number(worst.p_value) > asked.alpha:
        assert isinstance(worst.test, CorrectedT)
        shown = "is not shown to be better" if better else "is not shown to be within the margin"
        return Gate(
            "statistical",
            name,
            False,
            f"p = {_number(worst.p_value):.3g} against {worst.other.label}",
            what,
            f"{tested(evidence.candidate.label, worst.other.label, worst.test, metric)}, so it {shown}.",
        )
    if worst is None or unknown:
        return Gate("statistical", name, None, "not all comparisons", what, _cannot(unknown))
    assert isinstance(worst.test, CorrectedT)
    return Gate(
        "statistical",
        name,
        True,
        f"largest p = {_number(worst.p_value):.3g}, against {worst.other.label}",
        what,
        f"Closest rival: {tested(evidence.candidate.label, worst.other.label, worst.test, metric)}.",
    )


def _survives(asked: Statistical, family: Family) -> Gate:
    name, what = "survives Holm's correction", f"adjusted p <= {asked.alpha:g} against each"
    unknown = [item for item in family.rivals if isinstance(item.p_value, Undecided)]
    # The correction keeps the order of p-values: the rival that the rule names has the largest adjusted one, be it
    # alone or, as often at 1, with others.
    worst = _closest(family)
    if worst is None or isinstance(family.corrected, Undecided):
        reason = _cannot(unknown) if unknown else str(_alone())
        return Gate("statistical", name, None, "no comparison", what, reason)
    largest = _number(family.corrected.adjusted[worst.other.name])
    measured = f"largest adjusted p = {largest:.3g}, against {worst.other.label}"
    if largest > asked.alpha:
        return Gate(
            "statistical",
            name,
            False,
            measured,
            what,
            f"After Holm's correction for {_comparisons(family.corrected.n)} the one with {worst.other.label} has "
            f"p = {largest:.3g}.",
        )
    if unknown:
        return Gate("statistical", name, None, measured, what, _cannot(unknown))
    return Gate(
        "statistical", name, True, measured, what, f"All of {_comparisons(family.corrected.n)} survive it."
    )


def _every_repeat(evidence: Evidence, asked: Statistical, family: Family) -> Gate:
    name = "the same in every repeat"
    what = "ahead in each" if asked.rule == "better" else "within the margin in each"
    repeats = sorted({repeat for repeat, _ in evidence.splits})
    known = 0
    for item in family.rivals:
        if isinstance(item.differences, Undecided):
            continue
        known += 1
        threshold = 0.0 if asked.rule == "better" else -item.margin
        for repeat in repeats:
            values = [
                value
                for (at, _), value in zip(item.differences.splits, item.differences.values, strict=True)
                if at == repeat
            ]
            if values and float(np.mean(values)) <= threshold:
                return Gate(
                    "statistical",
                    name,
                    False,
                    f"not in repeat {repeat} against {item.other.label}",
                    what,
                    f"In repeat {repeat} alone {evidence.candidate.label} is "
                    f"{'not ahead of' if asked.rule == 'better' else 'beyond the margin behind'} "
                    f"{item.other.label}, and a lead has to hold however the data are cut.",
                )
    if known < len(family.rivals) or not known:
        unknown = [item for item in family.rivals if isinstance(item.differences, Undecided)]
        reason = _cannot(unknown) if unknown else str(_alone())
        return Gate("statistical", name, None, "not all comparisons", what, reason)
    text = f"It holds in each of {len(repeats)} repeats."
    return Gate("statistical", name, True, f"{len(repeats)} of {len(repeats)} repeats", what, text)


def _probable(asked: Statistical, family: Family) -> Gate:
    assert asked.probability is not None
    better = asked.rule == "better"
    name = "probable by the Bayesian test"
    what = f"at least {asked.probability:.1%} against each, rope {asked.rope:g}"
    found = {}
    for item in family.rivals:
        if isinstance(item.bayes, PosteriorOfDifference):
            found[item.other.label] = item.bayes.better if better else 1 - item.bayes.worse
    unknown = [item for item in family.rivals if isinstance(item.bayes, Undecided)]
    if not found:
        reason = _cannot(unknown) if unknown else str(_alone())
        return Gate("statistical", name, None, "no comparison", what, reason)
    least = min(found, key=lambda label: found[label])
    measured = f"{found[least]:.1%} against {least}"
    claim = "practically better than" if better else "not practically worse than"
    reason = f"The candidate is {claim} {least} with probability {found[least]:.1%}."
    if found[least] < asked.probability:
        return Gate("statistical", name, False, measured, what, reason)
    if unknown:
        return Gate("statistical", name, None, measured, what, _cannot(unknown))
    return Gate("statistical", name, True, measured, what, reason)


def _closest(family: Family) -> Comparison | None:
    """The rival with the largest p-value, of equals the first; None if no comparison has one."""
    known = [item for item in family.rivals if not isinstance(item.p_value, Undecided)]
    return max(known, key=lambda item: rounded(_number(item.p_value)), default=None)


def _cannot(unknown: list[Comparison]) -> str:
    """What an undecided comparison leaves open."""
    parts = [f"{item.other.label}: {_clause(item)}" for item in unknown]
    return f"Cannot be concluded against {'; '.join(parts)}."


def _clause(item: Comparison) -> str:
    return item.test.reason if isinstance(item.test, Undecided) else ""


def _alone() -> Undecided:
    return Undecided("there is no baseline to compare with")


def _margin(asked: Statistical, metric: str) -> str:
    if asked.relative:
        return f"{asked.margin:.1%} of the baseline's mean {metric_name(metric)}"
    return amount(asked.margin, metric)


def _number(value: float | Undecided) -> float:
    return float("nan") if isinstance(value, Undecided) else value


def _mean(item: Comparison) -> float:
    return item.differences.mean if isinstance(item.differences, PairedDifferences) else float("inf")


def _folds(count: int) -> str:
    return "one fold" if count == 1 else f"{count} folds"


def _comparisons(count: int) -> str:
    return "one comparison" if count == 1 else f"{count} comparisons"
