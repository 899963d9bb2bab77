"""The project names no place on anybody's machine."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
# An absolute path into a place where people keep their files, or a temporary folder's; part of a longer word (a URL,
# `a/home/b`) it is none.
MACHINE_PATH = re.compile(
    r"(?<![\w.~/-])/(?:home|root|Users|opt|work|mnt|srv)/[\w.-]+|(?<![\w.~/-])/tmp/tmp\w+|\b[A-Z]:\\Users\b|\bfile:///\w+"
)


def project_files() -> list[Path]:
    """What a clone would hold: tracked files, and new ones that are not ignored."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    listed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    return [ROOT / name for name in sorted(set(listed.split("\0"))) if name and (ROOT / name).is_file()]


def machine_paths(text: str) -> list[str]:
    return MACHINE_PATH.findall(text)


def test_no_file_names_a_path_of_a_machine() -> None:
    files = project_files()
    assert ROOT / "pyproject.toml" in files
    found = {}
    for path in files:
        if path != Path(__file__):
            try:
                hits = machine_paths(path.read_text(encoding="utf-8"))
            except UnicodeDecodeError:  # a picture
                continue
            if hits:
                found[str(path.relative_to(ROOT))] = hits
    assert found == {}


@pytest.mark.parametrize(
    "text",
    [
        "x = '/home/ann/data.csv'",
        "see /root/x",
        "(/opt/wheels)",
        r"C:\Users\ann",
        "file:///x",
        "/tmp/tmpa1b2/report",
    ],
)
def test_a_machine_path_is_found(text: str) -> None:
    assert machine_paths(text)


@pytest.mark.parametrize(
    "text", ["https://example.org/home/page", "conf/work/x", "/dev/null", "a/opt/b", "~/work/x"]
)
def test_other_paths_are_not(text: str) -> None:
    assert not machine_paths(text)
