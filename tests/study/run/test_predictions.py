from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from study.run.predictions import read_output, write_predictions

CLASSES = ["benign", "malignant", "unclear"]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_probabilities_come_back_bit_for_bit(tmp_path: Path, dtype: type) -> None:
    values = np.random.default_rng(0).dirichlet(np.ones(3), size=7).astype(dtype)
    targets = np.array([0, 1, 2, 0, 1, 2, 0])
    path = tmp_path / "predictions.parquet"
    write_predictions(path, np.arange(7) * 3, targets, {"hybrid": values, "mlp": values[:, ::-1]}, CLASSES)
    for name, expected in (("hybrid", values), ("mlp", values[:, ::-1])):
        read = read_output(path, name, CLASSES)
        assert read.dtype == dtype
        assert np.array_equal(read, expected)
    table = pd.read_parquet(path)
    assert table["row"].tolist() == [0, 3, 6, 9, 12, 15, 18]
    assert table["target"].tolist() == [CLASSES[index] for index in targets]
    columns = [f"hybrid.probability.{label}" for label in CLASSES]
    most_probable = [
        CLASSES[max(range(3), key=lambda index, row=row: row[index])] for row in table[columns].to_numpy()
    ]
    assert table["hybrid.prediction"].tolist() == most_probable


def test_regression_keeps_values(tmp_path: Path) -> None:
    values = np.array([0.1 + 0.2, -1e-300, 3.0])
    write_predictions(tmp_path / "p.parquet", np.arange(3), np.array([1.5, 2.5, 3.5]), {"ridge": values}, [])
    assert np.array_equal(read_output(tmp_path / "p.parquet", "ridge", []), values)
    assert pd.read_parquet(tmp_path / "p.parquet").columns.tolist() == ["row", "target", "ridge.prediction"]
