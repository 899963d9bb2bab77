"""Programs as people write them: on our layer they give TorchLayer's numbers, or are refused in our words."""

from __future__ import annotations

import os
from itertools import count, islice
from random import Random

import pennylane as qp
import pytest
from hypothesis import Phase, given, settings

from tests.qlayers.programs import program as language
from tests.qlayers.programs.judge import Outcome, judge, judge_empty, make_ours
from tests.qlayers.programs.mutants import MUTANTS
from tests.qlayers.programs.program import Make, Program
from tests.qlayers.programs.report import failures, share, shares
from tests.qlayers.programs.strategies import draw_program, programs

pytestmark = pytest.mark.falls_back

FEW = 60
ASKED_FOR = os.environ.get("QLAYERS_RANDOM_CIRCUITS")


def judged(n_programs: int) -> list[Outcome]:
    """Judge programs that hypothesis draws, without stopping at the first that fails."""
    outcomes = []

    # The same every time in the default run; the long one draws others.
    settle = settings(max_examples=n_programs, phases=[Phase.generate], database=None, deadline=None)

    @settings(settle, derandomize=n_programs <= FEW)
    @given(programs())
    def collect(drawn: Program) -> None:
        outcomes.append(judge(drawn))

    collect()
    return outcomes


def check(outcomes: list[Outcome], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        print("\n" + shares(outcomes))
    if any(outcome.fails for outcome in outcomes):
        pytest.fail(failures(outcomes), pytrace=False)
    assert share(outcomes, "no reference") <= 0.03


def test_programs_give_the_reference_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    check(judged(FEW), capsys)


@pytest.mark.long
def test_most_programs_run_natively(capsys: pytest.CaptureFixture[str]) -> None:
    """Of 2,000 programs, at least 80% run natively, and at most 1% of those that TorchLayer runs are refused."""
    outcomes = judged(int(ASKED_FOR or "2000"))
    check(outcomes, capsys)
    assert share(outcomes, "native") >= 0.8
    assert share(outcomes, "refused") <= 0.01


@pytest.mark.parametrize("fault", MUTANTS)
@pytest.mark.parametrize("make", [qp.qnn.TorchLayer, make_ours], ids=["TorchLayer", "ours"])
def test_the_generator_finds_faults(make: Make, fault: str) -> None:
    """Of programs that the fault concerns, and that are right without it, most are found with it."""
    mutant = MUTANTS[fault]
    concerned = (one for one in map(draw_program, map(Random, count())) if mutant.concerns(one))
    right = list(islice((one for one in islice(concerned, 30) if not judge(one, make).fails), 4))
    found = [judge(one, mutant.put_on(make)) for one in right]
    assert len(right) == 4
    assert share(found, "wrong", "crash") >= 0.5


def test_an_empty_batch_gives_an_empty_result() -> None:
    unlike_others = language.NEEDS_BATCH | language.MIXES_ROWS | language.MAKES_BATCH
    drawn = (
        one
        for one in map(draw_program, map(Random, count()))
        if not unlike_others & set(one.preparations) and one.returns in ("all Z", "one", "list")
    )
    outcomes = [judge_empty(one) for one in islice(drawn, 10)]
    if any(outcome.fails for outcome in outcomes):
        pytest.fail(failures(outcomes, judge_empty), pytrace=False)


def test_programs_are_written_down() -> None:
    """A program's ``repr`` makes it again, and its source defines the model and what changes it."""
    for seed in range(20):
        drawn = draw_program(Random(seed))
        assert eval(repr(drawn), vars(language)) == drawn
        assert {"Model", "change"} <= drawn.namespace().keys()
