"""The user's file: what is read, how the target decides the task, and every way in which a file can be bad."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.data.file import File
from study.data.names import nearest
from study.data.prepare import load_table, prepare
from study.data.preprocessing import Preprocessor
from study.data.reading import read_frame
from study.data.splits.stratified import Stratified
from study.data.splits.time import Time
from study.errors import StudyError
from tests.study.data.make_tables import mixed_frame


def written(folder: Path, content: str | bytes, name: str = "data.csv") -> Path:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("extension", ["csv", "CSV", "parquet", "pq"])
def test_mixed_columns_from_csv_and_parquet(tmp_path: Path, extension: str) -> None:
    frame = mixed_frame()
    path = tmp_path / f"patients.{extension}"
    frame.to_csv(path, index=False) if extension.lower() == "csv" else frame.to_parquet(path)
    table = File(str(path), "ill", drop=["patient", "day"]).load()
    assert (table.name, table.task, table.classes) == ("patients", "classification", ["no", "yes"])
    assert (table.confidentiality, table.missing) == ("sensitive", "error")
    assert (table.ignored, list(table.features)) == (("patient", "day"), ["age", "dose", "colour", "smoker"])
    pd.testing.assert_frame_equal(
        table.features, frame[["age", "dose", "colour", "smoker"]], check_exact=True
    )
    prepared = prepare(File(str(path), "ill"), Time(time="day"), Preprocessor())
    assert prepared.feature_names[-1] == "patient"
    assert "day" not in prepared.feature_names


def test_csv_as_the_world_writes_it(tmp_path: Path) -> None:
    """A byte order mark, quotes, a comma and a line break in a cell, CRLF, a blank line, no final newline."""
    path = written(tmp_path, '\ufeffname,"a, b",y\r\n"x, ""1""",1.5,0\r\n\r\n"two\r\nlines",,1'.encode())
    frame = read_frame(path)
    assert list(frame) == ["name", "a, b", "y"]
    assert frame["name"].str.replace("\r\n", "\n").tolist() == ['x, "1"', "two\nlines"]
    assert np.isnan(frame.loc[1, "a, b"])


def test_floats_are_read_to_the_last_bit(tmp_path: Path) -> None:
    values = np.random.default_rng(0).normal(size=500) * 10.0 ** np.random.default_rng(1).integers(
        -30, 30, 500
    )
    pd.DataFrame({"x": values}).to_csv(tmp_path / "x.csv", index=False)
    assert read_frame(tmp_path / "x.csv")["x"].to_numpy().tobytes() == values.tobytes()


def test_text_columns_stay_text_on_request(tmp_path: Path) -> None:
    path = written(tmp_path, "code,x\n007,1\n010,2\n,3\n")
    assert read_frame(path)["code"].dtype == float
    codes = read_frame(path, text=["code", "not there"])["code"]
    assert codes[:2].tolist() == ["007", "010"]
    assert pd.isna(codes[2])


def test_a_parquet_index_column_is_left_out(tmp_path: Path) -> None:
    mixed_frame().set_axis(range(5, 65)).sample(frac=1).to_parquet(tmp_path / "t.parquet")
    assert list(read_frame(tmp_path / "t.parquet")) == list(mixed_frame())


BAD_FILES = {
    "empty": ("data.csv", b"", "is empty"),
    "blank": ("data.csv", "\n\n", "blank lines only"),
    "header only": ("data.csv", "a,y\n", "2 columns and no rows"),
    "too many fields": ("data.csv", "a,y\n1,2\n3,4,5\n", r"ragged.*line 3 has 3 fields, the header 2"),
    "too few fields": ("data.csv", "a,b,y\n1,2,3\n4,5\n", r"ragged.*line 3 has 2 fields, the header 3"),
    "one field": ("data.csv", "a,y\n1,2\n4\n", r"line 3 has 1 field, the header 2"),
    "all rows too long": ("data.csv", "a,y\n1,2,3\n4,5,6\n", "ragged"),
    "open quote": ("data.csv", 'a,y\n1,2\n"3,4\n5,6\n', "unexpected end of data"),
    "binary": ("data.csv", bytes(range(256)) * 4, "binary"),
    "latin-1": ("data.csv", "a,y\nx,1\ncafé,2\n".encode("latin-1"), r"not UTF-8: byte 0xe9 in line 3"),
    "utf-16": ("data.csv", "a,y\n1,2\n".encode("utf-16"), "UTF-16"),
    "duplicate names": ("data.csv", "a,a,y\n1,2,3\n", "several columns named 'a'"),
    "nameless column": ("data.csv", ",a,y\n0,1,2\n", r"column 1 of 3 has no name.*index=False"),
    "semicolons": ("data.csv", "a;y\n1;2\n", "separated by ';'"),
    "extension": ("data.xlsx", "a,y\n1,2\n", r"'\.xlsx'; these are read: \.csv, \.parquet, \.pq"),
    "no extension": ("data", "a,y\n1,2\n", "extension ''"),
    "not parquet": ("data.parquet", "a,y\n1,2\n", "cannot be read as Parquet"),
}


@pytest.mark.parametrize("case", BAD_FILES)
def test_bad_files(tmp_path: Path, case: str) -> None:
    name, content, message = BAD_FILES[case]
    path = written(tmp_path, content, name)
    with pytest.raises(StudyError, match=message) as caught:
        File(str(path), "y").load()
    assert str(caught.value).startswith(f"data.path={path}")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("keep", [0.1, 0.5, 0.99])
def test_a_truncated_parquet_file(tmp_path: Path, keep: float) -> None:
    whole = tmp_path / "whole.parquet"
    mixed_frame().to_parquet(whole)
    raw = whole.read_bytes()
    path = written(tmp_path, raw[: int(keep * len(raw))], "cut.parquet")
    with pytest.raises(StudyError, match=r"data\.path=.*cut\.parquet cannot be read"):
        read_frame(path)


def test_a_damaged_parquet_file(tmp_path: Path) -> None:
    path = tmp_path / "data.parquet"
    mixed_frame().to_parquet(path)
    raw = bytearray(path.read_bytes())
    raw[10:200] = bytes(190)
    path.write_bytes(raw)
    with pytest.raises(StudyError, match="cannot be read"):
        read_frame(path)


def test_a_folder_and_a_path_that_is_not_there(tmp_path: Path) -> None:
    written(tmp_path, "a,y\n1,2\n", "inside.csv")
    with pytest.raises(StudyError, match=r"is a folder; name one.*inside\.csv"):
        read_frame(tmp_path)
    with pytest.raises(StudyError, match=r"^input=nowhere\.csv does not exist"):
        read_frame("nowhere.csv", option="input")


@pytest.mark.parametrize(
    ("target", "task", "values"),
    [
        (["no", "yes"], "classification", "text"),
        ([True, False], "classification", "truth values"),
        ([0, 1, 2], "classification", "3 different whole numbers"),
        ([0.0, 1.0], "classification", "2 different whole numbers"),
        (list(range(20)), "classification", "20 different whole numbers"),
        (list(range(21)), "regression", "21 different whole numbers"),
        ([0.5, 1.0], "regression", "numbers with a fraction"),
        (list(np.linspace(0, 1, 60)), "regression", "numbers with a fraction"),
    ],
)
def test_auto_decides_by_a_documented_rule(tmp_path: Path, target: list, task: str, values: str) -> None:
    frame = pd.DataFrame({"x": np.arange(80.0), "y": (target * 80)[:80]})
    frame.to_parquet(tmp_path / "t.parquet")
    table = load_table(File(str(tmp_path / "t.parquet"), "y"))
    assert table.task == task
    assert values in table.task_reason


def test_the_task_can_be_stated(tmp_path: Path) -> None:
    path = str(written(tmp_path, "x,n,t\n" + "".join(f"{i},{i % 3},{'ab'[i % 2]}\n" for i in range(30))))
    assert File(path, "n", task="regression").load().task == "regression"
    assert File(path, "n", task="classification").load().classes == ["0", "1", "2"]
    with pytest.raises(StudyError, match=r"needs numbers, and the target 't' holds text such as 'a'"):
        File(path, "t", task="regression").load()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"target": "il"}, r"data\.target=il is not a column.*did you mean 'ill'\?.*'age', 'dose'"),
        ({"target": "outcome"}, r"data\.target=outcome is not a column.*Its columns: 'age'"),
        ({"drop": ["aeg"]}, r"data\.drop names 'aeg'.*did you mean 'age'\?"),
        ({"drop": ["ill"]}, "is the target"),
        ({"drop": ["age", "dose", "colour", "smoker", "patient", "day"]}, "no feature columns"),
    ],
)
def test_columns_that_are_not_there(tmp_path: Path, fields: dict, message: str) -> None:
    mixed_frame().to_csv(tmp_path / "t.csv", index=False)
    with pytest.raises(StudyError, match=message):
        prepare(File(str(tmp_path / "t.csv"), **{"target": "ill", **fields}), Stratified(), Preprocessor())


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, r"data\.path is required"),
        ({"path": "a.csv"}, r"data\.target is required"),
        ({"path": "a.csv", "target": "y", "task": "ranking"}, "auto, classification, regression"),
        ({"path": "a.csv", "target": "y", "missing": "ignore"}, "error, drop, mean, median, most_frequent"),
    ],
)
def test_settings_are_checked_before_anything_is_read(fields: dict, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        File(**fields)


def test_one_column_to_drop_may_be_given_alone() -> None:
    assert File("a.csv", "y", drop="id").drop == ("id",)


def test_only_what_is_really_near_is_suggested() -> None:
    assert nearest("aeg", ["dose", "age"]) == " (did you mean 'age'?)"
    assert nearest("nope", ["income", "dose"]) == ""
