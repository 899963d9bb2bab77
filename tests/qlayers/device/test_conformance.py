"""PennyLane's own suite for devices: no failure, and nothing skipped that lightning.qubit runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).parents[3]


def outcomes(device: str, shots: str, folder: Path) -> dict[str, int]:
    """How many tests ended how."""
    beside = Path(sys.executable).parent
    environment = {
        **os.environ,
        "PATH": f"{beside}{os.pathsep}{os.environ['PATH']}",  # it calls `pytest`
        "PYTHONPATH": os.pathsep.join([str(CHECKOUT), os.environ.get("PYTHONPATH", "")]),
        "PYTEST_ADDOPTS": "-p tests.qlayers.nothing_delegated --nothing-delegated",
    }
    arguments = [
        "--device",
        device,
        "--shots",
        shots,
        "-q",
        "--tb=short",
        "-p",
        "no:cacheprovider",
        "-W",
        "ignore",
    ]
    result = subprocess.run(
        [beside / "pl-device-test", *arguments], cwd=folder, env=environment, capture_output=True, text=True
    )
    summary = result.stdout.strip().splitlines()[-1]
    found = {
        kind: int(number)
        for number, kind in re.findall(r"(\d+) (passed|skipped|failed|errors?|xfailed)", summary)
    }
    assert found.get("passed", 0) > 300, result.stdout[-2000:] + result.stderr[-2000:]
    assert re.search(r"native: \d+ tests .* fallbacks: 0 ", result.stdout), result.stdout[-2000:]
    print(f"{device}, shots {shots}: {summary}")
    return found


# What lightning.qubit has, by the same command: passed and skipped. PennyLane 0.46 has a test less than 0.45.
LIGHTNING = {"None": (388, 45), "20000": (374, 60)}


@pytest.mark.parametrize("shots", ["None", pytest.param("20000", marks=pytest.mark.long)])
def test_the_suite_passes(shots, tmp_path):
    found = outcomes("qlayers.batched", shots, tmp_path)
    passed, skipped = LIGHTNING[shots]
    assert not {"failed", "error", "errors"} & set(found)
    assert found["skipped"] <= skipped
    assert found["passed"] >= passed
