"""Metrics of rows drawn with repetition are torchmetrics' of the same rows written out."""

from __future__ import annotations

import numpy as np
import pytest

from study.ladder.scores import statistics
from study.metrics import evaluate

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_a_list_of_rows_has_the_metric_of_its_table(task: str) -> None:
    if task == "classification":
        targets, outputs = RNG.integers(3, size=60), RNG.dirichlet([1, 1, 1], 60)
    else:
        targets, outputs = RNG.normal(size=60), RNG.normal(size=60)
    found = statistics(task, targets, outputs)
    drawn = RNG.integers(60, size=(5, 60))
    for rows in drawn:
        wanted = evaluate(task, targets[rows], outputs[rows], 3)
        for name, statistic in found.items():
            assert float(statistic(rows)) == pytest.approx(wanted[name], rel=1e-6)
    for statistic in found.values():
        assert statistic(drawn) == pytest.approx([float(statistic(rows)) for rows in drawn])
