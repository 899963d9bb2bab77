"""A whole sweep in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from lightning import LightningModule, Trainer

from study.data.prepare import Prepared, prepare
from study.errors import StudyError
from study.fitting.recorder import Recorder
from study.run.folder import open_run
from study.sweep.estimate import Estimate
from tests.study.sweep.small import folder_of, job_folders, read, times

Lines = Callable[..., list[str]]
Sweep = Callable[[list[str]], tuple[int, str]]


@pytest.fixture
def unestimated(monkeypatch: pytest.MonkeyPatch) -> None:
    """For tests of what the jobs do: the estimate before them fits models too, and has tests of its own."""
    nothing = Estimate(0.0, 0.0, 0.0, 0.0, 0, {}, 0)
    monkeypatch.setattr("study.sweep.estimate.estimate", lambda jobs: nothing)


class Poison:
    """A test part that nobody may look at."""

    def __getattr__(self, name: str) -> None:
        raise AssertionError(f"the test part's {name} was read")


def test_jobs_are_fitted_once_and_judged_on_validation(
    sweep: Sweep, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def poisoned(*arguments: object) -> Prepared:
        return dataclasses.replace(prepare(*arguments), test=Poison())  # type: ignore[arg-type]

    # Jobs and calibration get a poisoned test part; the end of the sweep reads the real one.
    monkeypatch.setattr("study.sweep.fit.prepare", poisoned)
    monkeypatch.setattr("study.sweep.estimate.prepare", poisoned)
    code, said = sweep(lines("depth=1,2", "seed=0,1"))
    assert code == 0, said
    runs = tmp_path / "runs"
    folders = job_folders(runs)
    for folder in folders.values():
        manifest = read(folder / "manifest.json")
        assert manifest["status"] == "finished"
        assert set(manifest["process"]) == {"pid", "host"}
        model = manifest["models"]["hybrid"]
        first = model["initial_gradient_norm"]
        assert first > 0
        assert {"circuit", "execution", "n_parameters", "fit_seconds"} <= set(model)
        validation = read(folder / "validation.json")
        assert validation["rows"] == manifest["split"]["validation"]
        # One epoch, so the best one's accuracy is the last one's.
        assert validation["metrics"]["accuracy"] == pytest.approx(
            pd.read_csv(folder / "metrics.csv")["val_accuracy"].iloc[-1]
        )
        assert not {"predictions.parquet", "results.json", "controls"} & {
            path.name for path in folder.iterdir()
        }
        with pytest.raises(StudyError, match="is a job of a sweep"):
            open_run(folder, "resume")
    final = read(folder_of(runs) / "final.json")
    means = {
        depth: sum(
            read(folders[f"depth={depth} seed={seed}"] / "validation.json")["metrics"]["balanced_accuracy"]
            for seed in (0, 1)
        )
        for depth in (1, 2)
    }
    assert means[final["chosen"]["depth"]] == max(means.values())
    assert final["over"] == ["seed"]
    assert [(model["role"], model["seed"]) for model in final["splits"][0]["models"]] == [
        ("main", 0),
        ("main", 1),
    ]

    before = times(runs)
    code, said = sweep(lines("depth=1,2", "seed=0,1"))
    assert code == 0
    assert "4 finished already" in said
    untouched = {path: time for path, time in times(runs).items() if "/jobs" in path}
    assert untouched == {path: time for path, time in before.items() if "/jobs" in path}
    assert times(runs)[str(folder_of(runs) / "final.json")] == before[str(folder_of(runs) / "final.json")]


def test_a_failing_job_is_named_and_tried_again(sweep: Sweep, lines: Lines, tmp_path: Path) -> None:
    command = lines("encoding=angle,amplitude", "reupload=true")
    for attempt in (0, 1):
        code, said = sweep(command)
        assert code == 3
        assert "failed: encoding=amplitude: reupload=true repeats the encoding" in said
        assert "1 of 2 jobs failed" in said
        assert ("1 that failed to be tried again" in said) is bool(attempt)
    folders = job_folders(tmp_path / "runs")
    plan = read(folder_of(tmp_path / "runs") / "sweep.json")
    assert [bool(job["failure"]) for job in plan["jobs"]] == [False, True]
    failed = read(folders["encoding=amplitude"] / "manifest.json")
    assert failed["status"] == "failed"
    assert failed["failure"].startswith("reupload=true repeats")
    assert read(folders["encoding=angle"] / "manifest.json")["status"] == "finished"
    assert read(folder_of(tmp_path / "runs") / "final.json")["chosen"] == {"encoding": "angle"}


@pytest.mark.long
@pytest.mark.usefixtures("unestimated")
def test_values_are_printed_as_typed(sweep: Sweep, lines: Lines) -> None:
    code, said = sweep(lines("reupload=true,false", "optimizer.lr=1e-2", "encoding=amplitude", "seed=0,1"))
    assert code == 3
    assert "failed: reupload=true seed=0: " in said
    assert "Chosen: reupload=false (" in said
    assert "True" not in said


def test_an_estimate_above_the_limit_is_refused_unless_confirmed(
    sweep: Sweep, lines: Lines, tmp_path: Path
) -> None:
    command = lines("depth=1,2", "sweep.max_hours=0.0001", "trainer.max_epochs=2")
    with pytest.raises(StudyError, match=r"sweep\.max_hours=0\.0001.*sweep\.confirmed=true"):
        sweep(command)
    assert not (tmp_path / "runs").exists()
    assert sweep([*command, "sweep.confirmed=true"])[0] == 0


@pytest.mark.usefixtures("unestimated")
def test_controls_are_fitted_once_a_split(
    sweep: Sweep, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from study.baselines.logistic import Logistic

    fits: list[Path] = []
    fit = Logistic.fit

    def counted(self: Logistic, data: Prepared, folder: Path, **options: object) -> None:
        assert len(data.test.rows) == 0
        fits.append(folder)
        fit(self, data, folder, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Logistic, "fit", counted)
    few = [line for line in lines() if line != "controls=none"]
    left_out = [
        f"controls.{name}=null" for name in ("ridge", "rbf_svm", "gradient_boosting", "mlp", "separable")
    ]
    command = [*few, *left_out, "seed=0,1", "split.fold=0,1"]
    assert sweep(command)[0] == 0
    assert len(fits) == 2
    final = read(folder_of(tmp_path / "runs") / "final.json")
    assert [split["split"]["fold"] for split in final["splits"]] == [0, 1]
    for split in final["splits"]:
        assert [model["role"] for model in split["models"]] == ["main", "main", "control"]
        assert all(model["failure"] is None for model in split["models"])
    assert sweep(command)[0] == 0
    assert len(fits) == 2


@pytest.mark.long
def test_a_job_that_was_stopped_goes_on_in_its_mlflow_run(
    sweep: Sweep, lines: Lines, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [
        word for word in lines("seed=0,1", "logger=mlflow", "trainer.max_epochs=3") if word != "logger=none"
    ]
    whole = Recorder.on_train_epoch_end

    def stop_after_the_second(self: Recorder, trainer: Trainer, pl_module: LightningModule) -> None:
        whole(self, trainer, pl_module)
        if trainer.current_epoch == 1 and trainer.max_epochs == 3:  # not in the trial fit of the estimate
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Recorder, "on_train_epoch_end", stop_after_the_second)
        with pytest.raises(KeyboardInterrupt):
            sweep(words)
    [begun] = [path.parent for path in (tmp_path / "runs/jobs").glob("*/checkpoints")]
    known = read(begun / "manifest.json")["loggers"]["mlflow"]["run_id"]
    code, said = sweep(words)
    assert code == 0, said
    manifest = read(begun / "manifest.json")
    assert (manifest["status"], len(manifest["resumed"])) == ("finished", 1)
    assert manifest["loggers"]["mlflow"]["run_id"] == known
    assert pd.read_csv(begun / "metrics.csv")["epoch"].tolist() == [0, 1, 2]
    assert len(pd.read_csv(begun / "steps.csv")) == 3 * len(
        pd.read_csv(begun / "steps.csv").query("epoch == 0")
    )
