from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from study.report.columns import COST, METRICS, PRIMARY
from study.report.terminal import as_text, save_report
from study.run.folder import RunFolder
from study.run.results import Results

MakeResults = Callable[..., Results]


def row(text: str, label: str) -> list[str]:
    return next(line for line in text.split("\n") if line.strip().startswith(label)).split()


def test_every_number_of_every_model_is_there(classification: MakeResults) -> None:
    text = as_text(classification(0.90, 0.95))
    assert row(text, "model 0")[2:] == [
        "0.950",
        "0.900",
        "0.960",
        "0.990",
        "0.030",
        "0.200",
        "1,000*",
        "1.50",
        "2.00",
    ]
    assert row(text, "model 1")[2:] == [
        "0.950",
        "0.950*",
        "0.960",
        "0.990",
        "0.030",
        "0.200",
        "1,001",
        "1.50",
        "2.00",
    ]


def test_best_means_lowest_for_errors(regression: MakeResults) -> None:
    text = as_text(regression(60.0, 55.25))
    assert row(text, "model 0")[3] == "60"
    assert row(text, "model 1")[3] == "55.25*"


def test_equal_values_are_both_best_and_a_column_of_equals_has_no_best(classification: MakeResults) -> None:
    text = as_text(classification(0.95, 0.95, 0.90))
    assert row(text, "model 0")[3] == row(text, "model 1")[3] == "0.950*"
    assert "0.960*" not in text


def test_a_failed_model_stays_in_the_table_with_its_reason(classification: MakeResults) -> None:
    text = as_text(classification(0.90, failed="out of memory"))
    assert row(text, "broken model")[2:] == ["failed"]
    assert "broken model failed: out of memory" in text


@pytest.mark.parametrize("width", [60, 80, 100, 140])
def test_nothing_is_cut_off_in_a_narrow_terminal(classification: MakeResults, width: int) -> None:
    text = as_text(classification(0.90, 0.95, failed="out of memory"), width)
    assert max(len(line) for line in text.split("\n")) <= width
    assert "…" not in text
    for value in ("0.900", "0.950*", "1,000*", "1,001", "2.00"):
        assert value in text


def test_a_metric_that_is_not_defined_is_a_dash(classification: MakeResults) -> None:
    assert row(as_text(classification(None, 0.9)), "model 0")[3] == "–"


def test_table_files_hold_the_same_and_the_picture_is_well_formed(
    classification: MakeResults, tmp_path: Path
) -> None:
    results = classification(0.90, 0.95, failed="out of memory")
    save_report(RunFolder(tmp_path), results)
    assert (tmp_path / "table.txt").read_text() == as_text(results)
    assert 'url("' not in (tmp_path / "table.svg").read_text(encoding="utf-8")  # nothing is fetched
    drawn = " ".join(ElementTree.parse(tmp_path / "table.svg").getroot().itertext())
    words = re.sub(r"\s+", " ", drawn.replace("\xa0", " "))
    for value in ("0.950*", "1,001", "out of memory", "One split is not evidence"):
        assert value in words


def test_the_primary_metric_is_a_column_and_keys_are_unique() -> None:
    for task, columns in METRICS.items():
        keys = [column.key for column in (*columns, *COST)]
        assert PRIMARY[task] in keys
        assert len(keys) == len(set(keys))


def test_what_rounds_to_zero_has_no_sign(classification: MakeResults) -> None:
    assert row(as_text(classification(-1e-9, 0.9)), "model 0")[3] == "0.000"


def test_what_was_tuned_to_an_edge_is_said_and_nothing_otherwise(classification: MakeResults) -> None:
    inside = classification(0.90, 0.95, 0.93)
    assert "edge" not in as_text(inside)
    first, second, third = inside.models
    edges = (
        first,
        replace(second, at_edge={"C": 1000.0, "gamma": 0.01}),
        replace(third, at_edge={"alpha": 10}),
    )
    line = "at their best: model 1 (C=1000, gamma=0.01), model 2 (alpha=10)."
    assert line in " ".join(as_text(replace(inside, models=edges)).split())


def test_latency_is_explained(classification: MakeResults) -> None:
    assert "latency: one row at a time, median of repeats." in as_text(classification(0.90))
