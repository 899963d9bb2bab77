"""pytest fixtures: `from tests.fakes.braket_service.fixtures import braket_service` in a conftest or test module."""

from __future__ import annotations

import contextlib
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


@contextlib.contextmanager
def service_in_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeBraket]:
    """A service that every AWS session talks to within the block, with its credentials where boto3 looks for them."""
    forget_aws(monkeypatch)
    fake = FakeBraket(seed=3)
    for name, value in fake.environment().items():
        monkeypatch.setenv(name, value)
    with fake.running():
        yield fake
    fake.give_back_sessions()
