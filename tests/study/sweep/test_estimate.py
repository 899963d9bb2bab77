"""What the estimate counts: everything slow that is planted must turn up in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from study.baselines import estimator_learner
from study.baselines.logistic import Logistic
from study.config.rules import TRAIN
from study.fitting.torch_learner import TorchLearner
from study.sweep import estimate as estimate_module
from study.sweep import trial
from study.sweep.estimate import Estimate, estimate
from study.sweep.expansion import expand
from study.sweep.plan import make_plan

Lines = Callable[..., list[str]]
OTHERS = ("ridge", "rbf_svm", "gradient_boosting", "mlp", "separable")


def estimated(lines: list[str]) -> Estimate:
    return estimate(make_plan(expand(TRAIN, lines), Path.cwd()).jobs)


class Clock:
    """A clock that only what is planted moves, so that no other work on the machine is in what it measures."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now

    process_time = perf_counter

    def slow_down(self, monkeypatch: pytest.MonkeyPatch, owner: Any, name: str, seconds: list[float]) -> None:
        """Let a function take so many seconds at its first, second … call, and the last of them ever after."""
        whole, left = getattr(owner, name), list(seconds)

        def slow(*arguments: Any, **options: Any) -> Any:
            self.now += left.pop(0) if len(left) > 1 else left[0]
            return whole(*arguments, **options)

        monkeypatch.setattr(owner, name, slow)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in (estimate_module, trial, estimator_learner):
        monkeypatch.setattr(module, "time", clock)
    return clock


def test_shares_add_up() -> None:
    found = Estimate(60.0, 5.0, 7.0, 2.0, 0, {}, 0)
    assert found.seconds(parallel=1, starts=0) == 69
    assert found.launch_seconds(parallel=2, starts=3) == 45
    assert found.seconds(parallel=2, starts=3) == 54


def test_what_a_job_takes_besides_its_steps_is_measured(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    assert estimated(lines("depth=1,2")).jobs_seconds == 0
    clock.slow_down(monkeypatch, TorchLearner, "save", [3.0, 0.5])
    found = estimated(lines("depth=1,2"))
    assert found.jobs_seconds == pytest.approx(2 * 0.5)
    assert found.start_seconds > 2.0  # what only the first one took, among others


def test_controls_count_once_a_split(lines: Lines, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    clock.slow_down(monkeypatch, Logistic, "fit_rows", [0.5])
    few = [line for line in lines() if line != "controls=none"]
    one_control = [*few, *(f"controls.{name}=null" for name in OTHERS)]
    learner = Logistic()
    least = 0.5 * len(learner.grid["C"]) * learner.inner_folds
    once = estimated([*one_control, "seed=0,1"]).controls_seconds
    assert least <= once < 2 * least
    assert estimated([*one_control, "split.fold=0,1"]).controls_seconds == pytest.approx(2 * once)
    assert estimated(lines("seed=0,1")).controls_seconds == 0


@pytest.mark.long
def test_more_panels_take_longer_to_draw(lines: Lines) -> None:
    two = estimated(lines("depth=1,2", "encoding=angle,iqp", "seed=0,1")).report_seconds
    three = estimated(
        lines("depth=1,2", "encoding=angle,iqp", "ansatz=separable,basic_entangler")
    ).report_seconds
    assert three > two


def test_the_plan_says_what_is_in_it(sweep: Callable[[list[str]], tuple[int, str]], lines: Lines) -> None:
    _, said = sweep(lines("seed=0,1"))
    assert "on basic with 1 at a time: jobs " in said
    assert "report " in said
    assert "At most" not in said


def test_what_cannot_be_tried_is_left_to_its_job(lines: Lines, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = TorchLearner.check

    def check(self: TorchLearner, data: Any) -> None:
        if self.settings.batch_size == 7:
            raise OSError("somebody else's surprise")
        whole(self, data)

    monkeypatch.setattr(TorchLearner, "check", check)
    found = estimated(lines("trainer.batch_size=7,16"))
    assert found.refused == {0: "OSError: somebody else's surprise"}
    assert found.jobs_seconds > 0


def test_what_lightning_lacks_is_refused_by_name(lines: Lines) -> None:
    found = estimated(lines("trainer.accelerator=cpu,tpu"))
    assert list(found.refused) == [1]
    assert found.refused[1].startswith("Lightning refuses the options under trainer: ")


def test_what_only_the_first_reading_costs_is_not_counted_for_every_job(
    lines: Lines, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    clock.slow_down(monkeypatch, estimate_module, "prepare", [20.0, 0.25])  # the first with its imports
    assert estimated(lines("depth=1,2")).jobs_seconds == pytest.approx(2 * 0.25)
