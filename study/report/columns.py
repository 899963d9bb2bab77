"""The columns of the comparison: what each one shows, how, and which direction is better."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from study.run.results import ModelResult

# Declared here, before any result is seen: who won is decided by this metric and no other.
PRIMARY = {"classification": "balanced_accuracy", "regression": "rmse"}


@dataclass(frozen=True)
class Column:
    """One column: its title (at most two lines), its value for a model, and how to write the value."""

    key: str
    title: str
    name: str
    higher_is_better: bool
    text: Callable[[float], str]

    def value(self, model: ModelResult) -> float | None:
        if self.key in COST_KEYS:
            found: float | None = getattr(model, self.key)
            return found
        return model.metrics.get(self.key)

    def best(self, models: Sequence[ModelResult]) -> set[str]:
        """Names of the models that are best here; empty if there is nothing to tell apart."""
        values = {model.name: self.value(model) for model in models}
        known = [value for value in values.values() if value is not None]
        if len(known) < 2 or min(known) == max(known):
            return set()
        target = max(known) if self.higher_is_better else min(known)
        return {name for name, value in values.items() if value == target}


def three_decimals(value: float) -> str:
    return f"{value:z.3f}"  # z: no minus sign before what rounds to zero


def significant(value: float) -> str:
    """Four significant digits, for quantities in the target's own units."""
    return f"{value:z.4g}"


def whole(value: float) -> str:
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


def milliseconds(value: float) -> str:
    value *= 1000
    return f"{value:.2f}" if value < 100 else f"{value:.0f}"


CLASSIFICATION = (
    Column("accuracy", "accuracy", "accuracy", True, three_decimals),
    Column("balanced_accuracy", "balanced\naccuracy", "balanced accuracy", True, three_decimals),
    Column("f1", "F1", "F1", True, three_decimals),
    Column("roc_auc", "ROC-\nAUC", "ROC-AUC", True, three_decimals),
    Column("calibration_error", "calib.\nerror", "calibration error", False, three_decimals),
    Column("log_loss", "log-\nloss", "log-loss", False, three_decimals),
)
REGRESSION = (
    Column("mae", "MAE", "MAE", False, significant),
    Column("rmse", "RMSE", "RMSE", False, significant),
    Column("r2", "R²", "R²", True, three_decimals),
)
COST = (
    Column("n_parameters", "param-\neters", "parameters", False, whole),
    Column("fit_seconds", "fit\ntime, s", "fit time", False, seconds),
    Column("latency_seconds", "latency,\nms/row", "latency", False, milliseconds),
)
COST_KEYS = frozenset(column.key for column in COST)
METRICS = {"classification": CLASSIFICATION, "regression": REGRESSION}


def primary_column(task: str) -> Column:
    return next(column for column in METRICS[task] if column.key == PRIMARY[task])
