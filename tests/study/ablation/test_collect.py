"""What is read from a sweep: the right numbers, and the right word for what is not there."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from study.ablation.collect import collect
from study.errors import StudyError
from tests.study.ablation.make_sweeps import make_sweep, write

AXES = {"encoding": ["angle", "iqp"], "depth": [1, 2], "seed": [0, 1]}


@pytest.fixture
def sweep(tmp_path: Path) -> Path:
    return make_sweep(tmp_path, AXES)


def job(sweep: Path, number: int) -> Path:
    folder: str = json.loads((sweep / "sweep.json").read_text())["jobs"][number]["folder"]
    return sweep / folder


def change(path: Path, **changes: Any) -> None:
    write(path, json.loads(path.read_text()) | changes)


def test_the_table_is_what_the_folders_hold(sweep: Path) -> None:
    table = collect(sweep).table
    assert len(table) == 8
    for number in range(8):
        folder, row = job(sweep, number), table.iloc[number]
        values = json.loads((sweep / "sweep.json").read_text())["jobs"][number]["values"]
        assert {key: row[key] for key in AXES} == values
        metrics = json.loads((folder / "validation.json").read_text())["metrics"]
        assert {name: row[f"val_{name}"] for name in metrics} == metrics
        model = json.loads((folder / "manifest.json").read_text())["models"]["hybrid"]
        assert row["n_parameters"] == model["n_parameters"]
        assert row["circuit_depth"] == model["circuit"]["circuit_depth"]
        assert row["n_gates"] == sum(model["circuit"]["gates"].values())
        assert row["executions"] == model["execution"]["executions"]
        assert row["gradient_executions"] == model["execution"]["gradient_executions"]
        assert row["fit_seconds"] == model["fit_seconds"]
        assert row["gradient_norm_start"] == model["initial_gradient_norm"]
        assert row["epochs"] == len((folder / "metrics.csv").read_text().splitlines()) - 1
        assert (row["status"], row["number"]) == ("finished", number)


def test_a_failed_job_keeps_its_reason(tmp_path: Path) -> None:
    sweep = make_sweep(tmp_path, AXES, status=lambda v: "failed" if v["seed"] == 1 else "finished")
    table = collect(sweep).table
    failed = table[table["seed"] == 1]
    assert set(failed["status"]) == {"failed"}
    assert set(failed["failure"]) == {"the loss is not finite after epoch 2"}
    assert failed["val_accuracy"].isna().all()


@pytest.mark.parametrize(
    ("deleted", "status", "reason"),
    [
        (".", "missing", "its folder is gone"),
        ("manifest.json", "missing", "manifest.json is not there"),
        ("validation.json", "missing", "validation.json is not there"),
        ("metrics.csv", "finished", None),
    ],
)
def test_a_half_deleted_job_is_no_crash(sweep: Path, deleted: str, status: str, reason: str | None) -> None:
    path = job(sweep, 3) / deleted
    shutil.rmtree(path) if path.is_dir() else path.unlink()
    table = collect(sweep).table
    assert table["status"].tolist() == ["finished"] * 3 + [status] + ["finished"] * 4
    assert reason is None or table["failure"][3].startswith(reason)
    assert reason is not None or pd.isna(table["epochs"][3])


@pytest.mark.parametrize("name", ["manifest.json", "validation.json", "metrics.csv"])
@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"metrics": 3}', "\x00\xff", "a,b\n1,2,3\n4"])
def test_a_damaged_file_is_no_crash(sweep: Path, name: str, text: str) -> None:
    (job(sweep, 0) / name).write_text(text)
    table = collect(sweep).table
    assert len(table) == 8
    assert (table["status"][1:] == "finished").all()
    assert (table["status"][0] == "finished") == (name == "metrics.csv")


def test_the_reason_outlives_the_folder(sweep: Path) -> None:
    plan = json.loads((sweep / "sweep.json").read_text())
    plan["jobs"][3]["failure"] = "the loss is not finite"
    write(sweep / "sweep.json", plan)
    assert collect(sweep).table["failure"].isna().all()  # a folder that is there speaks for itself
    shutil.rmtree(job(sweep, 3))
    assert collect(sweep).table["failure"][3] == (
        "its folder is gone; before it was deleted the job had failed: the loss is not finite"
    )


def test_a_stopped_job_is_unfinished(tmp_path: Path) -> None:
    collected = collect(make_sweep(tmp_path, AXES, status=lambda v: "running"))
    assert collected.count("unfinished") == 8
    assert collected.metrics == []
    assert len(collected.histories[0]) == 2


def test_a_model_without_a_circuit(sweep: Path) -> None:
    path = job(sweep, 0) / "manifest.json"
    manifest = json.loads(path.read_text())
    for name in ("circuit", "execution", "initial_gradient_norm"):
        del manifest["models"]["hybrid"][name]
    write(path, manifest)
    row = collect(sweep).table.iloc[0]
    assert row["status"] == "finished"
    assert row[["circuit_depth", "n_gates", "executions", "gradient_norm_start"]].isna().all()


@pytest.mark.parametrize(
    ("values", "kind"),
    [
        ([1, 2], "int64"),
        ([0.1, 1], "float64"),
        ([True, False], "bool"),
        (["a", None], "str"),
        ([[16], [16, 8]], "str"),
        ([16, [16, 8]], "str"),
        ([True, 2], "str"),
    ],
)
def test_swept_values_of_any_kind_can_be_kept(tmp_path: Path, values: list[Any], kind: str) -> None:
    table = collect(make_sweep(tmp_path, {"model.hidden": values, "seed": [0]})).table
    assert table["model.hidden"].dtype == kind
    table.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table)


class TestNoSweep:
    def test_no_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match=r"x is not a folder\. Give the sweep folder"):
            collect(tmp_path / "x")

    def test_an_empty_folder(self, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="is not a sweep folder: it is empty"):
            collect(tmp_path)

    def test_the_folder_of_a_run(self, sweep: Path) -> None:
        with pytest.raises(StudyError, match="it is the folder of one run"):
            collect(job(sweep, 0))

    def test_a_half_deleted_sweep(self, sweep: Path) -> None:
        write(sweep / "final.json", {})
        (sweep / "sweep.json").unlink()
        with pytest.raises(StudyError, match=r"sweep\.json not found in it"):
            collect(sweep)

    @pytest.mark.parametrize("text", ["", "{", "[]", "null", "{}", "\x00"])
    def test_a_damaged_plan(self, sweep: Path, text: str) -> None:
        (sweep / "sweep.json").write_text(text)
        with pytest.raises(StudyError, match=r"sweep\.json is damaged"):
            collect(sweep)

    @pytest.mark.parametrize("changes", [{"format": 2}, {"jobs": []}, {"axes": 3}, {"task": "x"}])
    def test_a_plan_of_another_kind(self, sweep: Path, changes: dict[str, Any]) -> None:
        change(sweep / "sweep.json", **changes)
        with pytest.raises(StudyError, match=f"damaged or of another version: {next(iter(changes))}"):
            collect(sweep)

    def test_a_job_without_a_value(self, sweep: Path) -> None:
        change(sweep / "sweep.json", axes=AXES | {"n_qubits": [2]})
        with pytest.raises(StudyError, match=r"job 0 in sweep\.json has no value of n_qubits"):
            collect(sweep)

    def test_a_damaged_final_is_said(self, sweep: Path) -> None:
        (sweep / "final.json").write_text("{")
        collected = collect(sweep)
        assert collected.final is None
        assert collected.final_failure is not None
        assert collected.final_failure.partition("final.json is damaged")[1]
