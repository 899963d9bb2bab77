"""Run the layers' tests with the newest PennyLane, pre-releases included, in an environment of their own.

Run it by `make next-pennylane`. A throw-away environment gets torch at its pinned version first, then what
pyproject.toml asks for, with PennyLane and lightning in the newest versions that there are, whatever the pins there
leave out. Once these tests pass as well as those of `make test`, the pins can admit the new versions.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

from lock import ROOT, RUN_EXTRAS, TEST_EXTRAS, wanted

MOVED = ("pennylane", "pennylane-lightning")


def lifted(line: str) -> str:
    """Return the requirement; of PennyLane and lightning without its upper bound, and with pre-releases.

    Raises:
        ValueError: If it has no lower bound, from which pip learns that pre-releases are wanted.

    >>> lifted("pennylane>=0.45.1,<0.46")
    'pennylane>=0.45.1.dev0'
    >>> lifted("numpy>=2.0")
    'numpy>=2.0'
    """
    name, start = re.match(r"[A-Za-z0-9._-]+", line), re.search(r">=([0-9.]+)", line)
    if name is None or name[0] not in MOVED:
        return line
    if start is None:
        raise ValueError(f"{line!r} has no lower bound to write a pre-release in")
    return f"{name[0]}>={start[1]}.dev0"


def installs(torch: str) -> list[list[str]]:
    """Return what pip is asked to do, in order.

    Args:
        torch: The requirement installed before all others, such as `torch==2.13.0`.
    """
    lines = wanted(ROOT / "pyproject.toml", [*RUN_EXTRAS, *TEST_EXTRAS])
    return [
        ["install", "--upgrade", torch, "setuptools"],
        ["install", *map(lifted, lines)],
        ["check"],
        # Without its dependencies, whose pins refuse what was just installed.
        ["install", "--no-deps", "--no-build-isolation", "--editable", str(ROOT)],
        ["show", *MOVED],  # for whoever reads the log
    ]


def main() -> None:
    """Make the environment, run the tests, and exit as pytest does."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("torch", help="the pinned requirement installed first, such as torch==2.13.0")
    parser.add_argument(
        "pytest", nargs="*", default=["tests/qlayers", "-n", "2"], help="what pytest is given, after --"
    )
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="qlayers-next-pennylane-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python"))
        for command in installs(arguments.torch):
            subprocess.run([python, "-m", "pip", *command], check=True)
        tests = subprocess.run([python, "-m", "pytest", *arguments.pytest], cwd=ROOT)
    sys.exit(tests.returncode)


if __name__ == "__main__":
    main()
