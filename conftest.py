"""What every test runs under: one thread a process, no display, reproducible examples in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

# Set before torch and NumPy are imported: pytest-xdist already uses the cores, one process each.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("MPLBACKEND", "Agg")

import pytest
from hypothesis import HealthCheck, settings

# A circuit's first call traces and compiles, so a per-example deadline measures the machine and not the code.
settings.register_profile("local", deadline=None)
settings.register_profile(
    "ci",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow],
    print_blob=True,
)
settings.load_profile("ci" if os.environ.get("CI") else "local")

if TYPE_CHECKING:
    from tests.preloaded import Preloaded

pytest_plugins = ["tests.qlayers.nothing_delegated"]


@pytest.hookimpl(tryfirst=True)  # before tests are chosen by their marks
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What is long is slow as well."""
    for item in items:
        if item.get_closest_marker("long"):
            item.add_marker("slow")


@pytest.fixture(scope="session")
def kernels_compiled() -> None:
    """For tests that look at all that a process prints: no process says that it compiles the simulator's kernels."""
    import torch

    from qlayers import QuantumLayer

    for precision in ("float32", "float64"):
        layer = QuantumLayer(2, precision=precision)
        layer(torch.zeros(1, 2)).sum().backward()


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Preloaded]:
    """For tests of what several processes do, most of whose time would be imports."""
    from tests.preloaded import Preloaded

    server = Preloaded(tmp_path_factory.mktemp("preloaded"))
    yield server
    server.stop()
