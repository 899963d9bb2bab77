"""Made-up results for the tests of the report."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from study.run.results import ModelResult, Results

QUALITY = {"accuracy": 0.95, "f1": 0.96, "roc_auc": 0.99, "calibration_error": 0.03, "log_loss": 0.2}

MakeResults = Callable[..., Results]


@pytest.fixture
def classification() -> MakeResults:
    """A main model and controls with these balanced accuracies, and a failed control if a reason is given."""

    def make(*balanced: float | None, failed: str | None = None) -> Results:
        models = [
            _model(index, {**QUALITY, "balanced_accuracy": value}) for index, value in enumerate(balanced)
        ]
        if failed is not None:
            models.append(ModelResult(name="broken", label="broken model", role="control", failure=failed))
        return Results("classification", "breast_cancer", 114, tuple(models))

    return make


@pytest.fixture
def regression() -> MakeResults:
    """A main model and controls with these root mean squared errors."""

    def make(*rmse: float) -> Results:
        models = [_model(index, {"mae": 40.0, "rmse": value, "r2": 0.5}) for index, value in enumerate(rmse)]
        return Results("regression", "diabetes", 89, tuple(models))

    return make


def _model(index: int, metrics: dict[str, float | None]) -> ModelResult:
    return ModelResult(
        name=f"model_{index}",
        label=f"model {index}",
        role="control" if index else "main",
        metrics=metrics,
        n_parameters=1000 + index,
        fit_seconds=1.5,
        latency_seconds=0.002,
    )
