"""The numbers of several studies as tables."""

from __future__ import annotations

import math
from collections.abc import Mapping
from statistics import mean

import pandas as pd
from scipy.stats import rankdata

from study.comparison.evidence import greater_is_better
from study.comparison.over_datasets.studies import Studies
from study.comparison.over_datasets.tested import Tested
from study.comparison.report.models import metric_column
from study.comparison.report.pages import WORDS
from study.comparison.report.shown import Verdict
from study.report.sheet import NOTHING, Sheet, without_empty_end
from study.statistics.friedman import FriedmanNemenyi
from study.statistics.undecided import Undecided
from study.statistics.wilcoxon import SignedRanks


def labels_of(studies: Studies) -> dict[str, str]:
    """Of the entrants, with the name behind those that two share."""
    found = [one.label for one in studies.entrants]
    return {
        one.name: one.label if found.count(one.label) == 1 else f"{one.label} [{one.name}]"
        for one in studies.entrants
    }


def ranks_by_data(studies: Studies) -> dict[tuple[str, str], float]:
    """Rank of each entrant that is ranked, by its name and the dataset; 1 is best, ties share."""
    names = [one.name for one in studies.whole]
    found: dict[tuple[str, str], float] = {}
    for data in studies.by_data:
        ranks = rankdata([-float(studies.scores[name][data] or 0.0) for name in names])
        found |= {(name, data): float(rank) for name, rank in zip(names, ranks, strict=True)}
    return found


def score_sheet(studies: Studies) -> Sheet:
    """Mean score and rank, entrant × dataset."""
    column = metric_column(studies.first.task, studies.first.metric)
    sign = 1.0 if greater_is_better(studies.first.metric) else -1.0
    ranks, labels = ranks_by_data(studies), labels_of(studies)
    rows, marked = [], []
    for entrant in studies.entrants:
        row = [labels[entrant.name], entrant.role]
        own = [ranks[entrant.name, data] for data in studies.by_data if (entrant.name, data) in ranks]
        for data, score in studies.scores[entrant.name].items():
            rank = f" ({ranks[entrant.name, data]:g})" if own else ""
            row.append(NOTHING if score is None else f"{column.text(sign * score)}{rank}")
        rows.append([*row, f"{mean(own):.2f}" if own else NOTHING])
        marked.append(not own)
    better = "higher" if column.higher_is_better else "lower"
    caption = (
        f"Mean {column.name} over the splits of each dataset, {better} is better; in brackets its rank, 1 is best, "
        "ties share"
    )
    header = ["model", "role", *studies.by_data, "average rank"]
    return Sheet(caption, header, [False, False, *[True] * (len(header) - 2)], rows, marked)


def versus_sheet(studies: Studies, tested: Tested) -> Sheet:
    """The candidate against each other entrant."""
    labels = labels_of(studies)
    rows, marked = [], []
    for one in tested.versus:
        sums = p = NOTHING
        reason = ""
        if isinstance(one.test, SignedRanks):
            sums, p = f"{one.test.for_first:g} / {one.test.for_second:g}", f"{one.test.p_value:.3g}"
        else:
            reason = one.test.reason
        adjusted = NOTHING if isinstance(one.adjusted, Undecided) else f"{one.adjusted:.3g}"
        counts = f"{one.wins} / {one.ties} / {one.losses}"
        rows.append([labels[one.other.name], one.other.role, counts, sums, p, adjusted, reason])
        marked.append(bool(reason))
    header = [
        f"{studies.candidate.label} against", "role", "wins / ties / losses", "rank sums for / against", "p",
        "p (Holm)", "undecided because",
    ]  # fmt: skip
    caption = (
        "Datasets won, tied and lost by the candidate; Wilcoxon's signed-rank test, two-sided, and its p-value after "
        "Holm's correction over all rows"
    )
    return without_empty_end(Sheet(caption, header, [False, False, *[True] * 4, False], rows, marked))


def pair_sheet(studies: Studies, found: FriedmanNemenyi) -> Sheet:
    """Nemenyi's p-value of every pair."""
    labels, names = labels_of(studies), list(found.ranks)
    rows = []
    for at, one in enumerate(names[:-1]):
        cells = ["" if place <= at else f"{found.pairs[one, other]:.3g}" for place, other in enumerate(names)]
        rows.append([labels[one], *cells[1:]])
    header = ["", *(labels[name] for name in names[1:])]
    return Sheet(
        "Nemenyi's p-value of each pair, in the order of the ranks", header, [False, *[True] * (len(header) - 1)], rows,
        [False] * len(rows),
    )  # fmt: skip


def study_sheet(studies: Studies, verdicts: Mapping[str, Verdict]) -> Sheet:
    """One row a study: what it found by itself."""
    rows = [
        [
            data,
            " ".join(reversed(WORDS[verdicts[data].decision])),
            verdicts[data].headline,
            f"{one.n_rows:,}",
            str(len(one.splits)),
            str(one.declared.get("tuning", {}).get("trials", NOTHING)),
            str(one.folder),
        ]
        for data, one in studies.by_data.items()
    ]
    header = ["dataset", "verdict", "in words", "rows", "splits", "trials", "folder"]
    numeric = [False, False, False, True, True, True, False]
    return Sheet("Each study by itself", header, numeric, rows, [False] * len(rows))


def long_table(studies: Studies) -> pd.DataFrame:
    """For other programs: one row a model and dataset."""
    ranks, labels = ranks_by_data(studies), labels_of(studies)
    sign = 1.0 if greater_is_better(studies.first.metric) else -1.0
    return pd.DataFrame(
        [
            {
                "entrant": entrant.name,
                "label": labels[entrant.name],
                "role": entrant.role,
                "data": data,
                "metric": studies.first.metric,
                "mean": math.nan if score is None else sign * score,
                "rank": ranks.get((entrant.name, data), math.nan),
                "study": str(evidence.folder),
            }
            for entrant in studies.entrants
            for data, evidence in studies.by_data.items()
            for score in (studies.scores[entrant.name][data],)
        ]
    )
