"""The environment with the next PennyLane: in what order it is made, and which versions are lifted."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

from tests.packaging.scripts import FOLDER, load_script

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """requirements/next_pennylane.py, which is a script and in no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return load_script("next_pennylane")


def test_torch_is_first_and_the_checkout_last(script: ModuleType) -> None:
    first, everything, check, checkout, _ = script.installs("torch==1.2.3")
    assert first == ["install", "--upgrade", "torch==1.2.3", "setuptools"]
    assert check == ["check"]
    assert checkout[-2:] == ["--editable", str(ROOT)]
    assert "--no-deps" in checkout
    assert {Requirement(line).name for line in everything[1:]} >= {
        "pennylane",
        "numba",
        "pytest",
        "qiskit-aer",
    }


@pytest.mark.parametrize("name", ["pennylane", "pennylane-lightning"])
def test_pre_releases_beyond_the_pin_are_admitted(script: ModuleType, name: str) -> None:
    (line,) = [line for line in script.wanted(ROOT / "pyproject.toml", []) if Requirement(line).name == name]
    (lifted,) = [one for one in script.installs("torch")[1][1:] if Requirement(one).name == name]
    pin, free = Requirement(line).specifier, Requirement(lifted).specifier
    bound = line.rpartition("<")[2]
    assert free.prereleases  # by which pip takes them
    for version in (f"{bound}.1.dev46", f"{bound}.0", "99.0"):
        assert free.contains(version)
        assert not pin.contains(version, prereleases=True)
    assert free.contains(line.partition(">=")[2].partition(",")[0])


def test_other_requirements_stay(script: ModuleType) -> None:
    for line in ("pennylane-qiskit>=0.45,<0.46", "numpy>=2.0", "qiskit>=2.0,<3"):
        assert script.lifted(line) == line


def test_a_requirement_without_a_beginning_is_refused(script: ModuleType) -> None:
    with pytest.raises(ValueError, match="no lower bound"):
        script.lifted("pennylane<0.46")


@pytest.mark.parametrize(
    ("given", "expected"), [([], ["tests/qlayers", "-n", "2"]), (["--", "-k", "x"], ["-k", "x"])]
)
def test_the_tests_run_in_the_new_environment_which_goes(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, given: list[str], expected: list[str]
) -> None:
    asked = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        return subprocess.CompletedProcess(command, 7 if "pytest" in command else 0)

    monkeypatch.setattr(script.venv, "create", lambda folder, with_pip: Path(folder, "made").touch())
    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["next_pennylane.py", "torch==1.2.3", *given])
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 7
    *pip, pytest_command = asked
    assert [command[1:] for command in pip] == [
        ["-m", "pip", *step] for step in script.installs("torch==1.2.3")
    ]
    assert pytest_command[1:] == ["-m", "pytest", *expected]
    assert len({command[0] for command in asked}) == 1
    assert not Path(asked[0][0]).parents[1].exists()
