"""The script that runs PennyLane's tests of TorchLayer with another class finds what that class fails."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.qlayers import upstream

TESTS = """
import pennylane as qp
import pytest
from pennylane.qnn.torch import TorchLayer

def test_alike(named):
    assert named == "a fixture" and qp.qnn.TorchLayer is TorchLayer

class TestName:
    @pytest.mark.parametrize("n", [1, 2])
    def test_name(self, n):
        assert TorchLayer.__name__ == "TorchLayer" or n == 2, "another name"

def test_teardown(undone):
    pass

def test_never():
    assert 1 == 2

def test_elsewhere():
    pytest.skip("not on this machine")
"""
FIXTURES = """
import pytest
from pennylane.qnn.torch import TorchLayer

@pytest.fixture
def named():
    return "a fixture"

@pytest.fixture
def undone():
    yield
    if TorchLayer.__name__ != "TorchLayer":
        raise OSError("in tear-down")
"""


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A git folder with test files of our own where PennyLane has its."""
    folder = tmp_path_factory.mktemp("pennylane")
    for name, text in zip(upstream.FILES, (TESTS, FIXTURES, ""), strict=True):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    author = ["-c", "user.name=x", "-c", "user.email=x@example.org"]
    for command in (["init", "-q"], ["add", "."], [*author, "commit", "-qm", "tests"], ["tag", "v1"]):
        subprocess.run(["git", *command], cwd=folder, check=True, capture_output=True)
    (folder / upstream.TEST_FILE).write_text("nothing of the work tree is read")
    return folder


@pytest.mark.slow
def test_what_only_torchlayer_passes_is_listed(checkout: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert upstream.main([str(checkout), "--commit", "v1", "--layer", "qlayers:QuantumLayer"]) == 1
    *lines, last = capsys.readouterr().out.splitlines()
    head = subprocess.run(
        ["git", "rev-parse", "v1"], cwd=checkout, capture_output=True, text=True
    ).stdout.strip()
    assert last == (
        f"tests/qnn/test_qnn_torch.py of {head}: TorchLayer passes 4 of 6; of these qlayers:QuantumLayer passes 2 and "
        "fails 2."
    )
    assert sorted(
        line.partition(": ")[2].partition(":")[0] for line in lines if line.startswith("not counted")
    ) == [
        "test_elsewhere",
        "test_never",
    ]
    failed = [line for line in lines if line.startswith("failed")]
    assert [line.split(": ")[1] for line in failed] == ["TestName::test_name[1]", "test_teardown"]
    assert "another name" in failed[0]
    assert "in tear-down" in failed[1]


@pytest.mark.slow
def test_torchlayer_in_its_own_place_fails_nothing(
    checkout: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert upstream.main([str(checkout), "--layer", upstream.ITSELF]) == 0
    assert "passes 4 and fails 0." in capsys.readouterr().out


def test_a_test_that_did_not_run_counts_as_failed() -> None:
    assert upstream.compared({"a": "", "b": "", "c": "x"}, {"a": ""}) == (["a", "b"], {"b": "it was not run"})
