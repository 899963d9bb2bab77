"""What tests of several parts of the study need."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.fixtures import service_in_place


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBraket]:
    """The fake service for every AWS session; manifests do not list packages, which takes a second each."""
    monkeypatch.setattr("study.run.manifest.package_versions", dict)
    with service_in_place(monkeypatch) as fake:
        yield fake
