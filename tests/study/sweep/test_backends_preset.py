"""What `experiment=backends` shows: where a circuit runs changes what a run costs, and nothing that it finds."""

from __future__ import annotations

import io
from pathlib import Path

import pandas as pd
import pytest

from study.config.rules import TRAIN
from study.experiment import train
from study.run.folder import RunFolder
from study.run.stored import read_json
from study.sweep.expansion import expand
from study.terminal import Terminal

DEVICES = {"batched": "qlayers.batched", "default_qubit": "default.qubit", "lightning": "lightning.qubit"}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, RunFolder]:
    """One small job a backend, as the preset makes it."""
    small = ["data=moons", "data.n_samples=60", "n_qubits=2", "depth=1", "trainer.max_epochs=2", "seed=0"]
    plain = ["controls=none", "logger=none", f"output_dir={tmp_path_factory.mktemp('runs')}"]
    jobs = expand(TRAIN, ["experiment=backends", *small, *plain]).jobs
    assert len(jobs) == len(DEVICES)
    return {
        word.removeprefix("backend="): train(job.config, Terminal(file=io.StringIO()))
        for job in jobs
        for word in job.overrides
        if word.startswith("backend=")
    }


def test_the_jobs_are_every_backend_with_every_seed() -> None:
    axes = expand(TRAIN, ["experiment=backends"]).axes
    assert axes == {"backend": list(DEVICES), "seed": [0, 1, 2]}


def test_each_job_runs_where_it_says(runs: dict[str, RunFolder]) -> None:
    for backend, folder in runs.items():
        assert f'"{DEVICES[backend]}"' in folder.manifest.read_text(), backend
        assert read_json(folder.manifest)["status"] == "finished"


def test_all_find_the_same(runs: dict[str, RunFolder]) -> None:
    tables = {backend: numbers(folder.predictions) for backend, folder in runs.items()}
    for backend, table in tables.items():
        pd.testing.assert_frame_equal(table, tables["batched"], rtol=1e-7, atol=1e-9, obj=backend)


def numbers(path: Path) -> pd.DataFrame:
    return pd.read_parquet(path).select_dtypes("number")
