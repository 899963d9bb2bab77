"""Every benchmark after the other, with all peers; the tables go into README.md, the pictures beside it.

python benchmarks/all.py --quick
python benchmarks/all.py
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from output import console_and_tell
from sides import HERE, add_sides_option, chosen_sides

SCRIPTS = {
    "layers.py": ["--write"],
    "circuits.py": ["--write"],
    "clients.py": ["--write"],
    "epoch.py": ["--write"],
    "start.py": ["--write"],
    "shares.py": ["--write"],
    "promotion.py": ["--write"],
    "plots.py": [],
}
WITH_SIDES = ("layers.py", "plots.py")


def main() -> None:
    """Run them; stop at the first that fails."""
    assert __doc__ is not None
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the quick form of each")
    add_sides_option(parser)
    parser.set_defaults(sides="all")
    options = parser.parse_args()
    chosen_sides(parser, options.sides)
    console, _ = console_and_tell()
    for script, more in SCRIPTS.items():
        command = [sys.executable, str(HERE / script), *more, *(["--quick"] if options.quick else [])]
        if script in WITH_SIDES:
            command += ["--sides", options.sides]
        console.rule(script)
        if code := subprocess.run(command, check=False).returncode:
            parser.exit(code, f"{script} failed; what the scripts before it measured is written.\n")


if __name__ == "__main__":
    main()
