"""The trackers of a run (MLflow and the like): told what it is, told how it ended, and found again on resume."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger

from study.run.results import Results

Trackers = Mapping[str, Logger]
FINISHED, FAILED = "success", "failed"


def identities(trackers: Trackers) -> dict[str, dict[str, str]]:
    """Under which identity each tracker knows the run, as arguments with which to make the logger again."""
    return {
        name: {"run_id": str(logger.run_id)}
        for name, logger in trackers.items()
        if isinstance(logger, MLFlowLogger)
    }


def begin(trackers: Trackers, config: Mapping[str, Any]) -> None:
    """Tell every tracker the run's configuration."""
    with quiet_trackers():
        for logger in trackers.values():
            logger.log_hyperparams(dict(config))


def end(trackers: Trackers, results: Results, step: int) -> None:
    """Tell every tracker the test metrics: the main model's as `test/<metric>`, a control's with its name.

    Args:
        trackers: by name.
        results: of the finished run.
        step: the last epoch, so that trackers that order by step show the results last.
    """
    values: dict[str, float] = {}
    for model in results.models:
        prefix = "test" if model.role == "main" else f"test/{model.name}"
        values |= {f"{prefix}/{key}": value for key, value in model.metrics.items() if value is not None}
    with quiet_trackers():
        for logger in trackers.values():
            logger.log_metrics(values, step=step)
            logger.finalize(FINISHED)


def abandon(trackers: Trackers) -> None:
    """Tell every tracker that the run failed."""
    with quiet_trackers():
        for logger in trackers.values():
            logger.finalize(FAILED)


@contextmanager
def quiet_trackers() -> Iterator[None]:
    """Within the block, hide the log of every migration with which MLflow sets up a new database."""
    noisy = [logging.getLogger(name) for name in ("alembic", "mlflow")]
    levels = [logger.level for logger in noisy]
    try:
        for logger in noisy:
            logger.setLevel(logging.WARNING)
        yield
    finally:
        for logger, level in zip(noisy, levels, strict=True):
            logger.setLevel(level)
