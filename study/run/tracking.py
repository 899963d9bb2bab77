"""The trackers of a run (MLflow and the like): told what it is, told how it ended, and found again on resume."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from lightning.pytorch.loggers import Logger, MLFlowLogger

from study.run.results import Results
from study.text import in_tracker, visible

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
            logger.log_hyperparams(_written(config))


def _written(value: Any) -> Any:
    """A configuration with its keys and its texts as a tracker takes them."""
    if isinstance(value, Mapping):
        return {in_tracker(str(key)): _written(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_written(item) for item in value]
    return visible(value) if isinstance(value, str) else value


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
    conclude(trackers, values, step)


def conclude(trackers: Trackers, values: Mapping[str, float], step: int) -> None:
    """Tell every tracker the last values, and that the run is over."""
    with quiet_trackers():
        for logger in trackers.values():
            logger.log_metrics({in_tracker(name): value for name, value in values.items()}, step=step)
            logger.finalize(FINISHED)


def abandon(trackers: Trackers) -> None:
    """Tell every tracker that the run failed; one that cannot be told does not hide why."""
    with quiet_trackers():
        for logger in trackers.values():
            with suppress(Exception):
                logger.finalize(FAILED)


@contextmanager
def quiet_trackers() -> Iterator[None]:
    """Within the block, hide what MLflow logs of setting up a new database; warnings and errors pass."""
    # A level set on MLflow's logger would not last: MLflow sets it when it is imported, which may happen inside.
    disabled = logging.root.manager.disable
    chatty = logging.getLogger("lightning.pytorch.loggers.mlflow")  # warns that a new experiment is new
    level = chatty.level
    try:
        logging.disable(logging.INFO)
        chatty.setLevel(logging.ERROR)
        yield
    finally:
        logging.disable(disabled)
        chatty.setLevel(level)
