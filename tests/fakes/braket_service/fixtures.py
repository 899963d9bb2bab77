"""pytest fixtures: `from tests.fakes.braket_service.fixtures import braket_service` in a conftest or test module."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.fakes.braket_service.service import FakeBraket


def forget_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    """No AWS setting of the machine reaches the test, and no credentials are found."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "AMZN_BRAKET_", "BRAKET_")):
            monkeypatch.delenv(name)
    for name, value in FakeBraket.no_credentials().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def braket_service(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBraket]:
    """A fake that every AWS session of the test talks to, with Python's time on its clock."""
    forget_aws(monkeypatch)
    with FakeBraket(seed=7).running() as service:
        yield service
