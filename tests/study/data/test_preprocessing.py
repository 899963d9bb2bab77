"""Preprocessing against scikit-learn's, on training rows alone, and exact through JSON."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

from study.data.preprocessing import Encoder, Preprocessor
from study.errors import StudyError
from study.run.atomic import plain
from tests.study.data.make_tables import mixed_frame

FEATURES = ["age", "dose", "colour", "smoker"]


def with_gaps(n_rows: int = 60) -> pd.DataFrame:
    frame = mixed_frame(n_rows)[FEATURES].astype({"age": float, "colour": object, "smoker": object})
    frame.loc[[1, 5], "age"] = [np.nan, np.inf]
    frame.loc[[2, 6, 7], "colour"] = None
    frame.loc[3, "smoker"] = None
    return frame


@pytest.mark.parametrize(("scale", "reference"), [("standard", StandardScaler()), ("minmax", MinMaxScaler())])
def test_numeric_columns_are_scaled_as_by_scikit_learn(scale: str, reference) -> None:
    frame = mixed_frame(80)[["age", "dose"]]
    train, test = frame[:50], frame[50:]
    fitted = Preprocessor(scale).fit(train)
    reference.fit(train)
    np.testing.assert_allclose(fitted.transform(train), reference.transform(train), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(fitted.transform(test), reference.transform(test), rtol=1e-12, atol=1e-12)


def test_scale_none_leaves_numbers_as_they_are() -> None:
    frame = mixed_frame()[["age", "dose"]]
    assert np.array_equal(Preprocessor("none").fit(frame).transform(frame), frame.to_numpy(dtype=float))


def test_categories_are_one_hot_as_by_scikit_learn_and_unseen_ones_are_zero() -> None:
    train, test = pd.DataFrame({"c": ["b", "a", "c", "a"]}), pd.DataFrame({"c": ["a", "z", "c"]})
    fitted = Preprocessor().fit(train)
    reference = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(train)
    assert fitted.feature_names == ["c=a", "c=b", "c=c"]
    assert np.array_equal(fitted.transform(test), reference.transform(test))
    assert fitted.transform(test)[1].tolist() == [0, 0, 0]


def test_columns_keep_their_order_and_truth_values_stay_zero_and_one() -> None:
    frame = mixed_frame()[FEATURES]
    fitted = Preprocessor().fit(frame)
    assert fitted.feature_names == ["age", "dose", "colour=blue", "colour=green", "colour=red", "smoker"]
    assert np.array_equal(fitted.transform(frame)[:, -1], frame["smoker"].to_numpy(dtype=float))
    shuffled = frame[["smoker", "colour", "dose", "age"]].assign(unknown=1)
    assert np.array_equal(fitted.transform(frame), fitted.transform(shuffled))


@pytest.mark.parametrize("policy", ["mean", "median", "most_frequent"])
def test_gaps_are_filled_as_by_scikit_learn(policy: str) -> None:
    frame = with_gaps()
    fitted = Preprocessor().fit(frame, policy)
    numbers = frame[["age"]].replace(np.inf, np.nan)  # infinite counts as missing
    reference = make_pipeline(SimpleImputer(strategy=policy), StandardScaler()).fit(numbers)
    inputs = fitted.transform(frame)
    np.testing.assert_allclose(inputs[:, :1], reference.transform(numbers), rtol=1e-12, atol=1e-12)
    filled = SimpleImputer(strategy="most_frequent", missing_values=None).fit_transform(
        frame[["colour", "smoker"]]
    )
    expected = OneHotEncoder(sparse_output=False).fit_transform(filled[:, :1])
    assert np.array_equal(inputs[:, 2:5], expected)
    assert np.array_equal(inputs[:, 5], filled[:, 1].astype(float))


@pytest.mark.parametrize("policy", ["error", "drop"])
def test_a_policy_that_fills_nothing_refuses_gaps(policy: str) -> None:
    fitted = Preprocessor().fit(mixed_frame()[FEATURES], policy)
    with pytest.raises(StudyError, match="'age' has 2 missing or infinite values"):
        fitted.transform(with_gaps())


@pytest.mark.parametrize("constant", [0.0, 7.0, 0.1, -1e300, 1e-320])
@pytest.mark.parametrize("scale", ["standard", "minmax"])
def test_a_constant_column_is_zero_everywhere(constant: float, scale: str) -> None:
    train = pd.DataFrame({"x": np.full(7, constant), "y": np.arange(7.0)})
    fitted = Preprocessor(scale).fit(train)
    later = pd.DataFrame({"x": [constant, constant + 1, 1e5], "y": [0.0, 1.0, 2.0]})
    with np.errstate(all="raise"):
        inputs = fitted.transform(later)
    assert inputs[:, 0].tolist() == [0, 0, 0]


def test_rounding_noise_counts_as_constant() -> None:
    train = pd.DataFrame({"x": [0.1 + 0.2, 0.3, 0.3], "y": [1.0, 2.0, 3.0]})
    assert np.array_equal(Preprocessor().fit(train).transform(train)[:, 0], np.zeros(3))


finite = st.floats(-1e6, 1e6, allow_nan=False, width=64)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(finite, st.sampled_from("abcd")), min_size=2, max_size=20),
    st.lists(st.tuples(finite, st.sampled_from("abcdez")), min_size=1, max_size=10),
    st.sampled_from(["standard", "minmax", "none"]),
    st.sampled_from(["error", "mean", "median", "most_frequent"]),
)
def test_round_trip_through_json_is_exact_and_rows_are_independent(train, test, scale, policy) -> None:
    fitted = Preprocessor(scale).fit(pd.DataFrame(train, columns=["x", "c"]), policy)
    again = TypeAdapter(Preprocessor).validate_python(json.loads(json.dumps(plain(fitted), allow_nan=False)))
    assert again == fitted
    frame = pd.DataFrame(test, columns=["x", "c"])
    inputs = fitted.transform(frame)
    assert inputs.dtype == np.float64
    assert np.isfinite(inputs).all()
    assert inputs.shape == (len(test), len(fitted.feature_names))
    assert again.transform(frame).tobytes() == inputs.tobytes()
    one_by_one = np.concatenate([fitted.transform(frame.iloc[[row]]) for row in range(len(frame))])
    assert one_by_one.tobytes() == inputs.tobytes()


def test_fit_returns_a_copy_and_leaves_the_configured_one_alone() -> None:
    configured = Preprocessor()
    first = configured.fit(mixed_frame(seed=0)[FEATURES])
    second = configured.fit(mixed_frame(seed=1)[FEATURES])
    assert configured == Preprocessor()
    assert first != second
    with pytest.raises(StudyError, match="not fitted"):
        configured.transform(mixed_frame())


@pytest.mark.parametrize(
    ("dtype", "values"),
    [
        ("Int64", [3, 1, 2]),
        ("Float64", [3, 1, 2]),
        ("uint8", [3, 1, 2]),
        ("float32", [3, 1, 2]),
        ("category", [3, 1, 2]),
        (object, ["3", "1", "2"]),
        ("str", ["3", " 1", "2.0"]),
    ],
)
def test_numbers_are_read_from_any_dtype_once_the_column_is_numeric(dtype, values) -> None:
    fitted = Preprocessor("none").fit(pd.DataFrame({"x": [1.0, 2.0, 3.0]}))
    assert fitted.transform(pd.DataFrame({"x": pd.Series(values, dtype=dtype)})).ravel().tolist() == [3, 1, 2]


@pytest.mark.parametrize("values", [[True, False], ["True", "false"], [1, 0], [1.0, 0.0], ["1", "0"]])
def test_truth_values_are_read_in_every_spelling(values) -> None:
    encoder = Encoder("flag", "boolean")
    assert encoder.encode(pd.Series(values)).ravel().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"x": ["1", "two"]}), "numeric column 'x' holds 'two'"),
        (pd.DataFrame({"z": [1.0]}), "missing: 'x'"),
    ],
)
def test_transform_refuses_what_it_was_not_fitted_for(frame: pd.DataFrame, message: str) -> None:
    fitted = Preprocessor().fit(pd.DataFrame({"x": [1.0, 2.0]}))
    with pytest.raises(StudyError, match=message):
        fitted.transform(frame)


def test_settings_and_hopeless_columns_are_refused() -> None:
    with pytest.raises(StudyError, match="standard, minmax, none"):
        Preprocessor("robust")
    with pytest.raises(StudyError, match=r"preprocessing\.max_categories=1"):
        Preprocessor(max_categories=1)
    with pytest.raises(StudyError, match="not a policy: choose one of error, drop, mean"):
        Preprocessor().fit(mixed_frame()[FEATURES], "zero")
    with pytest.raises(StudyError, match="'x' has no value in the training part"):
        Preprocessor().fit(pd.DataFrame({"x": [np.nan, np.nan]}), "mean")
    with pytest.raises(StudyError, match="'x' are too large"):
        Preprocessor().fit(pd.DataFrame({"x": [1e308, -1e308]}))
