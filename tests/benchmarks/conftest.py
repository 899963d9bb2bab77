"""The benchmarks are scripts, which find each other in their own folder."""

from __future__ import annotations

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
# At the end: no name there may hide a module of somebody else's.
sys.path.append(str(BENCHMARKS))
