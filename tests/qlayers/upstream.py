"""Run PennyLane's own tests of TorchLayer with another class in its place, and list what that class fails.

Run by hand, from the root of the checkout, with a checkout of PennyLane beside it (with or without a work tree):

    python -m tests.qlayers.upstream ../pennylane --commit v0.45.1

The tests are taken from the named commit, which should be that of the installed version. They run twice, each time in
a process of their own: with TorchLayer itself, which says what can pass on this machine, and with `--layer`.
"""

from __future__ import annotations

import argparse
import contextlib
import importlib
import io
import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
TEST_FILE = "tests/qnn/test_qnn_torch.py"
FILES = (TEST_FILE, "tests/qnn/conftest.py", "tests/conftest.py")
ITSELF = "pennylane.qnn.torch:TorchLayer"

Reasons = dict[str, str]
"""What is wrong with each test, by the test's name; nothing if it passes."""


def extract(checkout: Path, commit: str, folder: Path) -> str:
    """Write the test file and what it needs into a folder, as they are in a commit.

    Returns:
        The commit's full name.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(checkout), *arguments]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    for name in FILES:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(git("show", f"{commit}:{name}"), encoding="utf-8")
    return git("rev-parse", f"{commit}^{{commit}}").strip()


def find_class(name: str) -> type:
    """Return the class that is named as ``package.module:Class``."""
    module, _, attribute = name.partition(":")
    found: type = getattr(importlib.import_module(module), attribute)
    return found


class Outcomes:
    """A pytest plugin that keeps what is wrong with each test."""

    def __init__(self) -> None:
        self.reasons: Reasons = {}

    def pytest_collectreport(self, report: Any) -> None:
        """Keep what could not be collected."""
        if report.failed:
            self.reasons[report.nodeid.rpartition("/")[2] or TEST_FILE] = _reason(report)

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep a test's outcome, of which set-up and tear-down are part."""
        name = report.nodeid.partition("::")[2]
        reason = "" if report.passed else _reason(report)
        self.reasons[name] = self.reasons.get(name) or reason


def _reason(report: Any) -> str:
    if isinstance(report.longrepr, tuple):  # a skip: file, line, reason
        return " ".join(str(report.longrepr[2]).split())
    crash = getattr(report.longrepr, "reprcrash", None)
    return (crash.message if crash else str(report.longrepr)).strip().splitlines()[0]


def run_here(folder: Path, layer: str) -> Reasons:
    """Run the tests in this process, whose TorchLayer is replaced for good."""
    import pennylane as qp

    # Before pytest imports the test file and its conftest, which take TorchLayer by name.
    qp.qnn.TorchLayer = qp.qnn.torch.TorchLayer = find_class(layer)
    plugin = Outcomes()
    options = ["-q", "-p", "no:cacheprovider", "-c", str(folder / "none.ini"), f"--rootdir={folder}"]
    with contextlib.redirect_stdout(io.StringIO()):
        (folder / "none.ini").write_text("[pytest]\n")  # none of this project's settings
        pytest.main([*options, str(folder / TEST_FILE)], plugins=[plugin])
    return plugin.reasons


def run_apart(folder: Path, layer: str) -> Reasons:
    """Run the tests in a process of their own."""
    command = [sys.executable, "-m", "tests.qlayers.upstream", str(folder), "--layer", layer, "--here"]
    printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    found: Reasons = json.loads(printed.splitlines()[-1])
    return found


def compared(itself: Reasons, other: Reasons) -> tuple[list[str], Reasons]:
    """Return the tests that TorchLayer passes, and those of them that the other class does not, with the reason."""
    passed = [name for name, reason in itself.items() if not reason]
    return passed, {name: other.get(name, "it was not run") for name in passed if other.get(name, "-")}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run both, print the list, and return 1 if there is anything on it."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkout", type=Path, help="a checkout of PennyLane, or its git folder")
    parser.add_argument("--commit", default="HEAD", help="whose tests to run")
    parser.add_argument("--layer", default="qlayers:TorchLayer", help="package.module:Class")
    parser.add_argument("--here", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.here:
        print(json.dumps(run_here(given.checkout, given.layer)))
        return 0
    with tempfile.TemporaryDirectory(prefix="qlayers-upstream-") as name:
        folder = Path(name)
        commit = extract(given.checkout, given.commit, folder)
        itself, other = run_apart(folder, ITSELF), run_apart(folder, given.layer)
    passed, failed = compared(itself, other)
    for test in (test for test, reason in itself.items() if reason):
        print(f"not counted, since TorchLayer does not pass it: {test}: {itself[test]}")
    for test, reason in failed.items():
        print(f"failed: {test}: {reason}")
    print(
        f"{TEST_FILE} of {commit}: TorchLayer passes {len(passed)} of {len(itself)}; of these {given.layer} passes "
        f"{len(passed) - len(failed)} and fails {len(failed)}."
    )
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
