"""What may be declared; the seal; the stop-loss; the questionnaire."""

from __future__ import annotations

import copy
import hashlib
from pathlib import Path
from typing import Any

import pytest
import yaml

from study.errors import StudyError
from study.gates.declaration import Gates, declared_gates, declared_stop_loss
from study.gates.fit import ANSWERS, QUESTIONS, score_fit
from study.gates.seal import canonical, check_seal, seal
from study.gates.stop_loss import stop_loss

CONF = Path(__file__).resolve().parents[3] / "conf"
DECLARED = {
    "metric": "accuracy",
    "protocol": {"seeds": [0, 1]},
    "gates": {"statistical": {"alpha": 0.05, "margin": 0.0}},
}


def test_the_file_holds_the_defaults_of_the_classes() -> None:
    written = yaml.safe_load((CONF / "gates/default.yaml").read_text())
    assert written == Gates().model_dump()
    assert declared_gates(written) == Gates() == declared_gates({})


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"statistical": {"alpah": 0.1}}, r"gates\.statistical\.alpah is no key: choose one of rule, margin"),
        ({"statistcal": {}}, r"gates\.statistcal is no key: choose one of technical, statistical"),
        ({"statistical": {"alpha": 5}}, r"gates\.statistical\.alpha must be a number between 0 and 1, .* 5"),
        ({"statistical": {"rule": "best"}}, r"gates\.statistical\.rule must be better or not_worse"),
        ({"statistical": {"rule": "not_worse"}}, r"takes a margin above 0"),
        ({"operational": {"fit_ratio": -1}}, r"gates\.operational\.fit_ratio must be a number, 0 or more"),
        ({"operational": {"fit_ratio": float("nan")}}, r"gates\.operational\.fit_ratio must be"),
        ({"technical": {"tolerances": {"shots": -1}}}, r"gates\.technical\.tolerances\.shots"),
    ],
)
def test_what_cannot_be_declared_is_named(values: dict[str, Any], said: str) -> None:
    with pytest.raises(StudyError, match=said):
        declared_gates(values)


def test_the_seal_is_the_sha256_of_sorted_json() -> None:
    assert canonical({"b": [1, 2.5], "a": None}) == '{"a":null,"b":[1,2.5]}'
    assert seal({"b": 1, "a": "é"}) == hashlib.sha256('{"a":"é","b":1}'.encode()).hexdigest()
    assert seal({"a": 1, "b": 2}) == seal({"b": 2, "a": 1})
    assert seal({"a": [1, 2]}) != seal({"a": [2, 1]})


@pytest.mark.parametrize("value", [{1, 2}, float("nan"), Path("x")])
def test_only_plain_values_are_sealed(value: Any) -> None:
    with pytest.raises(StudyError, match="plain values only"):
        seal({"a": value})


def test_what_was_not_changed_keeps_the_seal() -> None:
    check_seal(copy.deepcopy(DECLARED), seal(DECLARED))
    check_seal(copy.deepcopy(DECLARED), seal(DECLARED), DECLARED)


def test_gates_edited_after_the_start_are_named() -> None:
    edited: dict[str, Any] = copy.deepcopy(DECLARED)
    edited["gates"]["statistical"]["alpha"] = 0.5
    edited["gates"]["statistical"]["rope"] = 0.1
    del edited["metric"]
    with pytest.raises(StudyError) as caught:
        check_seal(edited, seal(DECLARED), DECLARED)
    for part in (
        "gates.statistical.alpha was 0.05 and is 0.5",
        "gates.statistical.rope was not there and is 0.1",
        'metric was "accuracy" and is gone',
    ):
        assert part in str(caught.value)
    assert "margin" not in str(caught.value)
    with pytest.raises(StudyError, match="What the study declared does not fit the seal"):
        check_seal(edited, seal(DECLARED))


def test_an_edited_record_of_the_declaration_is_caught_too() -> None:
    edited: dict[str, Any] = copy.deepcopy(DECLARED)
    edited["gates"]["statistical"]["alpha"] = 0.5
    with pytest.raises(StudyError, match=r"record .* was changed .*gates\.statistical\.alpha"):
        check_seal(DECLARED, seal(DECLARED), edited)
    with pytest.raises(StudyError, match=r"record .* was changed"):
        check_seal(edited, seal(DECLARED), edited)


@pytest.mark.parametrize(
    ("limits", "used", "said"),
    [
        ({"hours": 1.0}, {"seconds": 3599.0}, None),
        ({"hours": 1.0}, {"seconds": 3600.0}, "60 min, and stop_loss.hours allows 60 min"),
        ({"hours": None}, {"seconds": 1e9}, None),
        ({"executions": 1000}, {"seconds": 0.0, "executions": 999}, None),
        ({"executions": 1000}, {"seconds": 0.0, "executions": 1200}, "1,200 circuits"),
        ({"usd": 0.0}, {"seconds": 0.0, "usd": 0.0}, None),
        ({"usd": 0.0}, {"seconds": 0.0, "usd": 0.01}, "0.01 USD"),
        ({"usd": 5.0}, {"seconds": 0.0, "usd": 5.0}, "5.00 USD"),
        ({"usd": None}, {"seconds": 0.0, "usd": 50.0}, None),
    ],
)
def test_stop_loss(limits: dict[str, Any], used: dict[str, Any], said: str | None) -> None:
    found = stop_loss(limits, **used)
    assert (found is None) if said is None else (found is not None and said in found)


def test_a_stop_loss_that_is_none_is_refused() -> None:
    with pytest.raises(StudyError, match=r"stop_loss\.hours must be a number above 0, or null"):
        declared_stop_loss({"hours": 0})
    with pytest.raises(StudyError, match=r"stop_loss\.days is no key"):
        stop_loss({"days": 1}, seconds=0)


def test_every_question_of_the_file_is_one() -> None:
    answers = yaml.safe_load((CONF / "study/fit.yaml").read_text())
    assert list(answers) == list(QUESTIONS) == list(ANSWERS)
    score_fit(answers)


def test_points_add_up() -> None:
    good = score_fit(
        {
            "data_size": "thousands",
            "structure": "quantum",
            "baseline_strength": "weak",
            "access": "simulator",
            "complexity": "few",
        }
    )
    assert good.score == pytest.approx(19 / 20)
    assert good.advice.startswith("A fair case")
    poor = score_fit(
        {
            "data_size": "hundreds",
            "structure": "generic",
            "baseline_strength": "strong",
            "access": "low_latency",
            "complexity": "tens",
        }
    )
    assert poor.score == pytest.approx(6 / 20)
    assert poor.advice.startswith("A poor fit")
    assert any("2403.07059" in item.meaning for item in poor.items)


def test_unknown_answers_are_neutral_and_said() -> None:
    assert score_fit({}).score == 0.5
    assert "says nothing" in score_fit({}).advice
    some = score_fit({"structure": "linear", "access": None})
    assert some.score == pytest.approx(0.4)
    assert (
        "not answered: data_size, baseline_strength, access, complexity; as in study.fit.data_size="
        in some.advice
    )


def test_an_answer_that_is_none_is_refused() -> None:
    with pytest.raises(StudyError, match=r"fit\.structure='magic' is no answer: choose among quantum"):
        score_fit({"structure": "magic"})
    with pytest.raises(StudyError, match=r"fit\.budget is no question"):
        score_fit({"budget": "large"})
