"""The contract: which columns and rows it refuses, and what it calls drift."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from study.data.contract import Contract
from study.data.drift import chance, psi, verdict
from study.data.reading import read_frame
from study.errors import StudyError
from study.run.atomic import plain
from tests.study.data.make_tables import mixed_frame

FEATURES = ["age", "dose", "colour", "smoker"]
TRAINING = mixed_frame(200)[FEATURES]
CONTRACT = Contract.of(TRAINING, "error", ("ill", "day"))
FILLING = Contract.of(TRAINING, "median")


def new_rows(**changes) -> pd.DataFrame:
    """Four rows that the contract serves, with columns replaced."""
    return TRAINING.head(4).assign(**changes)


def test_it_describes_the_training_part() -> None:
    age, dose, colour, smoker = CONTRACT.columns
    assert (age.kind, age.minimum, age.maximum) == ("numeric", TRAINING["age"].min(), TRAINING["age"].max())
    assert (colour.kind, colour.categories, colour.minimum) == ("categorical", ("blue", "green", "red"), None)
    assert (smoker.kind, dose.missing_allowed, dose.missing_seen) == ("boolean", False, 0)
    assert (CONTRACT.names, CONTRACT.text_columns, CONTRACT.rows) == (FEATURES, ["colour"], 200)
    gap = Contract.of(TRAINING.assign(dose=TRAINING["dose"].mask(TRAINING.index < 3)), "mean").columns[1]
    assert (gap.missing_seen, gap.missing_allowed) == (3, True)


@settings(max_examples=40)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)),
            st.one_of(st.none(), st.text(max_size=3)),
            st.one_of(st.none(), st.booleans()),
        ),
        min_size=3,
        max_size=30,
    )
)
def test_round_trip_through_json_is_exact(rows) -> None:
    frame = pd.DataFrame([(1.5, "a", True), *rows], columns=["x", "c", "b"])
    frame = frame.astype({"x": float, "c": object, "b": object})
    contract = Contract.of(frame, "mean", ("y",))
    assert TypeAdapter(Contract).validate_python(json.loads(json.dumps(plain(contract)))) == contract
    accepted = [reason is None for reason in contract.row_reasons(frame)]
    assert accepted == (~np.isinf(frame["x"])).tolist()
    assert (contract.drift(frame)["outside"] == 0).all()


def test_training_rows_are_served_whatever_their_column_order() -> None:
    shuffled = TRAINING[["smoker", "colour", "dose", "age"]].assign(ill="yes", day=3)
    CONTRACT.check_columns(shuffled)
    assert CONTRACT.row_reasons(shuffled) == [None] * 200


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (new_rows().drop(columns=["dose", "age"]), "lacks 2 of the 4 columns.*'age', 'dose'"),
        (
            new_rows().rename(columns={"dose": "Dose "}),
            r"'dose' \(did you mean 'Dose '\?\)\..*Unknown columns.*'Dose '",
        ),
        (new_rows(extra=1), "not trained on: 'extra'; remove.*Expected: 'age'"),
        (
            new_rows(age=["old", "young", "old", "old"]),
            r"'age'.*holds text \(such as 'old'\).*numeric column",
        ),
        (new_rows(age=[True, False, True, True]), "'age'.*truth values.*numeric column"),
        (new_rows(age=pd.date_range("2020", periods=4)), "'age'.*dates or times.*numeric column"),
        (new_rows(colour=pd.date_range("2020", periods=4)), "'colour'.*dates or times.*categorical column"),
        (new_rows(smoker=["often", "never", "never", "often"]), "'smoker'.*'often'.*boolean column"),
        (pd.concat([new_rows(), new_rows()[["age"]]], axis=1), "several columns named 'age'"),
    ],
)
def test_columns_that_break_the_contract(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(StudyError, match=message) as caught:
        CONTRACT.check_columns(frame)
    assert "data." not in str(caught.value)  # options of training are no advice for prediction


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        (
            {"colour": ["red", "purple", "red", "red"]},
            "colour: 'purple' was not seen in training (seen: 'blue', 'green', 'red')",
        ),
        ({"age": ["31", "n/k", "40", "50"]}, "age: 'n/k' is not a number"),
        ({"smoker": ["True", "perhaps", "False", "true"]}, "smoker: 'perhaps' is not true or false"),
        ({"dose": [1.0, np.nan, 1.0, 1.0]}, "dose: missing, "),
        ({"dose": [1.0, -np.inf, 1.0, 1.0]}, "dose: infinite, "),
        ({"colour": ["red", None, "red", "red"]}, "colour: missing, "),
    ],
)
def test_rows_that_break_the_contract(changes: dict, reason: str) -> None:
    frame = new_rows(**changes)
    CONTRACT.check_columns(frame)
    reasons = CONTRACT.row_reasons(frame)
    assert reasons[0] is None
    assert reasons[2:] == [None, None]
    assert reasons[1].startswith(reason)


def test_several_reasons_stand_in_one_line() -> None:
    first = CONTRACT.row_reasons(new_rows(colour="purple", dose=np.nan))[0]
    assert first.startswith("dose: missing")
    assert "; colour: 'purple'" in first


def test_a_filling_policy_serves_gaps_but_not_nonsense() -> None:
    frame = new_rows(dose=[np.nan, np.inf, 1, 1], colour=[None, "red", "purple", "red"])
    reasons = FILLING.row_reasons(frame)
    assert reasons[0] is None
    assert reasons[1].startswith("dose: infinite, ")
    assert "purple" in reasons[2]
    assert FILLING.gaps(frame)[0] == 2
    assert FILLING.gaps(frame).tolist()[2:] == [0, 0]


def test_an_empty_column_is_a_matter_of_rows_not_of_types() -> None:
    frame = new_rows(colour=np.nan, dose=np.nan)
    CONTRACT.check_columns(frame)
    assert None not in CONTRACT.row_reasons(frame)
    assert FILLING.row_reasons(frame) == [None] * 4


def test_values_outside_the_range_are_served_and_reported() -> None:
    frame = new_rows(age=[500, 20, 30, 40])
    assert CONTRACT.row_reasons(frame) == [None] * 4
    assert CONTRACT.drift(frame).set_index("feature")["outside"].to_dict() == {
        "age": 0.25, "dose": 0.0, "colour": 0.0, "smoker": 0.0,
    }  # fmt: skip


def test_categories_written_as_numbers_survive_a_file(tmp_path) -> None:
    contract = Contract.of(pd.DataFrame({"code": ["007", "a1", "007"]}))
    (tmp_path / "new.csv").write_text("code\n007\n007\n")
    assert contract.row_reasons(read_frame(tmp_path / "new.csv", text=contract.text_columns)) == [None, None]
    assert None not in contract.row_reasons(read_frame(tmp_path / "new.csv"))


def test_psi_is_the_symmetrised_divergence_of_large_samples() -> None:
    """With many rows the correction for empty bins vanishes; the closed form is KL(a, e) + KL(e, a)."""
    expected, actual = np.array([0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.5])
    closed = np.sum(actual * np.log(actual / expected)) + np.sum(expected * np.log(expected / actual))
    counts = (expected * 1e8).astype(int), (actual * 1e8).astype(int)
    assert psi(*counts) == pytest.approx(closed, rel=1e-6)
    assert psi(counts[0], counts[0]) == 0
    assert psi(*(np.append(c, 0) for c in counts)) == pytest.approx(psi(*counts), rel=1e-12)
    assert np.isfinite(psi(np.array([10, 0]), np.array([0, 10])))


def test_chance_is_the_chi_squared_quantile_of_large_samples() -> None:
    """Yurdakul and Naranjo's limit: PSI / (1/n + 1/m) is chi-squared with bins - 1 degrees of freedom."""
    from scipy.stats import chi2

    expected, actual = np.full(10, 2000), np.full(10, 1000)
    limit = chi2.ppf(0.95, 9) * (1 / 20000 + 1 / 10000)
    assert chance(expected, actual) == pytest.approx(limit, rel=0.1)


@pytest.mark.parametrize(
    ("index", "by_chance", "word"),
    [
        (0.0999, 0.0, "stable"),
        (0.1, 0.0, "moderate"),
        (0.2499, 0.0, "moderate"),
        (0.25, 0.0, "strong"),
        (0.9, 1.0, "stable"),
        (1.1, 1.0, "strong"),
    ],
)
def test_verdicts(index: float, by_chance: float, word: str) -> None:
    assert verdict(index, by_chance) == word


def samples(n_rows: int, seed: int, shift: float = 0.0) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    values = random.normal(size=(n_rows, 60)) + shift
    return pd.DataFrame(values, columns=[f"x{column}" for column in range(60)])


@pytest.mark.parametrize("n_rows", [3, 40, 500])
def test_the_same_distribution_is_called_stable(n_rows: int) -> None:
    verdicts = Contract.of(samples(400, 0)).drift(samples(n_rows, 1))["verdict"]
    assert (verdicts == "stable").mean() > 0.85


def test_a_shift_of_one_deviation_is_called_strong() -> None:
    verdicts = Contract.of(samples(400, 0)).drift(samples(200, 1, shift=1.0))["verdict"]
    assert (verdicts == "strong").all()


@pytest.mark.parametrize(
    "changes",
    [
        {"colour": "purple"},
        {"colour": "red"},
        {"smoker": True},
        {"age": np.nan},
        {"dose": -100.0},
    ],
)
def test_drift_of_every_kind_of_column(changes: dict) -> None:
    contract = Contract.of(TRAINING, "mean")
    drift = contract.drift(TRAINING.assign(**changes)).set_index("feature")["verdict"]
    (column,) = changes
    assert drift[column] == "strong"
    assert (drift.drop(column) == "stable").all()


@pytest.mark.parametrize("value", [6.0, 4.0, np.nan])
def test_drift_away_from_a_constant_is_seen_on_either_side(value: float) -> None:
    contract = Contract.of(pd.DataFrame({"x": np.full(100, 5.0)}), "mean")
    assert contract.drift(pd.DataFrame({"x": np.full(50, 5.0)}))["verdict"].tolist() == ["stable"]
    assert contract.drift(pd.DataFrame({"x": np.full(50, value)}))["verdict"].tolist() == ["strong"]


def test_drift_is_repeatable_and_needs_rows() -> None:
    pd.testing.assert_frame_equal(CONTRACT.drift(TRAINING), CONTRACT.drift(TRAINING), check_exact=True)
    with pytest.raises(StudyError, match="at least one row"):
        CONTRACT.drift(TRAINING.head(0))
