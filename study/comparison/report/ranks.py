"""Ranks of the models over the folds of one dataset, in the manner of a critical-difference diagram."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from study.comparison.evidence import Evidence
from study.comparison.report.differences import LEVEL, difference
from study.report.rank_diagram import draw_rank_diagram
from study.statistics.corrected_t import CorrectedT, corrected_t_test
from study.statistics.holm import Holm, holm
from study.statistics.undecided import Undecided

DIGITS = 6

WHY = (
    "A critical-difference diagram as Demšar (2006) has it ranks models over independent datasets. A study has one "
    "dataset, and its folds share rows: Friedman's and Nemenyi's tests would count each fold as a dataset of its own "
    "and find too much. The ranks below are therefore averages over folds and describe this study only, and a bar "
    "links neighbours in rank of which no pair differs by the corrected resampled t-test, adjusted by Holm over "
    "all pairs. For tests and a diagram over datasets, run the same study on several and give the "
    "folders of all to report.py."
)


@dataclass(frozen=True)
class Ranks:
    """Average rank of each entrant that has a score on every split, the best first; adjusted p-values of all pairs."""

    n_splits: int
    averages: Mapping[str, float]
    pairs: pd.DataFrame
    left_out: tuple[str, ...]


def ranks_of(evidence: Evidence) -> Ranks | Undecided:
    """Rank the entrants on each split (1 is the best, ties share), and test every pair."""
    planned = sorted(set(evidence.splits))
    scores = {entrant.name: evidence.scores(entrant.name) for entrant in evidence.entrants}
    whole = [name for name, found in scores.items() if set(found) == set(planned)]
    if len(whole) < 3 or not planned:
        return Undecided(f"ranks compare three or more models, and {len(whole)} have a score on every split")
    table = np.array([[scores[name][split] for name in whole] for split in planned])  # (splits, models)
    if not np.isfinite(table).all():
        return Undecided("some scores are not finite")
    # Scores that are equal on paper may differ by rounding, and metrics are of single precision.
    scale = float(np.abs(table).max()) or 1.0
    ranks = stats.rankdata(-np.round(table / scale, DIGITS), axis=1)
    averages = ranks.mean(axis=0)
    if np.ptp(averages) == 0:
        return Undecided(f"all {len(whole)} models have the same average rank")
    order = np.argsort(averages, kind="stable")
    return Ranks(
        len(planned),
        {whole[at]: float(averages[at]) for at in order},
        _pairs(evidence, whole),
        tuple(name for name in scores if name not in whole),
    )


def draw_ranks(path: Path, ranks: Ranks, labels: Mapping[str, str], metric: str) -> None:
    """Draw them, with a bar over each of `groups`.

    Args:
        path: where the PNG goes.
        ranks: what is drawn.
        labels: of the entrants, by name.
        metric: that was ranked by, in words.
    """
    shown = _different(list(ranks.averages), labels)
    draw_rank_diagram(
        path,
        {shown[name]: rank for name, rank in ranks.averages.items()},
        [tuple(shown[name] for name in group) for group in groups(ranks)],
        [
            f"Average rank over {ranks.n_splits} folds of one dataset, by {metric}",
            "1 is best; a bar links what does not differ",
        ],
    )


def groups(ranks: Ranks) -> list[tuple[str, ...]]:
    """Longest runs of two or more neighbours in rank of which no pair differs."""
    names = list(ranks.averages)
    found: list[tuple[int, int]] = []
    for start in range(len(names)):
        end = start + 1
        while end < len(names) and (ranks.pairs.loc[names[start : end + 1], names[end]] > 1 - LEVEL).all():
            end += 1
        if end - start > 1 and (not found or end > found[-1][1]):
            found.append((start, end))
    return [tuple(names[start:end]) for start, end in found]


def _pairs(evidence: Evidence, names: list[str]) -> pd.DataFrame:
    """Adjusted p-values, 1 on the diagonal and where a pair is undecided."""
    found: dict[tuple[str, str], float | Undecided] = {}
    for one, other in combinations(names, 2):
        sizes = evidence.part_sizes(one)
        test = corrected_t_test(difference(evidence, one, other), *sizes) if sizes else Undecided("no rows")
        found[one, other] = test.p_value if isinstance(test, CorrectedT) else test
    keyed = {f"{one}\0{other}": p for (one, other), p in found.items()}
    corrected = holm(keyed, 1 - LEVEL)
    table = pd.DataFrame(1.0, index=names, columns=names)
    for one, other in found:
        p = corrected.adjusted[f"{one}\0{other}"] if isinstance(corrected, Holm) else corrected
        table.loc[one, other] = table.loc[other, one] = 1.0 if isinstance(p, Undecided) else p
    return table


def _different(names: list[str], labels: Mapping[str, str]) -> dict[str, str]:
    """Labels, with the name behind those that two entrants share."""
    counts = {name: sum(labels[other] == labels[name] for other in names) for name in names}
    return {name: labels[name] if counts[name] == 1 else f"{labels[name]} [{name}]" for name in names}
