"""Must show 5: one clear message before anything is spent; and no credentials in anything that is said or written."""

from __future__ import annotations

import io
import logging
import traceback
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers import QuantumLayer
from qlayers.__main__ import main
from qlayers.backends import PaidBackend
from qlayers.backends.braket_dm1 import BraketDm1
from qlayers.backends.braket_qpu import BraketQpu
from qlayers.backends.braket_sv1 import BraketSv1
from qlayers.braket.device import BraketDevice
from qlayers.braket.errors import CredentialsError, UnavailableError, scrubbed
from qlayers.errors import ConfigurationError, QlayersError
from qlayers.spending import Ledger
from tests.fakes.braket_service import FakeBraket, faults
from tests.fakes.braket_service.devices import CEPHEUS
from tests.fakes.braket_service.fixtures import forget_aws
from tests.qlayers.braket.test_buying import circuit

Make = Callable[..., BraketDevice]


# ---------------------------------------------------------------- known when the backend is made


@pytest.mark.parametrize(
    ("backend", "given", "words"),
    [
        (BraketQpu, {"computer": "ionq_forte_enterprise", "shots": 99}, r"shots=99 .*from 100 to 5000"),
        (BraketQpu, {"computer": "ionq_forte_enterprise", "shots": 5001}, r"shots=5001 .*from 100 to 5000"),
        (BraketQpu, {"computer": "iqm_garnet", "shots": 20_001}, r"from 1 to 20000"),
        (BraketQpu, {"computer": "iqm_emerald", "shots": 200_001}, r"from 1 to 200000"),
        (BraketQpu, {"computer": "rigetti_cepheus", "shots": 9}, r"from 10 to 50000"),
        (BraketQpu, {"shots": 0}, r"shots must be a positive integer"),
        (BraketQpu, {"computer": "tn1"}, r"tn1 .*is retired\. Available: aqt_ibex_q1, .*rigetti_cepheus\."),
        (BraketQpu, {"computer": "rigetti_ankaa_3"}, r"Rigetti's\) is retired"),
        (BraketQpu, {"computer": "arn:aws:braket:us-west-1::device/qpu/rigetti/Ankaa-3"}, r"is retired"),
        (BraketQpu, {"computer": "ionq_aria_1"}, r"IonQ's\) is retired"),
        (BraketQpu, {"computer": "Aria-1"}, r"is retired"),
        (BraketQpu, {"computer": "ionq_aria"}, r"IonQ's\) is retired\. Available: aqt_ibex_q1, "),
        (
            BraketQpu,
            {"region": "us-east-1"},
            r"backend\.region=us-east-1 is another .*backend\.region=eu-north-1",
        ),
        (BraketQpu, {"computer": "iqm_granet"}, r"unknown\. Did you mean 'iqm_garnet'\? Available: "),
        (BraketQpu, {"computer": "sv1"}, r"is a simulator: choose backend=braket_sv1"),
        (
            BraketQpu,
            {"fallback": "head"},
            r"backend\.fallback='head' is unknown\. Available: none, simulator",
        ),
        (BraketQpu, {"on_interrupt": "wait"}, r"backend\.on_interrupt='wait'"),
        (BraketQpu, {"if_set_refused": True}, r"backend\.if_set_refused=True"),
        (BraketQpu, {"repeat_failed": -1}, r"backend\.repeat_failed must be a whole number"),
        (BraketQpu, {"timeout_seconds": 0}, r"backend\.timeout_seconds must be a number above 0"),
        (BraketQpu, {"ledger": ""}, r"backend\.ledger must be a file's path"),
        (BraketQpu, {"project": ""}, r"backend\.project must be a name"),
        (BraketQpu, {"standard_error": 0}, r"standard_error must be a number above 0"),
        (BraketQpu, {"pricing": {"devices": {}}}, r"no price of iqm_garnet"),
        (BraketSv1, {"seconds_at_most": -1}, r"backend\.seconds_at_most"),
        (BraketDm1, {"shots": 100_001}, r"dm1 takes: from 1 to 100000"),
    ],
)
def test_a_backend_that_cannot_be_is_refused(
    backend: type[PaidBackend], given: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        backend(**given)


@pytest.mark.parametrize(("backend", "wires"), [(BraketQpu(), 21), (BraketSv1(), 35), (BraketDm1(), 18)])
def test_a_circuit_wider_than_the_device_is_refused(backend: PaidBackend, wires: int) -> None:
    with pytest.raises(ConfigurationError, match=rf"has {wires} qubits, and \w+ has {wires - 1}\. Use fewer"):
        backend.device(wires, torch.float32)


def test_backends_are_outside_and_compared_by_value() -> None:
    assert BraketQpu.outside and BraketSv1.outside and BraketDm1.outside
    assert BraketQpu(budget={"usd": 1}) == BraketQpu(budget={"usd": 1.0, "tasks": 0})
    assert BraketQpu() != BraketQpu(seed=1)
    assert hash(BraketQpu()) == hash(BraketQpu())
    assert BraketQpu().planning().dry_run and BraketQpu().planning().planning() == BraketQpu(dry_run=True)


# ---------------------------------------------------------------- known when the service is asked


def in_another_state(status: str) -> Callable[[FakeBraket, pytest.MonkeyPatch], None]:
    def set_up(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
        service.devices[CEPHEUS.arn].status = status

    return set_up


def shrunk(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
    service.devices[CEPHEUS.arn].n_qubits = 1


def with_other_shots(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
    service.devices[CEPHEUS.arn].shots = (500, 600)


def without_credentials(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    forget_aws(patch)


def expired(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
    service.credentials_expired = True


def forged(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEBODYELSE0000")


def elsewhere(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_REGION", "us-east-1")


def without_profile(_: FakeBraket, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("AWS_PROFILE", "nobody")


def not_allowed(service: FakeBraket, _: pytest.MonkeyPatch) -> None:
    service.faults.random(1.0, [faults.AccessDenied()])


CASES = [
    (in_another_state("OFFLINE"), UnavailableError, r"rigetti_cepheus is offline now, and nothing was sent"),
    (in_another_state("RETIRED"), UnavailableError, r"rigetti_cepheus is retired\. Available: "),
    (shrunk, ConfigurationError, r"has 2 qubits, and rigetti_cepheus has 1"),
    (with_other_shots, ConfigurationError, r"shots=100 .*from 500 to 600"),
    (without_credentials, CredentialsError, r"no credentials .*aws configure or aws sso login"),
    (without_profile, CredentialsError, r"no such profile.*nobody.*AWS_PROFILE"),
    (expired, CredentialsError, r"credentials .*have expired.*Log in again"),
    (forged, CredentialsError, r"do not accept the credentials"),
    (
        elsewhere,
        ConfigurationError,
        r"is in us-west-1, and the session's region is us-east-1\. Set backend\.region",
    ),
    (not_allowed, CredentialsError, r"may not do this.*AmazonBraketFullAccess"),
]


@pytest.mark.parametrize(("set_up", "kind", "words"), CASES)
def test_one_clear_message_before_anything_is_spent(
    device: Make,
    service: FakeBraket,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    set_up: Callable[[FakeBraket, pytest.MonkeyPatch], None],
    kind: type[QlayersError],
    words: str,
) -> None:
    set_up(service, monkeypatch)
    with pytest.raises(kind, match=words) as caught:
        device("rigetti_cepheus").bitstrings([circuit()])
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert service.tasks == []
    assert ledger.spent("default").tasks == 0


def test_a_simulator_needs_a_region(device: Make, service: FakeBraket) -> None:
    with pytest.raises(
        ConfigurationError, match=r"sv1 is in several regions: say in which with backend\.region"
    ):
        device("sv1", region=None).bitstrings([circuit()])
    assert service.tasks == []


def test_a_layer_says_it_too(service: FakeBraket, ledger: Ledger) -> None:
    service.credentials_expired = True
    layer = QuantumLayer(
        2, backend=BraketQpu(ledger=str(ledger.path), budget={"usd": 9, "tasks": 9, "shots": 9999})
    )
    with pytest.raises(CredentialsError):
        layer(torch.rand(2, 2))


def test_a_missing_sdk_is_said(device: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "braket.aws", None)
    with pytest.raises(ConfigurationError, match=r'pip install "qlayers\[braket\]"'):
        device().bitstrings([circuit()])


# ---------------------------------------------------------------- secrets


class Telling(faults.Fault):
    """An error whose text has all the secrets there are, as a wrong signature's has the headers that were signed."""

    def __init__(self, service: FakeBraket, code: str, status: int) -> None:
        known = service.credentials
        secrets = f"{known.access_key} {known.secret_key} x-amz-security-token:{known.session_token}"
        self.fault = faults.Refused(code=code, message=f"The canonical string was {secrets}", status=status)

    attempts = None

    def strike(self, call: Any, act: Any) -> Any:
        return self.fault.strike(call, act)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("SignatureDoesNotMatch", 403),
        ("ValidationException", 400),
        ("AccessDeniedException", 403),
        ("InternalServiceException", 500),
        ("ServiceQuotaExceededException", 402),
        ("DeviceOfflineException", 424),
        ("Unheard", 418),
    ],
)
@pytest.mark.parametrize(
    "operation", ["GetDevice", "CreateBucket", "CreateQuantumTask", "GetQuantumTask", "GetObject"]
)
def test_credentials_are_in_nothing_that_is_written_or_raised(
    device: Make,
    service: FakeBraket,
    ledger: Ledger,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
    operation: str,
    code: str,
    status: int,
) -> None:
    caplog.set_level(logging.DEBUG, logger="qlayers")
    service.faults.random(1.0, [Telling(service, code, status)], [operation])
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        with pytest.raises(QlayersError) as caught:
            device().bitstrings([circuit(), circuit(0.7)])
    said = io.StringIO()
    error: BaseException | None = caught.value
    while error is not None:  # what travels along, whether a traceback shows it or not
        said.write(f"{error} {error!r} {error.args}")
        error = error.__cause__ or error.__context__
    said.write("".join(traceback.format_exception(caught.value)))
    said.write(" ".join(str(one.message) for one in warned) + caplog.text)
    main(["ledger", str(ledger.path)])
    captured = capsys.readouterr()
    said.write(captured.out + captured.err)
    written = ledger.path.read_bytes().decode("latin1") if ledger.path.exists() else ""
    known = service.credentials
    for secret in (known.access_key, known.secret_key, known.session_token):
        assert secret not in said.getvalue()
        assert secret not in written
    assert "canonical" in str(caught.value) or code in ("SignatureDoesNotMatch", "InternalServiceException")


def test_a_reason_of_failure_is_scrubbed_too(device: Make, service: FakeBraket, ledger: Ledger) -> None:
    service.faults.of_task(1, faults.Fails(f"cannot run it, {service.credentials.secret_key}"))
    with pytest.raises(UnavailableError, match="cannot run it") as caught:
        device().bitstrings([circuit()])
    assert service.credentials.secret_key not in str(caught.value)
    assert service.credentials.secret_key.encode() not in ledger.path.read_bytes()


def test_scrubbing_leaves_what_is_no_secret() -> None:
    text = "Device arn:aws:braket:eu-north-1::device/qpu/iqm/Garnet is offline until 12:00."
    assert scrubbed(text, ["hunter2"]) == text
    assert scrubbed("a hunter2 b AKIAIOSFODNN7EXAMPLE c", ["hunter2"]) == "a … b … c"
    assert scrubbed("x" * 70, []) == "…"
    assert len(scrubbed("word " * 200, [])) == 301


def test_circuits_are_kept_no_longer_than_they_are_needed(
    device: Make, service: FakeBraket, tmp_path: Path
) -> None:
    service.faults.at_call("CreateQuantumTask", 1, faults.ReplyLost())
    one = device()
    one.bitstrings([QuantumScript([*circuit(0.123456789).operations], shots=100)])
    assert "0.123456789" in str(service.tasks[0].action)
    assert all(entry.request is None for entry in Ledger(one.terms.ledger).entries())
