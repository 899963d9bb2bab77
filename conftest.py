"""What every test runs under: one thread a process, no display, reproducible examples in CI."""

from __future__ import annotations

import os

# Set before torch and NumPy are imported: pytest-xdist already uses the cores, one process each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

from hypothesis import HealthCheck, settings

# A circuit's first call traces and compiles, so a per-example deadline measures the machine and not the code.
settings.register_profile("local", deadline=None)
settings.register_profile(
    "ci", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("ci" if os.environ.get("CI") else "local")

pytest_plugins = ["tests.qlayers.nothing_delegated"]
