"""CONTRIBUTING keeps its word: its examples, written where it says, train and keep their contracts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.markdown import blocks, commands, mentioned
from tests.docs.workspace import ROOT, Workspace
from tests.preloaded import Preloaded

TEXT = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
# Three need a package index; what they do without one is tested in tests/packaging.
NOT_RUN = {
    "make test",
    "make lock",
    "make audit",
    "make next-pennylane",
    'pytest -m "not slow"',
    "pytest -m long tests/qlayers/programs",
}


@pytest.fixture(scope="module")
def extended(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Workspace:
    """A copy of the checkout in which every block of the page has been carried out, in order."""
    workspace = Workspace(tmp_path_factory.mktemp("contributing"))
    workspace.preload(preloaded)
    for block in blocks(TEXT):
        workspace.run(block)
    return workspace


@pytest.mark.slow
def test_the_examples_train(extended: Workspace) -> None:
    trained = [command for command in commands(blocks(TEXT)) if command.startswith("python train.py")]
    assert trained
    assert len(extended.runs()) == len(trained)


@pytest.mark.slow
def test_the_examples_are_clean(extended: Workspace) -> None:
    files = [block.path for block in blocks(TEXT) if block.path and block.language == "python"]
    for check in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, *map(str, files)]
        result = subprocess.run(command, cwd=extended.folder, capture_output=True, text=True)
        assert result.returncode == 0, result.stdout


def test_each_class_file_comes_with_its_config() -> None:
    files = {path for block in blocks(TEXT) if (path := block.path)}
    classes = {Path(path).stem for path in files if path.endswith(".py")}
    # A ladder has no class: it puts backends, which have theirs, in an order.
    configs = {Path(path).stem for path in files if path.endswith(".yaml") and "/ladder/" not in path}
    assert classes == configs


def test_each_kind_of_component_has_its_example() -> None:
    groups = {
        Path(block.path).parent.name for block in blocks(TEXT) if block.path and block.language == "yaml"
    }
    assert groups == {"encoding", "ansatz", "measurement", "data", "model", "entrant", "ladder"}


def test_every_command_is_run() -> None:
    assert mentioned(TEXT) - set(commands(blocks(TEXT))) <= NOT_RUN


def test_links_lead_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", TEXT):
        assert target.startswith("https://") or (ROOT / target).exists(), target
