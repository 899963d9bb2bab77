"""How many runs it takes to see a difference, and which difference given runs can show."""

from __future__ import annotations

import math
from dataclasses import dataclass

from study.statistics.checks import require_positive, require_share
from study.statistics.undecided import Undecided

MOST_RUNS = 100_000

# From this noncentrality on the mean has the wrong sign with a probability under 1e-11, which is left out: scipy's
# noncentral t gives NaN for it.
FAR = 7.0


@dataclass(frozen=True)
class RunsNeeded:
    """Number of runs (folds over all repeats, or independent seeds) that shows a difference.

    Attributes:
        power: probability of p < alpha with that many, at least the one asked for.
    """

    runs: int
    difference: float
    deviation: float
    power: float
    alpha: float

    def __str__(self) -> str:
        return (
            f"{self.runs} runs show a true difference of {self.difference:.4g} in {self.power:.0%} of studies "
            f"(two-sided at {self.alpha:g}, deviation of a difference {self.deviation:.4g})"
        )


@dataclass(frozen=True)
class Resolvable:
    """Smallest true difference that a number of runs shows with the given power."""

    runs: int
    difference: float
    deviation: float
    power: float
    alpha: float

    def __str__(self) -> str:
        return (
            f"{self.runs} runs cannot resolve differences under {self.difference:.4g} "
            f"(power {self.power:.0%}, two-sided at {self.alpha:g})"
        )


def power_of(
    runs: int, difference: float, deviation: float, ratio: float = 0.0, alpha: float = 0.05
) -> float:
    """Power of the two-sided corrected resampled t-test, by statsmodels (noncentral t).

    Args:
        runs: differences that are averaged, at least 2.
        difference: the true one.
        deviation: standard deviation of a single difference, above 0.
        ratio: n_test / n_train of `corrected_t_test`; 0 for independent runs.
        alpha: significance.
    """
    from statsmodels.stats.power import TTestPower

    # The correction makes n runs worth fewer independent ones; the degrees of freedom stay n - 1.
    worth = 1 / (1 / runs + ratio)
    effect = abs(difference) / deviation
    options = {"nobs": worth, "alpha": alpha / 2, "df": runs - 1}
    power = float(TTestPower().power(effect, **options, alternative="larger"))
    if effect * math.sqrt(worth) < FAR:
        power += float(TTestPower().power(effect, **options, alternative="smaller"))
    return power


def runs_needed(
    difference: float,
    deviation: float,
    *,
    ratio: float = 0.0,
    power: float = 0.8,
    alpha: float = 0.05,
) -> RunsNeeded | Undecided:
    """The smallest number of runs whose corrected t-test has the power asked for.

    With folds of one dataset there may be none: repeats of cross-validation reuse the rows, so that the error of the
    mean never falls under deviation · √ratio.

    Args:
        difference: true difference that is to be seen; its sign does not matter.
        deviation: standard deviation of a single difference, as seen in a pilot.
        ratio: n_test / n_train; 0 for independent runs, such as datasets or redrawn data.
        power: probability of seeing it, above `alpha`.
        alpha: two-sided significance.

    Raises:
        StudyError: if a share is none, or `deviation` or `ratio` is negative or not finite.
    """
    _check(deviation, ratio, power, alpha)
    if difference == 0 or not math.isfinite(difference):
        return Undecided(
            "no number of runs shows a difference of zero"
            if difference == 0
            else "the difference is not finite"
        )
    if deviation == 0:
        return Undecided("without any spread of the differences the number of runs cannot be computed")

    def reached(runs: int) -> bool:
        return power_of(runs, difference, deviation, ratio, alpha) >= power

    high = 2
    while not reached(high):
        if high >= MOST_RUNS:
            return Undecided(_never(difference, deviation, ratio))
        high = min(2 * high, MOST_RUNS)
    low = high // 2  # not enough, or 1
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reached(middle) else (middle, high)
    return RunsNeeded(high, difference, deviation, power_of(high, difference, deviation, ratio, alpha), alpha)


def resolvable(
    runs: int, deviation: float, *, ratio: float = 0.0, power: float = 0.8, alpha: float = 0.05
) -> Resolvable | Undecided:
    """The smallest true difference that so many runs show with the power asked for; arguments as in `runs_needed`."""
    from scipy.optimize import brentq

    _check(deviation, ratio, power, alpha)
    if runs < 2:
        return Undecided("it takes at least 2 runs, and there is one" if runs == 1 else "there are no runs")
    if deviation == 0:
        return Undecided(
            "without any spread of the differences the smallest one to be seen cannot be computed"
        )
    error = math.sqrt(1 / runs + ratio)  # of the mean, in deviations

    def short(effect: float) -> float:
        return power_of(runs, effect, 1.0, ratio, alpha) - power

    high = error
    while short(high) < 0:
        high *= 2
    effect = float(brentq(short, 0.0, high, xtol=1e-12, rtol=1e-12))
    return Resolvable(runs, effect * deviation, deviation, power, alpha)


def _check(deviation: float, ratio: float, power: float, alpha: float) -> None:
    require_positive("deviation", deviation, zero=True)
    require_positive("ratio", ratio, zero=True)
    require_share("alpha", alpha)
    require_share("power", power)
    if power <= alpha:
        require_share("power - alpha", power - alpha)


def _never(difference: float, deviation: float, ratio: float) -> str:
    if ratio:
        return (
            f"no number of repeats shows a difference of {abs(difference):.4g}, as they reuse the same rows and the "
            f"error of the mean stays above {deviation * math.sqrt(ratio):.4g}; it takes more rows"
        )
    return f"a difference of {abs(difference):.4g} takes more than {MOST_RUNS} runs"
