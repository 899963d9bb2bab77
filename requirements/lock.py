"""Write requirements/run.txt and requirements/test.txt from an environment that is really installed.

Run it by `make lock`, after the dependencies in pyproject.toml have changed. A throw-away environment gets torch
at its pinned version first (whatever depends on torch would otherwise bring the newest build), then what
pyproject.toml asks for; what ends up installed is the lock.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RUN_EXTRAS = ("workbench", "braket")
# The other vendors' simulators, which tests compare with; PennyLane imports Cirq wherever it is, which takes seconds.
TEST_EXTRAS = ("aer", "ibm", "cirq", "test")
HEADER = "# Written by `make lock` from pyproject.toml; edit that file, not this one.\n"

# Packages that torch's own metadata brings where its build needs them: pinned here they would be downloaded, by
# the gigabyte, on machines without a GPU.
ACCELERATOR = re.compile(r"(nvidia|cuda|triton)", re.IGNORECASE)
LOCAL_VERSION = re.compile(r"\+[A-Za-z0-9._-]+$")


def wanted(pyproject: Path, extras: Iterable[str]) -> list[str]:
    """The requirements of the project and of some of its extras, as written in pyproject.toml."""
    project = tomllib.loads(pyproject.read_text())["project"]
    optional = project["optional-dependencies"]
    return [*project["dependencies"], *(line for extra in extras for line in optional[extra])]


def pins(frozen: str) -> list[str]:
    """Turn the output of `pip freeze` into portable pins: no local version tags, no accelerator packages.

    Raises:
        ValueError: A line is not `name==version` (an editable install, a URL or a path came in).
    """
    kept = []
    for line in frozen.splitlines():
        if not re.fullmatch(r"[A-Za-z0-9._-]+==[A-Za-z0-9.!+_-]+", line):
            raise ValueError(f"not a pinned release: {line!r}")
        if not ACCELERATOR.match(line) and not line.startswith("pip=="):
            kept.append(LOCAL_VERSION.sub("", line))
    return sorted(kept, key=str.lower)


def resolve(torch: str) -> tuple[list[str], list[str]]:
    """Install everything into a throw-away environment.

    Args:
        torch: The requirement installed before all others, such as `torch==2.13.0`.

    Returns:
        The pins that running needs, and the ones that testing needs on top of them.
    """
    pyproject = ROOT / "pyproject.toml"
    with tempfile.TemporaryDirectory(prefix="qlayers-lock-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python"))

        def pip(*args: str) -> str:
            command = [python, "-m", "pip", *args]
            return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout

        # setuptools builds the editable install, without isolation, from the version that is locked.
        pip("install", "--upgrade", torch, "setuptools")
        pip("install", *wanted(pyproject, RUN_EXTRAS))
        pip("check")
        run = pins(pip("freeze", "--all"))
        pip("install", *wanted(pyproject, [*RUN_EXTRAS, *TEST_EXTRAS]))
        pip("check")
        everything = pins(pip("freeze", "--all"))
    if moved := set(run) - set(everything):
        raise RuntimeError(f"the test tools changed what running needs: {sorted(moved)}")
    return run, [line for line in everything if line not in set(run)]


def main() -> None:
    """Resolve, then write both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("torch", help="the pinned requirement installed first, such as torch==2.13.0")
    run, test = resolve(parser.parse_args().torch)
    folder = ROOT / "requirements"
    (folder / "run.txt").write_text(HEADER + "\n".join(run) + "\n")
    (folder / "test.txt").write_text(HEADER + "-r run.txt\n" + "\n".join(test) + "\n")
    sys.stdout.write(f"requirements/run.txt: {len(run)} packages, requirements/test.txt: {len(test)} more\n")


if __name__ == "__main__":
    main()
