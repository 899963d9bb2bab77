"""The report's comparisons rest on the numbers that the gates rest on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from study.comparison.evidence import Evidence
from study.comparison.report.differences import compare, mean_of
from study.gates.declaration import Statistical
from study.gates.statistical import compare_all
from study.statistics.corrected_t import CorrectedT
from tests.study.gates.make_evidence import evidence

SCORES = {"hybrid": [0.9, 0.8, 0.7, 0.95, 0.85], "svm": [0.85, 0.8, 0.75, 0.7, 0.9]}
N_TEST = [3, 3, 2, 2, 2]  # of 12 rows, of which 2 more are for the validation


def uneven() -> Evidence:
    found = evidence(SCORES)
    sizes = {(0, fold): (10 - n_test, n_test) for fold, n_test in enumerate(N_TEST)}
    return replace(
        found,
        outcomes=[
            replace(one, n_train=sizes[one.split][0], n_test=sizes[one.split][1]) for one in found.outcomes
        ],
    )


def half_width(values: np.ndarray) -> float:
    """Nadeau and Bengio's, from the formula of the paper; a fold's ratio is that of the sums."""
    ratio = sum(N_TEST) / sum(10 - n_test for n_test in N_TEST)
    error = np.sqrt(values.var(ddof=1) * (1 / len(values) + ratio))
    return float(stats.t.ppf(0.975, len(values) - 1) * error)


def test_folds_of_uneven_sizes_have_one_ratio_everywhere() -> None:
    found = uneven()
    differences = np.subtract(SCORES["hybrid"], SCORES["svm"])
    [shown] = compare(found)
    [gate] = compare_all(found, Statistical()).rivals
    for test in (shown.test, gate.test):
        assert isinstance(test, CorrectedT)
        assert test.high - test.mean == pytest.approx(half_width(differences))
    mean, own = mean_of(found, "hybrid", "accuracy")  # type: ignore[misc]
    assert isinstance(own, CorrectedT)
    assert own.high - mean == pytest.approx(half_width(np.array(SCORES["hybrid"])))
