"""What `make audit` makes of pip-audit's report; the database itself is asked by hand."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.packaging.scripts import FOLDER, load_script

CLEAN = {"name": "numpy", "version": "2.4.6", "vulns": []}
FOUND = {
    "name": "old",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-1", "fix_versions": ["1.1"]}, {"id": "PYSEC-2", "fix_versions": []}],
}
SKIPPED = {"name": "elsewhere", "skip_reason": "Dependency not found on PyPI"}


@pytest.fixture
def script(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """requirements/audit.py, which is a script and in no package."""
    monkeypatch.syspath_prepend(str(FOLDER))
    return load_script("audit")


@pytest.mark.parametrize(
    ("packages", "code", "said"),
    [
        ([CLEAN], 0, "1 of 1 locked packages were looked up"),
        ([CLEAN, FOUND], 1, "old 1.0: PYSEC-1, mended in 1.1"),
        ([FOUND], 1, "old 1.0: PYSEC-2, mended in no release"),
        ([CLEAN, SKIPPED], 2, r"Not every package \(elsewhere\) could be looked up"),
        ([SKIPPED], 2, "No package could be looked up"),
        ([FOUND, SKIPPED], 1, "1 of 2 locked packages were looked up"),
    ],
)
def test_what_is_known_decides(
    script: ModuleType, packages: list[dict[str, Any]], code: int, said: str
) -> None:
    lines, found = script.verdict(json.dumps({"dependencies": packages, "fixes": []}), "")
    assert found == code
    assert re.search(said, "\n".join(lines))


@pytest.mark.parametrize("errors", ["", "Traceback\nConnectionError: no route to host"])
def test_a_database_that_is_not_reached_is_no_clean_report(script: ModuleType, errors: str) -> None:
    [line], code = script.verdict("", errors)
    assert code == script.UNKNOWN
    assert "could not be reached" in line
    assert "no route to host" in line or not errors


def test_both_lock_files_are_asked_about_in_an_environment_that_goes(
    script: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = []

    def run(command: list[str], **options: object) -> Any:
        asked.append(command)
        return type("Ended", (), {"stdout": json.dumps({"dependencies": [CLEAN]}), "stderr": ""})

    monkeypatch.setattr(script.venv, "create", lambda folder, with_pip: Path(folder, "made").touch())
    monkeypatch.setattr(script.subprocess, "run", run)
    monkeypatch.setattr(sys, "argv", ["audit.py"])
    with pytest.raises(SystemExit) as left:
        script.main()
    assert left.value.code == 0
    install, ask = asked
    assert install[1:] == ["-m", "pip", "install", "--quiet", "pip-audit"]
    assert {str(FOLDER / "run.txt"), str(FOLDER / "test.txt")} <= set(ask)
    assert not Path(ask[0]).parents[1].exists()
    assert capsys.readouterr().out.endswith("looked up.\n")
