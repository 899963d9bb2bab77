"""What stands between here and a rung outside is found before the first rung is climbed, and named in full."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from study.errors import StudyError
from study.ladder import evaluation as module
from study.run.folder import RunFolder
from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.devices import GARNET
from tests.fakes.braket_service.fixtures import forget_aws
from tests.study.ladder.test_standby import (  # fixtures
    Evaluate,
    climb,
    kept_run_with_controls,
    ladders,
    run,
)

__all__ = ["climb", "kept_run_with_controls", "ladders", "run"]

GARNET_BACKEND = "ladder.rungs.garnet_qpu.backend"
SIMULATOR = ("ladder.rungs.garnet_qpu.fallback=none", f"{GARNET_BACKEND}.fallback=simulator")
NOTHING = ("ladder.rungs.garnet_qpu.fallback=none",)


def without_credentials(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    forget_aws(patch)


def expired(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
    service.credentials_expired = True


def elsewhere(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_REGION", "us-east-1")


@pytest.mark.parametrize(
    ("set_up", "words", "policy"),
    [
        (without_credentials, r"There are no credentials .*aws configure", ()),
        (expired, r"credentials .*have expired", SIMULATOR),
        (elsewhere, rf"session's region is us-east-1\. Set {GARNET_BACKEND}\.region=eu-north-1", NOTHING),
    ],
)
def test_no_rung_is_climbed(
    climb: Evaluate,
    service: FakeBraket,
    run: RunFolder,
    monkeypatch: pytest.MonkeyPatch,
    set_up: Callable[[FakeBraket, pytest.MonkeyPatch], None],
    words: str,
    policy: tuple[str, ...],
) -> None:
    set_up(service, monkeypatch)
    monkeypatch.setattr(module, "climb", lambda *_, **__: pytest.fail("a rung was climbed"))
    with pytest.raises(StudyError, match=rf"^ladder\.rungs\.garnet_qpu cannot be climbed: .*{words}"):
        climb(*policy)
    assert not (run.path / "evaluations").exists()
    assert not service.tasks


@pytest.mark.parametrize("dry_run", ["true", "false"])
def test_a_region_that_the_device_is_not_in_needs_no_network(
    climb: Evaluate, run: RunFolder, dry_run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_aws(monkeypatch)
    message = (
        rf"{GARNET_BACKEND}\.region=us-east-1 is another region .*Set {GARNET_BACKEND}\.region=eu-north-1"
    )
    with pytest.raises(StudyError, match=message):
        climb(f"{GARNET_BACKEND}.region=us-east-1", f"ladder.rungs.garnet_qpu.dry_run={dry_run}")
    assert not (run.path / "evaluations").exists()


def test_a_plan_needs_no_credentials(
    climb: Evaluate, service: FakeBraket, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_aws(monkeypatch)
    code, _, _ = climb("ladder.rungs.garnet_qpu.dry_run=true")
    assert code == 0


def test_what_was_all_bought_needs_none_either(
    climb: Evaluate, service: FakeBraket, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, folder = climb()
    shutil.rmtree(folder)
    bought = len(service.tasks)
    forget_aws(monkeypatch)
    code, _, _ = climb()
    assert code == 0 and len(service.tasks) == bought


def test_too_small_a_budget_is_said_first(
    climb: Evaluate, service: FakeBraket, monkeypatch: pytest.MonkeyPatch
) -> None:
    forget_aws(monkeypatch)
    with pytest.raises(StudyError, match=rf"{GARNET_BACKEND}\.budget\.usd"):
        climb(f"{GARNET_BACKEND}.budget.usd=0")


def test_why_a_climb_failed_names_options_in_full(climb: Evaluate, service: FakeBraket) -> None:
    service.devices[GARNET.arn].status = "OFFLINE"
    code, printed, _ = climb("ladder.rungs.garnet_qpu.fallback=none")
    assert code == 3
    assert f"{GARNET_BACKEND}.computer=iqm_garnet is offline" in printed


def test_an_option_of_the_backend_is_named_in_full(climb: Evaluate, tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=rf"{GARNET_BACKEND}\.computer='iqm_granet' is unknown"):
        climb(f"{GARNET_BACKEND}.computer=iqm_granet")
