"""Drift of one column against the training part: the population stability index (PSI).

PSI is the symmetrised Kullback-Leibler divergence of two histograms, sum((a - e) ln(a / e)). The words are the
usual ones: below 0.1 stable, below 0.25 moderate, else strong (N. Siddiqi, Credit Risk Scorecards, Wiley 2006).
Two departures. The textbook index is infinite on an empty bin; here one row's worth of the pooled histogram is
added to both sides. And few rows give a large index by chance alone (B. Yurdakul and J. Naranjo, Journal of Risk
Model Validation 14(4), 2020), so an index that two samples of one distribution exceed in more than one of twenty
draws is called stable whatever its size. Their chi-squared approximation is replaced by drawing: it is far off
with a handful of rows.
"""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Literal, Self

import numpy as np
from pydantic import with_config

from study.data.columns import Cells, Kind

MODERATE = 0.1
STRONG = 0.25
Verdict = Literal["stable", "moderate", "strong"]


@with_config(extra="forbid")
@dataclass(frozen=True)
class Reference:
    """The histogram of a column in the training part.

    `edges` are the inner bin edges of a numeric column, its deciles (fewer when they coincide); the outer
    bins are open. `categories` are the bins of the other kinds. The last two of `counts` are unseen
    categories and missing or unreadable cells.
    """

    edges: tuple[float, ...]
    categories: tuple[str, ...]
    counts: tuple[int, ...]

    @classmethod
    def of(cls, cells: Cells, kind: Kind) -> Self:
        present = cells.values[cells.present]
        if kind == "numeric":
            numbers = present.astype(np.float64)
            deciles = np.unique(np.quantile(numbers, np.arange(1, 10) / 10))
            if deciles[0] == numbers.min():  # else what falls below a constant would share its bin
                deciles = np.insert(deciles, 0, np.nextafter(deciles[0], -np.inf))
            empty = cls(tuple(float(edge) for edge in deciles), (), ())
        else:
            empty = cls((), tuple(sorted({str(value) for value in present})), ())
        return dataclasses.replace(empty, counts=tuple(int(count) for count in empty.count(cells)))

    def count(self, cells: Cells) -> np.ndarray:
        """How many of the cells fall into each bin, int64 (n_bins,), in the order of `counts`."""
        present = cells.values[cells.present]
        if self.edges:
            # side="left": a value equal to an edge belongs to the bin below it, as in the training part
            bins = np.searchsorted(self.edges, present.astype(np.float64), side="left")
            counts, unseen = np.bincount(bins, minlength=len(self.edges) + 1), 0
        else:
            found = Counter(str(value) for value in present)
            counts = np.array([found[category] for category in self.categories], dtype=np.int64)
            unseen = len(present) - int(counts.sum())
        return np.append(counts, [unseen, len(cells.values) - len(present)])

    def compare(self, cells: Cells) -> tuple[float, float]:
        """PSI of the cells, and what it reaches by chance in one of twenty draws from the training part."""
        expected, actual = np.array(self.counts), self.count(cells)
        return float(psi(expected, actual)), chance(expected, actual)


def psi(expected: np.ndarray, actual: np.ndarray) -> np.ndarray:
    """Population stability index of histograms of counts, (..., n_bins) each; gives (...).

    Bins that are empty on both sides do not count.
    """
    n_expected, n_actual = expected.sum(-1, keepdims=True), actual.sum(-1, keepdims=True)
    pooled = (expected + actual) / (n_expected + n_actual)
    before = (expected + pooled) / (n_expected + 1)
    now = (actual + pooled) / (n_actual + 1)
    ratio = np.divide(now, before, out=np.ones_like(now), where=before > 0)
    index: np.ndarray = np.sum((now - before) * np.log(ratio), axis=-1)
    return index


def chance(expected: np.ndarray, actual: np.ndarray, probability: float = 0.95, draws: int = 1000) -> float:
    """The quantile of PSI between two samples of the pooled histogram with as many rows; the draws are fixed."""
    pooled = (expected + actual) / (expected.sum() + actual.sum())
    random = np.random.default_rng(0)
    pairs = (random.multinomial(counts.sum(), pooled, size=draws) for counts in (expected, actual))
    return float(np.quantile(psi(*pairs), probability))


def verdict(index: float, by_chance: float) -> Verdict:
    """The word for a PSI of `index`."""
    if index < max(MODERATE, by_chance):
        return "stable"
    return "moderate" if index < STRONG else "strong"
