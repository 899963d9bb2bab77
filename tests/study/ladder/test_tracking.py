"""The tracker that knows a run is told of its ladder; one that is gone is named, and stops nothing."""

from __future__ import annotations

import io
import shutil
from pathlib import Path

from study.config.check import check
from study.config.rules import EVALUATE
from study.ladder.evaluation import run_evaluation
from study.terminal import Terminal
from tests.study.ladder.conftest import trained


def test_mlflow_has_the_ladder(ladders: Path, tmp_path: Path) -> None:
    import mlflow

    settings = ("logger=mlflow", "trainer.max_epochs=1", "measurement=probs")
    run = trained(tmp_path / "runs", *settings, data=["data=diabetes"])
    lines = [f"run={run.path}", "ladder=small", "rows=6", "ladder.curve.shots=[30]"]
    text = io.StringIO()
    assert run_evaluation(check(EVALUATE, lines, str(ladders)).config, Terminal(file=text, width=200)) == 0
    assert "Warning" not in text.getvalue()
    client = mlflow.MlflowClient(f"sqlite:///{tmp_path / 'runs' / 'mlflow.db'}")
    (experiment,) = client.search_experiments(filter_string="name = 'qlayers'")
    (found,) = client.search_runs([experiment.experiment_id])
    metrics = found.data.metrics
    assert metrics["ladder/sampled/executions"] == 6 + 2 * 2
    assert metrics["ladder/sampled/shots"] == 10 * 400
    assert metrics["ladder/again/rmse_difference"] < 1e-3
    assert metrics["ladder/sampled/total_variation"] > 0
    assert metrics["ladder/exact/n_qubits"] == 2
    assert "test/rmse" in metrics
    assert found.info.status == "FINISHED"
    # One whose store no longer takes it.
    client.delete_run(found.info.run_id)
    shutil.rmtree(run.path / "evaluations")
    assert run_evaluation(check(EVALUATE, lines, str(ladders)).config, Terminal(file=text, width=200)) == 0
    assert "the evaluation is not in mlflow" in text.getvalue()
