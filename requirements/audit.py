"""Look every locked package up in a database of security advisories, with pip-audit.

Run it by `make audit`. A throw-away environment gets pip-audit, which asks the Python Package Index about each pin of
the lock files. Exit code 0: every package was found there, and none has a known advisory. 1: some have; they are
listed. 2: some or all could not be looked up, as behind a mirror that has packages alone, so that nothing is known.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import venv
from pathlib import Path
from typing import Any

from lock import ROOT

LOCKS = tuple(str(ROOT / "requirements" / name) for name in ("run.txt", "test.txt"))
CLEAN, FOUND, UNKNOWN = 0, 1, 2


def verdict(report: str, errors: str) -> tuple[list[str], int]:
    """Return what is to be said of a report of pip-audit, line by line, and the exit code.

    Args:
        report: What pip-audit writes with `--format json`; something else where it failed.
        errors: What it wrote to stderr.
    """
    try:
        packages: list[dict[str, Any]] = json.loads(report)["dependencies"]
    except ValueError:
        last = (errors.strip().splitlines() or ["it gave no reason"])[-1]
        return [f"The advisory database could not be reached, so nothing is known: {last}"], UNKNOWN
    skipped = [one["name"] for one in packages if "skip_reason" in one]
    lines = [
        f"{one['name']} {one['version']}: {found['id']}, mended in {', '.join(found['fix_versions']) or 'no release'}"
        for one in packages
        for found in one.get("vulns", ())
    ]
    code = FOUND if lines else CLEAN
    if skipped:
        what = "No package" if len(skipped) == len(packages) else f"Not every package ({', '.join(skipped)})"
        lines.append(f"{what} could be looked up: the index that is reached here may have no advisories.")
        code = code or UNKNOWN
    return [
        *lines,
        f"{len(packages) - len(skipped)} of {len(packages)} locked packages were looked up.",
    ], code


def main() -> None:
    """Install pip-audit, ask, and say what came of it."""
    with tempfile.TemporaryDirectory(prefix="qlayers-audit-") as folder:
        venv.create(folder, with_pip=True)
        python = str(Path(folder, "Scripts" if sys.platform == "win32" else "bin", "python"))
        subprocess.run([python, "-m", "pip", "install", "--quiet", "pip-audit"], check=True)
        command = [python, "-m", "pip_audit", "--no-deps", "--disable-pip", "--progress-spinner", "off"]
        asked = subprocess.run(
            [*command, "--format", "json", *(word for lock in LOCKS for word in ("-r", lock))],
            capture_output=True,
            text=True,
        )
    lines, code = verdict(asked.stdout, asked.stderr)
    sys.stdout.write("\n".join(lines) + "\n")
    sys.exit(code)


if __name__ == "__main__":
    main()
