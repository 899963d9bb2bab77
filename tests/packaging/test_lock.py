"""The lock files: complete, portable, and what pyproject.toml asks for."""

from __future__ import annotations

import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.packaging.scripts import FOLDER, load_script

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    """requirements/lock.py, which is a script and in no package."""
    return load_script("lock")


def lines(name: str) -> list[str]:
    return [line for line in (FOLDER / name).read_text().splitlines() if not line.startswith("#")]


def locked(name: str) -> dict[str, str]:
    """Versions by canonical name; refuses anything but `name==version`, and a name that comes twice."""
    versions: dict[str, str] = {}
    for line in lines(name):
        if line == "-r run.txt":
            versions |= locked("run.txt")
            continue
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([0-9][A-Za-z0-9.]*)", line)
        assert match, f"requirements/{name}: {line!r} is no plain pin"
        key = canonicalize_name(match[1])
        assert key not in versions, f"{key} is locked twice"
        versions[key] = match[2]
    return versions


@pytest.mark.parametrize(
    ("name", "extras"),
    [("run.txt", ("workbench", "braket", "plot")), ("test.txt", ("aer", "ibm", "cirq", "test"))],
)
def test_the_lock_satisfies_the_project(lock: ModuleType, name: str, extras: tuple[str, ...]) -> None:
    versions = locked(name)
    for line in lock.wanted(ROOT / "pyproject.toml", extras):
        requirement = Requirement(line)
        version = versions.get(canonicalize_name(requirement.name))
        assert version, f"{requirement.name} is not in requirements/{name}: run make lock"
        assert requirement.specifier.contains(version, prereleases=True), f"{line}, but {version} is locked"


@pytest.mark.parametrize("python", ["3.11", "3.12", "3.13"])
def test_the_lock_is_complete(python: str) -> None:
    """Whatever a locked package requires is locked too, as far as it is installed here at the locked version."""
    environment = {"extra": "", "python_version": python, "python_full_version": f"{python}.1"}
    versions = locked("test.txt")
    checked = 0
    for name, version in versions.items():
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        if found.version.partition("+")[0] != version:
            continue
        checked += 1
        for line in found.requires or []:
            requirement = Requirement(line)
            key = canonicalize_name(requirement.name)
            if requirement.marker and not requirement.marker.evaluate(environment):
                continue
            # torch brings its accelerator packages itself, where its build needs them.
            if name != "torch" or not key.startswith(("nvidia", "cuda", "triton")):
                assert key in versions, f"{name} needs {line}, which is not locked"
                assert requirement.specifier.contains(versions[key], prereleases=True), f"{name} needs {line}"
    assert checked > len(versions) / 2


def test_torch_is_the_version_that_make_installs_first() -> None:
    makefile = (ROOT / "Makefile").read_text()
    assert f"TORCH := torch=={locked('run.txt')['torch']}\n" in makefile


def test_no_accelerator_packages_are_locked() -> None:
    assert not [name for name in locked("test.txt") if name.startswith(("nvidia", "cuda", "triton"))]


def test_the_locked_hydra_leaves_braket_alone() -> None:
    """hydra-core 1.3 drags the Braket SDK back to a version that cannot be imported."""
    program = (
        "import hydra\nfrom braket.circuits import Circuit\nfrom braket.devices import LocalSimulator\n"
        "counts = LocalSimulator().run(Circuit().h(0).cnot(0, 1), shots=50).result().measurement_counts\n"
        "assert set(counts) <= {'00', '11'} and sum(counts.values()) == 50, counts\n"
    )
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr


def test_pins_are_made_portable(lock: ModuleType) -> None:
    frozen = (
        "torch==2.13.0+cpu\nnumpy==2.4.6\nnvidia-cublas-cu12==12.8\ntriton==3.5\npip==23.2\nx==1.0.post0\n"
    )
    assert lock.pins(frozen) == ["numpy==2.4.6", "torch==2.13.0", "x==1.0.post0"]


@pytest.mark.parametrize("line", ["-e git+https://host/x@1#egg=x", "x @ https://host/x-1.whl", "x>=1", "x"])
def test_what_is_no_release_is_refused(lock: ModuleType, line: str) -> None:
    with pytest.raises(ValueError, match="not a pinned release"):
        lock.pins(line)
