"""Every side computes what QuantumLayer does, and one that does not is refused; which sides can be asked for."""

from __future__ import annotations

import argparse
import dataclasses
import importlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import layers
import numpy as np
import pytest
import sides
import turns
from client import SideError
from problems import CIRCUITS, STRONGLY_ENTANGLING, Problem
from turns import Effort, Party
from workers.run import Worker

BENCHMARKS = Path(sides.__file__).parent
BRIEF = Effort(turns=2, steps=1, seconds=0.5, limit=60.0)


class Here:
    """A client whose side runs in this process; `spoil` is done to what it computes."""

    is_alive = True

    def __init__(self, side: sides.Side, spoil: Any = None) -> None:
        self.side, self._spoil = side, spoil
        self._worker = Worker(importlib.import_module(f"workers.{side.name}"))

    def ask(
        self, what: str, at_most: float, problem: Problem | None = None, **request: Any
    ) -> dict[str, Any]:
        if problem is not None:
            request["problem"] = dataclasses.asdict(problem)
        # As text and back, as between processes.
        answer: dict[str, Any] = json.loads(json.dumps(getattr(self._worker, what)(**request)))
        if self._spoil is not None and what == "prepare":
            self._spoil(answer)
        return answer


def party(*names: str, spoil: Any = None) -> Party:
    return Party([Here(sides.OURS), *(Here(sides.SIDES[name], spoil) for name in names)])  # type: ignore[list-item]


def silent(_: str) -> None:
    pass


@pytest.mark.parametrize(
    "circuit",
    # Every side has this one.
    [pytest.param(one, marks=pytest.mark.long) if one == STRONGLY_ENTANGLING else one for one in CIRCUITS],
)
def test_own_sides_compute_the_same(circuit: str) -> None:
    names = [name for name in sides.OWN[1:] if circuit in sides.SIDES[name].circuits]
    found = party(*names).measure(Problem(circuit, 3, 2, 2), BRIEF, silent)
    assert [measured.side.name for measured in found] == [sides.OURS.name, *names]
    assert all(measured.failure is None and measured.median for measured in found)


def swap_two_wires(answer: dict[str, Any]) -> None:
    answer["outputs"] = np.array(answer["outputs"])[:, [1, 0, 2]].tolist()


def double_the_gradient(answer: dict[str, Any]) -> None:
    answer["by_weights"] = (2 * np.array(answer["by_weights"])).tolist()


def lose_a_gradient(answer: dict[str, Any]) -> None:
    answer["by_inputs"] = (np.nan * np.array(answer["by_inputs"])).tolist()


@pytest.mark.parametrize(
    ("spoil", "named"),
    [(swap_two_wires, "outputs"), (double_the_gradient, "by_weights"), (lose_a_gradient, "by_inputs")],
)
def test_a_side_that_computes_something_else_is_an_error(spoil: Any, named: str) -> None:
    with pytest.raises(SideError, match=f"default.qubit computes something else.*{named} differs by"):
        party("default_qubit", spoil=spoil).measure(Problem(STRONGLY_ENTANGLING, 3, 1, 2), BRIEF, silent)


def test_a_side_that_fails_is_left_out_and_named() -> None:
    found = party("linear", spoil=fail).measure(Problem(STRONGLY_ENTANGLING, 2, 1, 2), BRIEF, silent)
    table = layers.times_table("t", [sides.OURS, sides.SIDES["linear"]], [("2, 1, 2", found)])
    assert table.rows[0][2] == "–"
    assert table.notes == ["nn.Linear at 2, 1, 2: out of memory."]


def fail(_: dict[str, Any]) -> None:
    raise SideError("out of memory")


def test_ratios_are_of_medians() -> None:
    ours = turns.Measured(sides.OURS, [1e-3, 2e-3, 9e-3])
    other = turns.Measured(sides.SIDES["linear"], [1e-3, 1e-3, 5e-3])
    table = layers.times_table("t", [ours.side, other.side], [("size", [ours, other])])
    assert table.rows == [["size", "2", "1 (0.5×)"]]


# --- which sides ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("script", ["layers.py", "circuits.py", "plots.py", "all.py"])
def test_an_unknown_side_is_refused(script: str) -> None:
    command = [sys.executable, str(BENCHMARKS / script), "--sides", "linear,cirq"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert done.returncode == 2
    assert "'cirq' is no side" in done.stderr or "'linear' is no side" in done.stderr
    assert "Allowed: own, all" in done.stderr


def test_without_the_peers_environment_it_is_said_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sides, "PEERS", tmp_path / "none")
    with pytest.raises(SystemExit) as stopped:
        sides.chosen_sides(argparse.ArgumentParser(), "all")
    assert stopped.value.code == 2
    message = capsys.readouterr().err
    assert "with_jax" in message
    assert "-m venv benchmarks/.venv-peers" in message
    assert "benchmarks/peers/requirements.txt" in message
    assert [side.name for side in sides.chosen_sides(argparse.ArgumentParser(), "own")] == sides.OWN


def test_ours_is_always_there_and_first() -> None:
    chosen = sides.chosen_sides(argparse.ArgumentParser(), "linear")
    assert [side.name for side in chosen] == [sides.OURS.name, "linear"]


def test_every_side_has_its_module() -> None:
    modules = {path.stem for path in (BENCHMARKS / "workers").glob("*.py")}
    assert set(sides.SIDES) <= modules
