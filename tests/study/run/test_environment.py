from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import torch

from study.run import environment


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "study").mkdir()
    (tmp_path / "study" / "code.py").write_text("a = 1\n")
    return tmp_path


def test_commit_and_whether_code_was_edited_since(checkout: Path) -> None:
    git(checkout, "init", "-q")
    git(checkout, "add", "study")
    git(checkout, "commit", "-q", "-m", "first")
    (checkout / "notes.txt").write_text("not code")
    version = environment.code_version(checkout)
    assert len(version["commit"]) == 40
    assert version["dirty"] is False
    (checkout / "study" / "new.py").write_text("b = 2\n")
    assert environment.code_version(checkout)["dirty"] is True


def test_outside_git_there_is_no_commit(checkout: Path) -> None:
    version = environment.code_version(checkout)
    assert version["commit"] is None
    assert version["dirty"] is None
    assert len(version["digest"]) == 64


def test_the_commit_of_a_repository_around_the_checkout_is_not_ours(checkout: Path) -> None:
    git(checkout, "init", "-q")
    git(checkout, "add", "study")
    git(checkout, "commit", "-q", "-m", "somebody else's")
    assert environment.code_version(checkout / "study")["commit"] is None


def test_editing_or_moving_code_changes_its_digest(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(environment, "_locations", lambda package: [checkout / package])
    first = environment.code_digest()
    assert environment.code_digest() == first
    (checkout / "study" / "code.py").write_text("a = 2\n")
    second = environment.code_digest()
    (checkout / "study" / "code.py").rename(checkout / "study" / "other.py")
    third = environment.code_digest()
    assert len({first, second, third}) == 3
    assert (
        third
        != environment.code_digest(without=("study/other",))
        == environment.code_digest(without=("study/o",))
    )


def test_versions_are_those_that_run() -> None:
    assert environment.package_versions()["torch"].split("+")[0] == torch.__version__.split("+")[0]
    assert environment.machine()["torch_threads"] == torch.get_num_threads()
