"""The configuration chosen on validation, and what is said of it."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest

from study.sweep.choice import choose
from tests.study.run.test_folder import MANIFEST


def plan_of(
    folder: Path, metrics: dict[tuple[int, int], float], greater_is_better: bool = True
) -> SimpleNamespace:
    """A finished sweep over depth and seed with these validation metrics; parameters grow with the depth."""
    jobs = []
    for number, ((depth, seed), value) in enumerate(metrics.items()):
        place = folder / str(number)
        place.mkdir()
        (place / "validation.json").write_text(json.dumps({"rows": 10, "metrics": {"accuracy": value}}))
        models = {"hybrid": {"n_parameters": 10 * depth}}
        (place / "manifest.json").write_text(json.dumps({**MANIFEST, "models": models}))
        jobs.append(
            SimpleNamespace(
                number=number,
                values={"depth": depth, "seed": seed},
                folder=place,
                fingerprint="same",
                state=SimpleNamespace(status="finished"),
            )
        )
    axes = {"depth": [1, 2], "seed": [0, 1]}
    return SimpleNamespace(axes=axes, jobs=jobs, metric="accuracy", greater_is_better=greater_is_better)


@pytest.mark.parametrize(("greater_is_better", "depth", "word"), [(True, 2, "highest"), (False, 1, "lowest")])
def test_the_best_mean_is_chosen(tmp_path: Path, greater_is_better: bool, depth: int, word: str) -> None:
    metrics = {(1, 0): 0.9, (1, 1): 0.5, (2, 0): 0.8, (2, 1): 0.7}
    choice = choose(plan_of(tmp_path, metrics, greater_is_better))  # type: ignore[arg-type]
    assert choice.values == {"depth": depth}
    assert choice.reason.startswith(word)
    assert "tied" not in choice.reason


def test_a_tie_is_called_one(tmp_path: Path) -> None:
    choice = choose(plan_of(tmp_path, {(2, 0): 0.75, (2, 1): 0.75, (1, 0): 0.5, (1, 1): 1.0}))  # type: ignore[arg-type]
    assert choice.values == {"depth": 1}
    assert "tied with 1 other, the one with fewer parameters" in choice.reason
