from __future__ import annotations

import io
import shutil
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.config.check import check
from study.config.rules import PREDICT, TRAIN
from study.errors import StudyError
from study.experiment import train
from study.prediction import predict
from study.run import stages
from study.run.atomic import write_json
from study.run.folder import RunFolder
from study.run.stored import read_json
from study.terminal import Terminal

COLOURS = ["blue", "green", "red"]


def shapes(n_rows: int, seed: int = 0) -> pd.DataFrame:
    """Two numbers and a category that decide a label."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame({"a": rng.uniform(0, 1, n_rows), "b": rng.uniform(1, 2, n_rows)})
    table["colour"] = rng.choice(COLOURS, n_rows)
    table["label"] = np.where(table["a"] + (table["colour"] == "red") > 0.6, "yes", "no")
    return table


def trained(folder: Path, source: Path, *overrides: str) -> RunFolder:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "draw_gallery", lambda *arguments: None)
        settings = [
            "data=file",
            f"data.path={source}",
            "controls=none",
            "logger=none",
            f"output_dir={folder}",
        ]
        config = check(TRAIN, [*settings, "trainer.max_epochs=2", "n_qubits=2", "depth=1", *overrides]).config
        return train(config, Terminal(file=io.StringIO()))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("data") / "shapes.csv"
    shapes(120).to_csv(path, index=False)
    return path


@pytest.fixture(scope="module")
def run(source: Path, tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    return trained(tmp_path_factory.mktemp("runs"), source, "data.target=label")


def answers(
    run: RunFolder,
    rows: pd.DataFrame | Path,
    tmp_path: Path,
    name: str = "out.parquet",
    threshold: float | None = None,
) -> tuple[pd.DataFrame, str]:
    """What predict writes and prints for these rows."""
    path = rows
    if isinstance(rows, pd.DataFrame):
        path = tmp_path / "input.csv"
        rows.to_csv(path, index=False)
    text = io.StringIO()
    lines = [f"run={run.path}", f"input={path}", f"output={tmp_path / name}"]
    lines += [] if threshold is None else [f"threshold={threshold}"]
    written = predict(check(PREDICT, lines).config, Terminal(file=text, width=80))
    assert written == tmp_path / name
    if written.suffix == ".parquet":
        return pd.read_parquet(written), text.getvalue()
    return pd.read_csv(written, float_precision="round_trip"), text.getvalue()


def test_stored_test_predictions_come_back_bit_for_bit(run: RunFolder, source: Path, tmp_path: Path) -> None:
    stored = pd.read_parquet(run.predictions)
    found, _ = answers(run, pd.read_csv(source).iloc[stored["row"]], tmp_path)
    for column in ("prediction", "probability.no", "probability.yes"):
        assert np.array_equal(found[column], stored[f"hybrid.{column}"])
    assert found["row"].tolist() == list(range(len(stored)))
    assert found["refused"].isna().all()
    assert not found["abstained"].any()


def test_columns_of_the_output_fit_together(run: RunFolder, tmp_path: Path) -> None:
    found, _ = answers(run, shapes(40, seed=1).drop(columns="label"), tmp_path)
    assert found.columns.tolist() == [
        "row",
        "prediction",
        "probability.no",
        "probability.yes",
        "confidence",
        "abstained",
        "filled",
        "refused",
    ]
    yes = found["probability.yes"] > found["probability.no"]
    assert (found["prediction"] == np.where(yes, "yes", "no")).all()
    assert np.array_equal(found["confidence"], found[["probability.no", "probability.yes"]].max(axis=1))


def test_below_the_threshold_there_is_no_prediction(run: RunFolder, tmp_path: Path) -> None:
    rows = shapes(40, seed=1)
    free, _ = answers(run, rows, tmp_path)
    threshold = float(free["confidence"].median())
    found, printed = answers(run, rows, tmp_path, threshold=threshold)
    below = free["confidence"] < threshold
    assert 0 < below.sum() < len(rows)
    assert (found["abstained"] == below).all()
    assert found.loc[below, "prediction"].isna().all()
    assert (found.loc[~below, "prediction"] == free.loc[~below, "prediction"]).all()
    assert np.array_equal(found["probability.yes"], free["probability.yes"])
    assert f"{below.sum()} abstained" in printed


def test_a_row_is_refused_with_its_reason_and_the_others_are_answered(run: RunFolder, tmp_path: Path) -> None:
    rows = shapes(20, seed=1).drop(columns="label").astype({"a": object})
    whole, _ = answers(run, rows, tmp_path)
    rows.loc[3, "a"] = None
    rows.loc[7, "colour"] = "violet"
    rows.loc[11, "a"] = "much"
    rows.loc[11, "colour"] = "violet"
    found, printed = answers(run, rows, tmp_path)
    refused = found["refused"].dropna()
    assert refused.index.tolist() == [3, 7, 11]
    assert refused[3].startswith("a: missing")
    assert "'violet' was not seen in training" in refused[7]
    assert "'much' is not a number" in refused[11]
    assert "violet" in refused[11]
    unanswered = found.loc[[3, 7, 11], ["prediction", "probability.no", "probability.yes", "confidence"]]
    assert unanswered.isna().all(axis=None)
    assert not found.loc[[3, 7, 11], "abstained"].any()
    rest = found.index.difference([3, 7, 11])
    assert found.loc[rest, "prediction"].tolist() == whole.loc[rest, "prediction"].tolist()
    assert "3 refused (for example row 3: a: missing" in " ".join(printed.split())


def test_filled_values_are_counted_and_infinite_ones_are_refused(tmp_path: Path) -> None:
    table = shapes(120)
    table.loc[5, "a"] = None
    table.to_csv(tmp_path / "gappy.csv", index=False)
    run = trained(tmp_path, tmp_path / "gappy.csv", "data.target=label", "data.missing=median")
    rows = shapes(8, seed=1).drop(columns="label")
    rows.loc[1, ["a", "b"]] = None
    rows.loc[4, "colour"] = None
    rows.loc[6, "a"], rows.loc[6, "b"] = np.inf, None
    found, printed = answers(run, rows, tmp_path)
    assert found["filled"].tolist() == [0, 2, 0, 0, 1, 0, 0, 0]
    assert found["refused"].dropna().index.tolist() == [6]
    assert found["refused"][6].startswith("a: infinite")
    words = " ".join(printed.split())
    assert "1 refused (row 6: a: infinite" in words
    assert "3 values in 2 rows were missing and filled by data.missing=median." in words


def test_refusing_every_row_is_an_answer(run: RunFolder, tmp_path: Path) -> None:
    found, _ = answers(run, shapes(3).assign(colour="violet"), tmp_path, threshold=0.9)
    assert found["refused"].notna().all()
    assert found["prediction"].isna().all()
    assert not found["abstained"].any()


def test_csv_holds_what_parquet_holds(run: RunFolder, tmp_path: Path) -> None:
    rows = shapes(10, seed=1)
    rows.loc[2, "colour"] = "violet"
    parquet, _ = answers(run, rows, tmp_path)
    csv, _ = answers(run, rows, tmp_path, "out.csv")
    pd.testing.assert_frame_equal(csv, parquet, check_dtype=False, rtol=0, atol=0)
    rows.to_parquet(tmp_path / "input.parquet")
    again, _ = answers(run, tmp_path / "input.parquet", tmp_path)
    pd.testing.assert_frame_equal(again, parquet)


def test_drift_is_reported_and_only_where_it_is(run: RunFolder, tmp_path: Path) -> None:
    rows = shapes(120, seed=1)
    _, calm = answers(run, rows, tmp_path)
    _, drifted = answers(run, rows.assign(b=rows["b"] + 5), tmp_path)

    def line(printed: str, feature: str) -> list[str]:
        return next(line.split() for line in printed.split("\n") if line.split()[:1] == [feature])

    assert line(calm, "b")[-1] == "stable"
    assert line(drifted, "b")[-2:] == ["100.0%", "strong"]
    assert line(drifted, "a") == line(calm, "a")
    assert "1 of 3 features have drifted" in drifted
    assert "have drifted" not in calm


def test_a_row_that_no_circuit_can_be_made_of_is_refused(source: Path, tmp_path: Path) -> None:
    pd.read_csv(source)[["a", "b", "label"]].to_csv(tmp_path / "numbers.csv", index=False)
    settings = ("data.target=label", "encoding=amplitude", "reduction=none", "preprocessing.scale=none")
    run = trained(tmp_path / "runs", tmp_path / "numbers.csv", *settings)
    rows = pd.DataFrame({"a": [0.5, 0.0, 0.0], "b": [1.5, 0.0, 1.0]})
    found, _ = answers(run, rows, tmp_path)
    assert found["refused"].notna().tolist() == [False, True, False]
    assert "row of zeros" in found["refused"][1]
    assert found["prediction"].notna().tolist() == [True, False, True]


def test_rows_outside_the_encodings_range_are_counted(source: Path, tmp_path: Path) -> None:
    pd.read_csv(source)[["a", "b", "label"]].to_csv(tmp_path / "numbers.csv", index=False)
    settings = ("data.target=label", "reduction=none", "model.bound=false", "preprocessing.scale=none")
    run = trained(tmp_path / "runs", tmp_path / "numbers.csv", *settings)
    rows = pd.DataFrame({"a": [0.5, 40.0, 0.1], "b": [1.5, 1.2, 1.0]})
    found, printed = answers(run, rows, tmp_path)
    assert "1 of 3 rows reach outside the range from" in " ".join(printed.split())
    assert found["prediction"].notna().all()


def test_a_regression_predicts_numbers_and_knows_no_threshold(source: Path, tmp_path: Path) -> None:
    run = trained(tmp_path / "runs", source, "data.target=b", "model=ridge")
    rows = pd.read_csv(source)
    found, _ = answers(run, rows.drop(columns="b"), tmp_path)
    assert found.columns.tolist() == ["row", "prediction", "filled", "refused"]
    stored = pd.read_parquet(run.predictions)
    assert found["prediction"][stored["row"]].to_numpy() == pytest.approx(
        stored["ridge.prediction"].to_numpy()
    )
    with pytest.raises(StudyError, match="predicts a number"):
        answers(run, rows, tmp_path, threshold=0.9)


# ---------------------------------------------------------------- refusals


def refused(run: Path, source: Path, output: Path) -> str:
    before = sorted(output.parent.iterdir()) if output.parent.is_dir() else None
    with pytest.raises(StudyError) as caught:
        predict(
            check(PREDICT, [f"run={run}", f"input={source}", f"output={output}"]).config,
            Terminal(file=io.StringIO()),
        )
    if before is not None:
        assert sorted(output.parent.iterdir()) == before
    return str(caught.value)


def test_an_output_that_cannot_be_written_is_refused(run: RunFolder, source: Path, tmp_path: Path) -> None:
    assert "'.xlsx'" in refused(run.path, source, tmp_path / "out.xlsx")
    assert "does not exist" in refused(run.path, source, tmp_path / "nowhere" / "out.csv")
    (tmp_path / "folder.csv").mkdir()
    assert "is a folder" in refused(run.path, source, tmp_path / "folder.csv")
    copy = tmp_path / "copy.csv"
    shutil.copy(source, copy)
    link = tmp_path / "link.csv"
    link.symlink_to(copy)
    for output in (copy, link):
        assert "is the input itself" in refused(run.path, copy, output)
    assert copy.read_bytes() == source.read_bytes()


def test_an_input_that_cannot_be_used_is_refused(run: RunFolder, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    assert "does not exist" in refused(run.path, tmp_path / "nowhere.csv", output)
    (tmp_path / "empty.csv").touch()
    assert "is empty" in refused(run.path, tmp_path / "empty.csv", output)
    shapes(3).drop(columns="colour").to_csv(tmp_path / "missing.csv", index=False)
    assert "lacks 1 of the 3 columns that the model was trained on: 'colour'" in refused(
        run.path, tmp_path / "missing.csv", output
    ).replace('"', "'")
    shapes(3).assign(size=1).to_csv(tmp_path / "extra.csv", index=False)
    assert "size" in refused(run.path, tmp_path / "extra.csv", output)


def test_a_run_that_cannot_be_used_is_refused(run: RunFolder, source: Path, tmp_path: Path) -> None:
    output = tmp_path / "out.csv"
    assert "is not a folder" in refused(tmp_path / "nowhere", source, output)
    (tmp_path / "empty").mkdir()
    assert "is not a run folder" in refused(tmp_path / "empty", source, output)
    copy = RunFolder(tmp_path / "copy")
    shutil.copytree(run.path, copy.path)
    write_json(copy.manifest, {**read_json(copy.manifest), "status": "failed"})
    assert "is not finished" in refused(copy.path, source, output)
    shutil.copy(run.manifest, copy.manifest)
    for name in ("config.yaml", "contract.json", "model.pt"):
        content = (copy.path / name).read_bytes()
        (copy.path / name).write_bytes(content + b"\n")
        assert f"{name} in {copy.path} was changed" in refused(copy.path, source, output)
        (copy.path / name).write_bytes(content)
    answers(copy, source, tmp_path)
