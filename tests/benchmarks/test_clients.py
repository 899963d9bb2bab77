"""Every kind of program runs with both layers and agrees, and one that does not is reported and not timed."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from typing import Any

import clients
import numpy as np
import pairs
import pennylane as qp
import pytest
import torch
from pairs import Pair
from programs import KINDS, Program

from qlayers.errors import ConfigurationError


@pytest.fixture(autouse=True)
def few_repeats_from_a_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pairs, "REPEATS", 8)
    np.random.seed(0)


@pytest.mark.parametrize("name", KINDS)
def test_program_agrees_with_torch_layer(name: str) -> None:
    pair = pairs.measure(KINDS[name], rounds=0, seconds=0)
    assert pair.failure is None
    assert pair.devices


def test_kinds_say_what_they_are() -> None:
    assert len(KINDS) >= 18
    assert len({kind.description for kind in KINDS.values()}) == len(KINDS)


# --- what is reported --------------------------------------------------------------------------------------------


class Negated(qp.qnn.TorchLayer):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return -super().forward(inputs)


class TwiceTheGradient(qp.qnn.TorchLayer):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        outputs = super().forward(inputs)
        return 2 * outputs - outputs.detach()


class NotFinite(qp.qnn.TorchLayer):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs) * torch.nan


class WithoutGradient(qp.qnn.TorchLayer):
    def forward(self, inputs: torch.Tensor) -> torch.Tensor:
        return super().forward(inputs).detach() + 0 * inputs.sum().requires_grad_()


@pytest.mark.parametrize(
    ("name", "layer", "said"),
    [
        ("reuploading", Negated, "DIFFERS: outputs by"),
        ("reuploading", TwiceTheGradient, "DIFFERS: gradient of scales by"),
        ("reuploading", NotFinite, "DIFFERS: outputs is not finite"),
        (
            "reuploading",
            WithoutGradient,
            "DIFFERS: only one of both has gradient of scales, gradient of weights",
        ),
        ("finite_shots", Negated, "DIFFERS: outputs, its mean over 8 steps by"),
        ("finite_shots", TwiceTheGradient, "DIFFERS: gradient of weights, its mean over 8 steps by"),
    ],
)
def test_a_layer_that_computes_something_else_differs(name: str, layer: type, said: str) -> None:
    pair = pairs.measure(KINDS[name], rounds=7, seconds=0, ours=layer)
    assert pair.failure is not None
    assert pair.failure.startswith(said)
    assert pair.ours == []


def raising(error: Exception) -> Callable[..., Any]:
    def make(*_: Any, **__: Any) -> Any:
        raise error

    return make


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ConfigurationError("No.\nBecause."), "refused: No."),
        (ZeroDivisionError("division"), "crashed: ZeroDivisionError: division"),
        (ValueError("x" * 200), f"crashed: ValueError: {'x' * 119}…"),
    ],
)
def test_a_layer_that_fails_is_reported(error: Exception, said: str) -> None:
    assert pairs.measure(KINDS["transfer"], rounds=7, seconds=0, ours=raising(error)).failure == said


def test_samples_of_one_distribution_seldom_differ() -> None:
    random = np.random.default_rng(3)
    # Correlated numbers, for which a sum of squares has no chi-squared distribution.
    p_values = [
        pairs.chance_of_difference(*(random.normal(size=(2, 8, 3)) @ random.normal(size=(3, 20))))
        for _ in range(200)
    ]
    # 40 of 200 are expected below 0.2, with a standard deviation of 5.7.
    assert 17 <= sum(p < 0.2 for p in p_values) <= 63


def test_samples_without_spread() -> None:
    ones = np.ones((8, 3))
    assert pairs.chance_of_difference(ones, ones) == 1.0
    assert pairs.chance_of_difference(ones, 2 * ones) < 1e-3


# --- turns and tables --------------------------------------------------------------------------------------------


def recorder(name: str, calls: list[str]) -> Program:
    def step() -> torch.Tensor:
        calls.append(name)
        return torch.empty(0)

    return Program(torch.nn.Module(), step)


@pytest.mark.parametrize(("rounds", "seconds", "taken"), [(3, 60.0, 3), (50, 0.0, 7)])
def test_turns_alternate_and_end(rounds: int, seconds: float, taken: int) -> None:
    calls: list[str] = []
    pair = Pair(KINDS["gan"])
    pairs.take_turns(pair, recorder("theirs", calls), recorder("ours", calls), rounds, seconds)
    assert len(pair.theirs) == len(pair.ours) == taken
    assert calls[:8] == ["ours", "ours", "theirs", "theirs", "theirs", "theirs", "ours", "ours"]
    assert len(calls) == 4 * taken


def made_up(name: str, ratios: list[float], device: str) -> Pair:
    return Pair(KINDS[name], ratios, [1.0] * len(ratios), [device])


def test_interval_of_the_median() -> None:
    # Of seven numbers the least and the greatest enclose the median with 1 - 2/2^7 = 98 %, their neighbours with 87 %.
    pair = made_up("gan", [3.0, 1.0, 2.0, 7.0, 5.0, 4.0, 6.0], pairs.NATIVE)
    assert pair.ratio == 4.0
    assert pair.interval == (1.0, 7.0)


def test_ratios_are_of_pairs() -> None:
    pair = Pair(KINDS["gan"], theirs=[1.0, 4.0, 9.0], ours=[1.0, 8.0, 1.0])
    assert pair.ratio == 1.0


def test_summary_keeps_native_kinds_apart() -> None:
    found = [
        made_up("gan", [10.0] * 7, pairs.NATIVE),
        made_up("qcnn", [30.0, *[50.0] * 6], pairs.NATIVE),
        made_up("qlstm", [0.9, *[12.0] * 6], pairs.NATIVE),
        made_up("mid_circuit", [0.9] * 7, "default.qubit"),
        Pair(KINDS["lightning"], failure="crashed: ValueError: no"),
    ]
    found[3].reason = "It measures in the middle."
    table = clients.summary_table(found)
    assert table.rows == [
        ["native", "3", "12.0", "qlstm"],
        ["on PennyLane as written", "1", "0.90", "mid_circuit"],
    ]
    assert "Not timed: lightning." in table.notes[1]
    programs = clients.programs_table(found)
    assert programs.rows[1][2:] == ["50000", "1000", "50.0 (30.0 to 50.0)", "qlayers.batched"]
    assert programs.rows[4][2:] == ["–", "–", "crashed: ValueError: no", "–"]
    assert programs.notes == ["mid_circuit: It measures in the middle."]


# --- the command line --------------------------------------------------------------------------------------------


def test_script_prints_both_tables(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["clients.py", "--quick", "--kinds", "prediction_loop"])
    monkeypatch.setenv("COLUMNS", "200")
    clients.main()
    printed = capsys.readouterr().out
    assert "prediction_loop" in printed
    assert "on PennyLane as written" in printed
    assert "pennylane-lightning" in printed


def test_script_ends_in_failure_if_numbers_differ(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(
        clients, "measure", lambda kind, *_: Pair(kind, failure="DIFFERS: outputs by up to 1")
    )
    monkeypatch.setattr(sys, "argv", ["clients.py", "--kinds", "gan"])
    with pytest.raises(SystemExit) as stopped:
        clients.main()
    assert stopped.value.code == 1
    assert "gan differ from TorchLayer's" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--kinds", "gan,vqe"], "'vqe' is no kind of program. Allowed: all, or any of qlstm, "),
        (["--rounds", "6"], "6 are too few for an interval. Allowed: 7 or more."),
        (["--kinds", "gan", "--write"], "leave --kinds out"),
    ],
)
def test_wrong_options_are_refused(
    arguments: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["clients.py", *arguments])
    with pytest.raises(SystemExit) as stopped:
        clients.main()
    assert stopped.value.code == 2
    assert said in " ".join(capsys.readouterr().err.split())


def test_a_kind_is_asked_for_once() -> None:
    chosen = clients.chosen_kinds(argparse.ArgumentParser(), "gan, gan,qcnn")
    assert [kind.name for kind in chosen] == ["gan", "qcnn"]
