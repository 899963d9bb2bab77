from __future__ import annotations

from collections.abc import Callable

from study.report.verdict import NO_CONTROLS, ONE_SPLIT, verdict
from study.run.results import Results

MakeResults = Callable[..., Results]


def test_the_control_that_is_better_has_won(classification: MakeResults) -> None:
    assert verdict(classification(0.90, 0.95, 0.93)) == (
        f"model 1 won: balanced accuracy 0.950 on the test part; model 0 reached 0.900. {ONE_SPLIT}"
    )


def test_the_main_model_can_win(classification: MakeResults) -> None:
    assert verdict(classification(0.96, 0.95)).startswith(
        "model 0 won: balanced accuracy 0.960 on the test part. "
    )


def test_a_lower_error_wins_a_regression(regression: MakeResults) -> None:
    assert verdict(regression(60.0, 55.0)).startswith(
        "model 1 won: RMSE 55 on the test part; model 0 reached 60. "
    )


def test_equal_values_are_a_tie_even_if_the_first_comes_first(classification: MakeResults) -> None:
    assert verdict(classification(0.95, 0.95, 0.90)).startswith("A tie between model 0 and model 1: ")
    assert verdict(classification(0.90, 0.95, 0.95)).startswith("A tie between model 1 and model 2: ")
    assert verdict(classification(0.90, 0.95, 0.95)).count("model 0 reached 0.900") == 1
    assert verdict(classification(0.95, 0.95, 0.95)).startswith("A tie of all 3 models: ")


def test_values_that_only_look_equal_are_no_tie(classification: MakeResults) -> None:
    assert verdict(classification(0.9500001, 0.95)).startswith("model 0 won")


def test_a_model_that_failed_cannot_win(classification: MakeResults) -> None:
    assert verdict(classification(0.90, 0.80, failed="out of memory")).startswith("model 0 won")


def test_without_controls_nothing_is_claimed(classification: MakeResults) -> None:
    sentence = verdict(classification(0.9))
    assert sentence.endswith(NO_CONTROLS)
    assert "won" not in sentence
    assert "won" not in verdict(classification(0.9, failed="out of memory"))


def test_a_metric_that_is_not_defined_decides_nothing(classification: MakeResults) -> None:
    assert "nothing can be compared" in verdict(classification(None, 0.9))
    assert verdict(classification(0.8, None, 0.9)).startswith("model 2 won")
