"""The trackers' stores, made before several processes want to write to them."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path

from filelock import FileLock
from lightning.pytorch.loggers import MLFlowLogger
from omegaconf import DictConfig

from study import build
from study.run.stored import using
from study.run.tracking import quiet_trackers

SQLITE = "sqlite:///"
ANOTHER = "Put the original file back, or move it away: a new one is made. logger=none does without."


def prepare_stores(config: DictConfig) -> None:
    """Create the MLflow store and the experiment of `config`, if there are any, so that no two jobs do it at once.

    An SQLite store is set to write-ahead logging, which lets readers and a writer work side by side; writers wait for
    each other as long as `timeout` in the store's address says.
    """
    for name in config.logger:
        node = config.logger[name]
        if not str(node.get("_target_", "")).endswith("MLFlowLogger"):
            continue
        folder = Path(config.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        single = config.copy()
        single.logger = {name: node}
        with FileLock(folder / ".mlflow.lock"), quiet_trackers(), using(_file(single.logger[name]), ANOTHER):
            [logger] = build.loggers(single)
            assert isinstance(logger, MLFlowLogger)
            _ = logger._mlflow_client, _experiment(logger)
            _write_ahead(single.logger[name])


def _experiment(logger: MLFlowLogger) -> str:
    """Create the experiment without a run in it, which `experiment_id` would begin."""
    client = logger._mlflow_client
    known = client.get_experiment_by_name(logger._experiment_name)
    if known is not None:
        return str(known.experiment_id)
    return str(
        client.create_experiment(name=logger._experiment_name, artifact_location=logger._artifact_location)
    )


def _file(logger: DictConfig) -> Path:
    """The file of an SQLite store, or the address of another store, for messages."""
    return Path(str(logger.get("tracking_uri") or "").removeprefix(SQLITE).partition("?")[0])


def _write_ahead(logger: DictConfig) -> None:
    if str(logger.get("tracking_uri") or "").startswith(SQLITE):
        with contextlib.closing(sqlite3.connect(_file(logger), timeout=60)) as store:
            store.execute("PRAGMA journal_mode=WAL")
