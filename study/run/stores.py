"""SQLite stores of the libraries: made whole before anybody opens them, by one process."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from lightning.pytorch.loggers import MLFlowLogger
from omegaconf import DictConfig

from study import build
from study.config.stored import OPENED
from study.run.atomic import replacing
from study.run.stored import using
from study.run.tracking import quiet_trackers

SQLITE = "sqlite:///"
ANOTHER = "Put the original file back, or move it away: a new one is made. logger=none does without."


def make_store(path: Path, make: Callable[[str], Any]) -> None:
    """Make an SQLite store at `path` if there is none; one that a killed process had half made is never seen.

    Args:
        path: of the store.
        make: makes the tables at an address of SQLAlchemy, and returns what holds them open.
    """
    with FileLock(path.with_name(f".{path.stem}.lock")):
        if not path.exists():
            with replacing(path) as temporary:
                make(f"{SQLITE}{temporary}").dispose()


def prepare_stores(config: DictConfig) -> None:
    """Create the MLflow store and the experiment of `config`, if there are any, so that no two processes do it at once.

    An SQLite store is set to write-ahead logging, which lets readers and a writer work side by side; writers wait for
    each other as long as `timeout` in the store's address says.

    Raises:
        StudyError: the store is damaged.
    """
    for name in config.logger:
        if not str(config.logger[name].get("_target_", "")).endswith("MLFlowLogger"):
            continue
        single = config.copy()
        single.logger = {name: config.logger[name]}
        node = single.logger[name]
        address = str(node.get("tracking_uri") or "")
        path = Path(address.removeprefix(SQLITE).partition("?")[0])
        folder = Path(config.output_dir)
        folder.mkdir(parents=True, exist_ok=True)
        with quiet_trackers(), using(path, ANOTHER):
            if address.startswith(SQLITE):
                make_store(path, lambda uri: _tables(single, name, uri))  # noqa: B023 (called at once)
            with FileLock(folder / ".mlflow.lock"):
                [logger] = build.loggers(single)
                assert isinstance(logger, MLFlowLogger)
                _experiment(logger)
                if address.startswith(SQLITE):
                    with contextlib.closing(sqlite3.connect(path, timeout=60)) as store:
                        store.execute("PRAGMA journal_mode=WAL")


def _tables(config: DictConfig, name: str, uri: str) -> Any:
    """Let MLflow make its tables at another address than the configuration's."""
    elsewhere = config.copy()
    elsewhere.logger[name].tracking_uri = uri
    if OPENED in elsewhere:  # the reader trusts the address for which this one stands
        elsewhere[OPENED].trust = [*elsewhere[OPENED].trust, uri]
    [logger] = build.loggers(elsewhere)
    assert isinstance(logger, MLFlowLogger)
    return logger._mlflow_client._tracking_client.store.engine


def _experiment(logger: MLFlowLogger) -> None:
    """Create the experiment without a run in it, which `experiment_id` would begin."""
    client = logger._mlflow_client
    if client.get_experiment_by_name(logger._experiment_name) is None:
        client.create_experiment(name=logger._experiment_name, artifact_location=logger._artifact_location)
