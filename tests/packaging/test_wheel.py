"""What `pip install qlayers` would bring: the layers, their type information, and true metadata."""

from __future__ import annotations

import email
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterable
from email.message import Message
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy so that the checkout stays clean."""
    copy = tmp_path_factory.mktemp("checkout")
    for name in ("qlayers", "models", "study", "conf", "tests/architecture"):
        shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "conftest.py", "train.py", "predict.py"):
        shutil.copy(ROOT / name, copy)
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(copy / "dist"),
        str(copy),
    ]
    result = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout + result.stderr
    (built,) = (copy / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_string(archive.read(name).decode())


def strangers(names: Iterable[str]) -> list[str]:
    """What a wheel of qlayers should not hold."""
    return [
        name
        for name in names
        if not (name.startswith("qlayers/") and name.endswith((".py", "/py.typed")))
        and not (name.startswith("qlayers/machines/data/") and name.endswith(".yaml"))
        and not name.startswith("qlayers-0.1.0.dist-info/")
    ]


def test_the_wheel_holds_qlayers_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert strangers(names) == []
    assert "qlayers/py.typed" in names
    assert "qlayers/machines/data/iqm_garnet.yaml" in names
    assert "qlayers-0.1.0.dist-info/licenses/LICENSE" in names
    modules = {str(path.relative_to(ROOT)) for path in (ROOT / "qlayers").rglob("*.py")}
    assert modules == {name for name in names if name.endswith(".py")}


def test_strangers_are_found() -> None:
    names = [
        "qlayers/a.py",
        "models/b.py",
        "qlayers/data.bin",
        "tests/c.py",
        "qlayers-0.1.0.dist-info/RECORD",
    ]
    assert strangers(names) == ["models/b.py", "qlayers/data.bin", "tests/c.py"]


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "qlayers"
    assert metadata["License-Expression"] == "Apache-2.0"
    assert metadata["License-File"] == "LICENSE"
    assert metadata["Requires-Python"] == ">=3.11"
    assert set(metadata.get_all("Provides-Extra", [])) == {
        "plot",
        "workbench",
        "ray",
        "submitit",
        "braket",
        "aer",
        "ibm",
        "cirq",
        "lightning-kokkos",
        "lightning-gpu",
        "test",
    }
    # An SPDX expression and a licence classifier together are refused by package indexes.
    assert not [line for line in metadata.get_all("Classifier", []) if line.startswith("License")]


def test_the_layers_need_no_workbench(metadata: Message) -> None:
    required = [line for line in metadata.get_all("Requires-Dist", []) if "extra ==" not in line]
    names = {line.split(">")[0].split("=")[0].split("<")[0].strip() for line in required}
    assert names == {"llvmlite", "numba", "numpy", "pennylane", "pennylane-lightning", "torch"}


def test_the_wheel_works_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "import torch, qlayers\n"
        f"assert qlayers.__file__.startswith({str(tmp_path)!r}), qlayers.__file__\n"
        "layer = qlayers.QuantumLayer(n_qubits=2)\n"
        "assert layer(torch.zeros(3, 2)).shape == (3, 2)\n"
    )
    result = subprocess.run(
        [sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, timeout=120
    )
    assert result.returncode == 0, result.stderr
