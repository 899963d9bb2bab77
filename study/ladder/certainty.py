"""What a number of rows allows to be said."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from study.ladder.judging import Interval, Judged
from study.report.words import listed
from study.statistics.bootstrap import FEW_ROWS

LEVEL = 0.95


def too_few(n_rows: int) -> str | None:
    """That no interval is shown and nothing concluded, where rows are too few for it; None where they are not."""
    if n_rows >= FEW_ROWS:
        return None
    rows = "one row" if n_rows == 1 else f"{n_rows} rows"
    return (
        f"From {rows} no interval is shown and nothing concluded, since fewer than {FEW_ROWS} show less spread than "
        "there is: take more with rows=…"
    )


def has_ends(intervals: Iterable[Interval | None]) -> bool:
    """Whether one of them is an interval, and not a number alone."""
    return any(one is not None and one.low is not None and one.high is not None for one in intervals)


def shows_intervals(judged: Sequence[Judged]) -> bool:
    """Whether the ladder's table has any."""
    return any(
        has_ends([*one.metrics.values(), *one.differences.values(), one.error.ratio if one.error else None])
        for one in judged
    )


def unflipped(judged: Sequence[Judged], n_rows: int) -> str | None:
    """How many rows could flip on rungs where none did; None where there is no such rung, or too few rows.

    Resampling says nothing there, since every row says the same.
    """
    labels = [one.record.label for one in judged if one.flips == 0]
    if not labels or too_few(n_rows):
        return None
    return (
        f"On {listed(labels)}, 0 of {n_rows:,} rows flipped: with {LEVEL:.0%} confidence fewer than "
        f"{_share(most_that_flip(n_rows))} would."
    )


def most_that_flip(n_rows: int) -> float:
    """The upper end of the exact 95 % interval (Clopper and Pearson, 1934) of a share of which 0 of `n_rows` were seen.

    As for all intervals here, the level is that of both sides: 1 - 0.025 ** (1 / n_rows).
    """
    from scipy import stats

    return float(stats.binomtest(0, n_rows).proportion_ci(LEVEL, method="exact").high)


def _share(bound: float) -> str:
    """Rounded up, in words.

    >>> _share(0.3085), _share(0.0037)
    ('31 in 100', '4 in 1,000')
    """
    whole = 100
    while bound * whole < 1:
        whole *= 10
    return f"{math.ceil(bound * whole):,} in {whole:,}"
