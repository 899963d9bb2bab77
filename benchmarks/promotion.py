"""How often a study promotes a model that is no better, and one that is better by five points.

    python benchmarks/promotion.py --quick
    python benchmarks/promotion.py

Whole studies with cheap models, as `study.comparison.self_test` says: data drawn anew, 2 repeats of 5 folds, tuning,
choice, fit, test part, gates, verdict. A rate has its exact (Clopper-Pearson) 95 % interval.
"""

from __future__ import annotations

import argparse
import sys
from importlib.metadata import version
from typing import Any

from output import Table, add_write_option, console_and_tell, publish
from sides import HERE

DIFFERENCE = 0.05
PILOT_ROWS = 300
N_PILOTS, N_EXCHANGEABLE, N_BETTER = 20, 300, 100
QUICK = (2, 4, 2)


def many(numbers: range, n_rows: int, worse: float) -> list[Any]:
    """Studies on all cores, one thread each; whether each promoted, its evidence, and the two accuracies."""
    from joblib import Parallel, delayed

    return list(Parallel(n_jobs=-1, verbose=1)(delayed(single)(number, n_rows, worse) for number in numbers))


def single(number: int, n_rows: int, worse: float) -> Any:
    """One study, in a process of its own."""
    sys.path.insert(0, str(HERE.parent))  # models/ and study/ are not installed
    from threadpoolctl import threadpool_limits

    from study.comparison.self_test import one_study

    with threadpool_limits(1):
        return one_study(number, n_rows, worse=worse, n_baselines=1)


def rate(promoted: int, studies: int) -> str:
    """With its exact interval."""
    from scipy.stats import binomtest

    interval = binomtest(promoted, studies).proportion_ci(0.95, method="exact")
    return f"{promoted / studies:.1%} ({interval.low:.1%} to {interval.high:.1%})"


def accuracy(studies: list[Any], entrant: str) -> float:
    """Mean over all studies and folds."""
    scores = [score for one in studies for score in one.evidence.scores(entrant).values()]
    return sum(scores) / len(scores)


def gap(studies: list[Any]) -> float:
    """By how much the candidate is better, on average."""
    return accuracy(studies, "candidate") - accuracy(studies, "baseline 1")


def main() -> None:
    """Measure and print."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--quick", action="store_true", help="a handful of studies, which say nothing of rates"
    )
    add_write_option(parser)
    options = parser.parse_args()
    sys.path.insert(0, str(HERE.parent))
    from study.comparison.self_test import recommended_rows

    n_pilots, n_exchangeable, n_better = QUICK if options.quick else (N_PILOTS, N_EXCHANGEABLE, N_BETTER)
    console, progress = console_and_tell()
    progress.print(f"{n_exchangeable} studies of exchangeable models")
    equal = many(range(n_exchangeable), PILOT_ROWS, 0.0)
    # A coin that turns this share of the predictions round takes five points off.
    worse = DIFFERENCE / (2 * accuracy(equal, "candidate") - 1)
    progress.print(f"{n_pilots} pilots")
    pilots = many(range(10_000, 10_000 + n_pilots), PILOT_ROWS, worse)
    n_rows = recommended_rows([one.evidence for one in pilots], DIFFERENCE)
    progress.print(f"{n_pilots} studies of {n_rows} rows, as the reports recommend, to set the coin there")
    # Models are more often right on more rows, and of those the coin takes more.
    worse *= DIFFERENCE / gap(many(range(15_000, 15_000 + n_pilots), n_rows, worse))
    progress.print(f"{n_better} studies of {n_rows} rows")
    better = many(range(20_000, 20_000 + n_better), n_rows, worse)
    rows = []
    for name, studies, size in (
        ("exchangeable models", equal, PILOT_ROWS),
        ("candidate better by 5 points", better, n_rows),
    ):
        count = sum(one.promoted for one in studies)
        points = f"{100 * gap(studies):+.1f}"
        rows.append([name, str(len(studies)), str(size), points, rate(count, len(studies))])
    table = Table(
        "Promotion of a candidate over one tuned baseline, rule better at alpha 5 %",
        ["", "studies", "rows", "mean difference, points", "promoted (95 % interval)"],
        rows,
        [
            "Goals: an interval that includes 5 % or lies below it; at least 80 %. "
            f"The second size is what the reports of {n_pilots} pilots with {PILOT_ROWS} rows recommend."
        ],
    )
    versions = {name: version(name) for name in ("numpy", "optuna", "scikit-learn", "scipy")}
    publish("promotion", [table], versions, console, options.write, options.quick)


if __name__ == "__main__":
    main()
