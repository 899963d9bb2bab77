"""Heat maps of tuning: the bins of a setting are those of the scale on which it was searched."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from study.comparison.report import heat
from study.comparison.report.heat import heat_map, logarithmic
from tests.study.gates.make_evidence import evidence

RATES = [0.002, 0.003, 0.004, 0.006, 0.009, 0.014, 0.02, 0.03]
SEARCH = {"lr": {"low": 1e-3, "high": 0.1, "log": True}, "depth": {"choices": [1, 2]}}


@pytest.fixture
def labels(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """What the columns of the map are called, in the order in which they are made."""
    found: list[str] = []
    binned = heat._binned

    def noted(values: pd.Series, in_ratios: bool) -> tuple[list[str], list[int]]:
        result = binned(values, in_ratios)
        found.extend(result[0])
        return result

    monkeypatch.setattr(heat, "_binned", noted)
    return found


def drawn(tmp_path: Path, declared: dict[str, object]) -> str | None:
    made = evidence({"hybrid": [0.9], "svm": [0.8]}, declared=declared)
    trials = pd.DataFrame({"entrant": "hybrid", "lr": RATES, "loss": [0.5] * len(RATES)})
    entrant = made.entrants[0]
    return heat_map(tmp_path / "map.png", entrant, ["lr"], trials, logarithmic(made, entrant))


def test_a_setting_searched_by_ratios_is_binned_by_ratios(labels: list[str], tmp_path: Path) -> None:
    assert drawn(tmp_path, {"entrants": {"hybrid": {"search": SEARCH}}})
    edges = [float(label.split("–")[0]) for label in labels]
    assert edges == pytest.approx([0.002, 0.0039, 0.0077, 0.015], rel=0.02)


def test_another_is_binned_evenly(labels: list[str], tmp_path: Path) -> None:
    assert drawn(tmp_path, {"entrants": {"hybrid": {"search": {"lr": {"low": 1e-3, "high": 0.1}}}}})
    edges = [float(label.split("–")[0]) for label in labels]
    assert edges == pytest.approx([0.002, 0.009, 0.016, 0.023])
