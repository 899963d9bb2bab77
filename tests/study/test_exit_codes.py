from __future__ import annotations

import re
from pathlib import Path

from study.exit_codes import ExitCode

PAGE = Path(__file__).resolve().parents[2] / "docs" / "exit_codes.md"


def test_the_documentation_has_every_exit_code() -> None:
    rows = re.findall(r"^\| (\d+) \| (\w+) \| .+ \|$", PAGE.read_text(), re.MULTILINE)
    assert [(int(code), name) for code, name in rows] == [(code.value, code.name) for code in ExitCode]
