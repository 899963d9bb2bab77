"""Who may import whom, and what an import may cost."""

from __future__ import annotations

import ast
import functools
import importlib.metadata
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
OURS = {"qlayers", "models", "study"}
HEAVY = {
    "lightning",
    "pytorch_lightning",
    "hydra",
    "omegaconf",
    "sklearn",
    "mlflow",
    "pandas",
    "braket",
    "torchmetrics",
}
LINT = "import sys; sys.path.insert(0, ''); from importlinter.cli import lint_imports_command as lint; lint()"


# --- the layers, held by import-linter ---------------------------------------------------------------------------


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", LINT, "--no-cache"]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120)


def test_import_contracts_hold() -> None:
    result = lint(ROOT)
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("qlayers", "import models"),
        ("models", "import study"),
        ("qlayers", "import sklearn.svm"),
        ("models", "from lightning import Trainer"),
    ],
)
def test_import_contracts_can_fail(tmp_path: Path, module: str, line: str) -> None:
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    for package in OURS:
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("")
    assert lint(tmp_path).returncode == 0
    # Inside a function on purpose: a lazy import is a dependency all the same.
    (tmp_path / module / "__init__.py").write_text(f"def use():\n    {line}\n")
    assert lint(tmp_path).returncode == 1


# --- what an import pulls in -------------------------------------------------------------------------------------


def loaded_by(statement: str) -> set[str]:
    """The top-level packages in memory after `statement` has run in a fresh interpreter."""
    program = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{statement}\nprint(*sys.modules, sep='\\n')"
    result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert result.returncode == 0, result.stderr
    return {name.partition(".")[0] for name in result.stdout.split()}


@functools.cache
def loaded_by_pennylane() -> set[str]:
    """What is not ours to decide: it loads matplotlib, rich, and Cirq with all that Cirq needs, where installed."""
    return loaded_by("import torch, pennylane")


def test_importing_qlayers_stays_light() -> None:
    loaded = loaded_by("import qlayers")
    assert {"qlayers", "torch", "pennylane"} <= loaded
    assert not (loaded - loaded_by_pennylane()) & (HEAVY | {"models", "study"})


def test_importing_every_module_of_models_stays_light() -> None:
    modules = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in sources("models")]
    loaded = loaded_by("import " + ", ".join(modules))
    assert "models" in loaded
    assert not (loaded - loaded_by_pennylane()) & (HEAVY | {"study"})


@pytest.mark.parametrize("module", ["study", "study.errors", "study.config"])
def test_checking_a_configuration_needs_nothing_heavy(module: str) -> None:
    loaded = loaded_by(f"import {module}")
    assert "study" in loaded
    assert not loaded & (HEAVY - {"hydra", "omegaconf"} | {"torch", "pennylane", "matplotlib", "scipy"})


def test_loaded_by_sees_what_is_loaded() -> None:
    assert "omegaconf" in loaded_by("import omegaconf")
    assert "omegaconf" not in loaded_by("def use():\n    import omegaconf")


def test_models_and_study_are_ours() -> None:
    import models
    import study

    assert Path(models.__file__ or "").parent == ROOT / "models"
    assert Path(study.__file__ or "").parent == ROOT / "study"


# --- what is imported is declared --------------------------------------------------------------------------------


def sources(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(tree: ast.AST, *, at_import: bool) -> Iterator[str]:
    """Top-level names of the packages that a module imports; only those run by importing it if `at_import`."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name.partition(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            yield node.module.partition(".")[0]
        if at_import and (isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) or is_type_checking(node)):
            continue
        yield from imported(node, at_import=at_import)


def is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")


def third_party(path: Path, *, at_import: bool) -> set[str]:
    names = set(imported(ast.parse(path.read_text(encoding="utf-8")), at_import=at_import))
    return names - OURS - set(sys.stdlib_module_names)


@functools.cache
def declared(*extras: str) -> frozenset[str]:
    """Importable names of the distributions that pyproject.toml asks for."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    lines = [
        *project["dependencies"],
        *(line for e in extras for line in project["optional-dependencies"][e]),
    ]
    wanted = {normal(re.match(r"[A-Za-z0-9._-]+", line)[0]) for line in lines}  # type: ignore[index]
    provided = importlib.metadata.packages_distributions()
    return frozenset(name for name, dists in provided.items() if wanted & {normal(dist) for dist in dists})


def normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()


def test_qlayers_imports_only_its_own_dependencies() -> None:
    for path in sources("qlayers"):
        assert third_party(path, at_import=False) <= declared("plot", "braket", "aer", "ibm", "cirq"), path


def test_the_workbench_imports_only_what_is_declared() -> None:
    scripts = [path for path in ROOT.glob("*.py") if path.name != "conftest.py"]
    for path in [*sources("models", "study"), *scripts]:
        assert third_party(path, at_import=False) <= declared("workbench"), path


def test_matplotlib_and_sklearn_wait_until_they_are_used() -> None:
    for path in sources("qlayers", "models"):
        assert not third_party(path, at_import=True) & {"matplotlib", "sklearn"}, path


def test_imports_are_found_where_they_hide() -> None:
    code = (
        "import a.b\nif x:\n    from c import d\ndef f():\n    import e\n"
        "class K:\n    import g\nif TYPE_CHECKING:\n    import h\nfrom . import i\n"
    )
    assert set(imported(ast.parse(code), at_import=False)) == {"a", "c", "e", "g", "h"}
    assert set(imported(ast.parse(code), at_import=True)) == {"a", "c", "g"}
