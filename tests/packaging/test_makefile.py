"""How make builds the environment, with an interpreter that only writes down what it is asked to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# Answers version questions as the real interpreter does, makes an "environment" that holds itself, logs the rest.
FAKE_PYTHON = f"""#!/bin/bash
case "$1 $2" in
  -c\\ *_base_executable*) echo "$0" ;;
  -c\\ *) exec {sys.executable} "$@" ;;
  "-m venv") mkdir -p "$3/bin"; cp "$0" "$3/bin/python"
    for tool in ruff mypy lint-imports; do
      printf '#!/bin/bash\\necho "%s $*" >> "$LOG"; [ "$FAIL" != %s ]\\n' $tool $tool > "$3/bin/$tool"
      chmod +x "$3/bin/$tool"
    done ;;
  *) echo "$*" >> "$LOG"; case "$*" in *"$FAIL"*) echo "ERROR: no $FAIL" >&2; exit 1 ;; esac ;;
esac
"""


class Checkout:
    """A folder with the Makefile and its inputs."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.log = folder / "log"
        self.python = folder / "fake-python"
        self.python.write_text(FAKE_PYTHON)
        self.python.chmod(0o755)
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copy(ROOT / "pyproject.toml", folder)
        shutil.copytree(ROOT / "requirements", folder / "requirements")

    def make(self, *args: str, fail: str = "nothing fails") -> subprocess.CompletedProcess[str]:
        """Run make; `done` then holds what it asked of the interpreter and the tools."""
        self.log.write_text("")
        environment = {"PATH": os.environ["PATH"], "LOG": str(self.log), "FAIL": fail}
        command = ["make", f"PYTHON={self.python}", *args]
        return subprocess.run(
            command,
            cwd=self.folder,
            env=environment,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
        )

    @property
    def done(self) -> list[str]:
        return self.log.read_text().splitlines()

    @property
    def installed(self) -> list[str]:
        """What each pip command was to install, in order."""
        return [
            line.partition("--progress-bar off ")[2]
            for line in self.done
            if line.startswith("-m pip install")
        ]


RUN_STEPS = ["torch==2.13.0", "-r requirements/run.txt", "--no-deps --no-build-isolation --editable ."]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path)


def test_train_installs_torch_first_and_passes_overrides_on(checkout: Checkout) -> None:
    result = checkout.make("train", "ARGS=depth=4 encoding=iqp")
    assert result.returncode == 0, result.stderr
    assert checkout.installed == RUN_STEPS
    assert checkout.done[-1] == "train.py depth=4 encoding=iqp"


def test_a_finished_environment_is_used_as_it_is(checkout: Checkout) -> None:
    checkout.make("train")
    for path in [checkout.folder / "pyproject.toml", *checkout.folder.glob("requirements/*")]:
        os.utime(path)  # switching branches gives files new times, not new contents
    checkout.make("train")
    assert checkout.done == ["train.py"]


def test_test_adds_its_tools_to_the_same_environment(checkout: Checkout) -> None:
    checkout.make("train")
    result = checkout.make("test")
    assert result.returncode == 0, result.stderr
    assert checkout.installed == ["-r requirements/test.txt"]
    checkout.make("train")
    assert checkout.done == ["train.py"]


STAGES = [
    "ruff check",
    "ruff format --check",
    "mypy",
    "lint-imports",
    "-m pytest -n 2",
    "-m pytest --nbmake notebooks -n 2",
]


def test_test_runs_every_stage(checkout: Checkout) -> None:
    assert checkout.make("test").returncode == 0
    assert checkout.installed == [*RUN_STEPS, "-r requirements/test.txt"]
    stages = [line for line in checkout.done if not line.startswith("-m pip")]
    assert len(stages) == len(STAGES)
    assert all(line.startswith(stage) for line, stage in zip(stages, STAGES, strict=True))


def test_continuous_integration_runs_the_test_command(checkout: Checkout) -> None:
    shutil.copytree(ROOT / ".ci", checkout.folder / ".ci")
    checkout.log.write_text("")
    environment = {
        "PATH": os.environ["PATH"],
        "LOG": str(checkout.log),
        "FAIL": "-n 2",
        "PYTHON": str(checkout.python),
    }
    result = subprocess.run(
        [checkout.folder / ".ci/run"], cwd="/", env=environment, capture_output=True, text=True
    )
    assert result.returncode != 0
    assert checkout.done[-1].startswith("-m pytest -n 2")
    environment["FAIL"] = "nothing fails"
    assert subprocess.run([checkout.folder / ".ci/run"], env=environment, capture_output=True).returncode == 0
    assert checkout.done[-1] == "-m pytest --nbmake notebooks -n 2"


@pytest.mark.parametrize(
    ("failing", "reached"), [("ruff", 1), ("mypy", 3), ("worksteal", 5), ("--nbmake", 6)]
)
def test_test_stops_at_the_first_failing_stage(checkout: Checkout, failing: str, reached: int) -> None:
    assert checkout.make("test", fail=failing).returncode != 0
    assert len([line for line in checkout.done if not line.startswith("-m pip")]) == reached


@pytest.mark.parametrize("step", RUN_STEPS[:2])
def test_an_interrupted_install_starts_over(checkout: Checkout, step: str) -> None:
    result = checkout.make("train", fail=step)
    assert result.returncode != 0
    assert "ERROR: no" in result.stderr
    assert "train.py" not in checkout.done
    (checkout.folder / ".venv/leftover").touch()
    assert checkout.make("train").returncode == 0
    assert checkout.installed == RUN_STEPS
    assert not (checkout.folder / ".venv/leftover").exists()


def test_an_interrupted_install_of_the_tools_starts_over(checkout: Checkout) -> None:
    checkout.make("train")
    assert checkout.make("test", fail="-r requirements/test.txt").returncode != 0
    checkout.make("train")
    assert checkout.installed == RUN_STEPS


def test_a_changed_lock_makes_a_new_environment(checkout: Checkout) -> None:
    checkout.make("train")
    with (checkout.folder / "requirements/run.txt").open("a") as file:
        file.write("more==1.0\n")
    checkout.make("train")
    assert checkout.installed == RUN_STEPS


def test_a_moved_checkout_makes_a_new_environment(checkout: Checkout, tmp_path: Path) -> None:
    checkout.make("train")
    moved = tmp_path / "moved"
    moved.mkdir()
    for name in (".venv", "Makefile", "pyproject.toml", "requirements", "fake-python"):
        shutil.move(tmp_path / name, moved / name)
    checkout.folder, checkout.python = moved, moved / "fake-python"
    checkout.make("train")
    assert checkout.installed == RUN_STEPS


def test_an_old_interpreter_is_named_and_refused(checkout: Checkout) -> None:
    old = checkout.python.read_text().replace(
        "-c\\ *) exec", "--version*) echo Python 3.9.18 ;;\n  -c\\ *) exit 1; exec"
    )
    checkout.python.write_text(old)
    result = checkout.make("train")
    assert result.returncode != 0
    assert "qlayers needs Python 3.11 or newer" in result.stderr
    assert "is Python 3.9.18" in result.stderr
    assert "make train PYTHON=python3.12" in result.stderr
    assert not (checkout.folder / ".venv").exists()


def test_a_missing_interpreter_is_named(checkout: Checkout) -> None:
    result = checkout.make("train", "PYTHON=python-that-is-not-there")
    assert result.returncode != 0
    assert "'python-that-is-not-there' is not on the PATH" in result.stderr


def test_help_is_what_make_alone_prints(checkout: Checkout) -> None:
    assert checkout.make().stdout == checkout.make("help").stdout
    assert "make train" in checkout.make().stdout
