"""The fake of Amazon Braket itself: it would be no judge if it did not catch what it is there to catch."""

from __future__ import annotations

import json
import time
from decimal import Decimal
from typing import Any

import boto3
import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)
from braket.aws import AwsDevice, AwsQuantumTask
from braket.circuits import Circuit, FreeParameter, Observable
from braket.program_sets import CircuitBinding, ProgramSet

from tests.fakes.braket_service import FakeBraket, Killed, faults
from tests.fakes.braket_service.devices import CEPHEUS, DM1, FORTE, GARNET, SV1, FakeDevice
from tests.fakes.braket_service.fixtures import braket_service, forget_aws

__all__ = ["braket_service"]

BUCKET = "amazon-braket-tests"
ONCE = Config(retries={"total_max_attempts": 1})
CIRCUIT = Circuit().rx(0, 0.7).cnot(0, 1)


def action(circuit: Circuit = CIRCUIT) -> str:
    from braket.circuits.serialization import IRType

    return circuit.to_ir(IRType.OPENQASM).json()


def braket(service: FakeBraket, region: str = "eu-north-1", **options: Any) -> Any:
    """A client, and a bucket for its results."""
    from tests.fakes.braket_service.buckets import Bucket

    service.buckets.mine.setdefault(BUCKET, Bucket(region))
    return service.client("braket", region, **{"config": ONCE, **options})


def request(device: FakeDevice = GARNET, shots: int = 100, **more: Any) -> dict[str, Any]:
    known = {"deviceArn": device.arn, "shots": shots, "action": action()}
    return {**known, "outputS3Bucket": BUCKET, "outputS3KeyPrefix": "tasks", **more}


def create(client: Any, device: FakeDevice = GARNET, shots: int = 100, **more: Any) -> str:
    return client.create_quantum_task(**request(device, shots, **more))["quantumTaskArn"]


def state(client: Any, arn: str) -> str:
    return client.get_quantum_task(quantumTaskArn=arn)["status"]


def wait(client: Any, arn: str) -> dict[str, Any]:
    for _ in range(50):
        found = client.get_quantum_task(quantumTaskArn=arn)
        if found["status"] in {"COMPLETED", "FAILED", "CANCELLED"}:
            return found
    raise AssertionError(f"{arn} does not end")


def result(service: FakeBraket, found: dict[str, Any]) -> dict[str, Any]:
    key = found["outputS3Directory"] + "/results.json"
    body = service.client("s3", "eu-north-1").get_object(Bucket=found["outputS3Bucket"], Key=key)["Body"]
    return json.loads(body.read())


def code(caught: pytest.ExceptionInfo[ClientError]) -> str:
    return caught.value.response["Error"]["Code"]


# --- the SDK works against it --------------------------------------------------------------------------------------


@pytest.mark.parametrize("device", [GARNET, CEPHEUS, FORTE, SV1, DM1], ids=lambda device: device.key)
def test_the_sdk_runs_a_circuit_on_every_device(braket_service: FakeBraket, device: FakeDevice) -> None:
    found = AwsDevice(device.arn, braket_service.aws_session())
    assert (found.name, found.status, found.is_available) == (device.name, "ONLINE", True)
    assert found.properties.service.shotsRange == device.shots
    assert found.properties.paradigm.qubitCount == device.n_qubits
    assert found.queue_depth().jobs == "0"

    answer = found.run(CIRCUIT, shots=400).result()

    (task,) = braket_service.tasks
    counts = {"00": 0, "11": 0}
    for row in task.measured[0].bits:
        counts["".join(map(str, row))] += 1
    assert dict(answer.measurement_counts) == counts
    # |sin(0.35)|² of the shots give 11, within five standard errors.
    p = np.sin(0.35) ** 2
    assert counts["11"] / 400 == pytest.approx(p, abs=5 * np.sqrt(p * (1 - p) / 400))


def test_values_of_result_types(braket_service: FakeBraket) -> None:
    simulator = AwsDevice(SV1.arn, braket_service.aws_session())
    circuit = Circuit().rx(0, 0.7).cnot(0, 1).expectation(Observable.Z(), 0)
    assert simulator.run(circuit, shots=0).result().values[0] == pytest.approx(np.cos(0.7), abs=1e-12)
    sampled = simulator.run(circuit, shots=1000).result().values[0]
    assert sampled == pytest.approx(np.cos(0.7), abs=5 * np.sin(0.7) / np.sqrt(1000))


def test_noise_is_simulated_on_dm1(braket_service: FakeBraket) -> None:
    device = AwsDevice(DM1.arn, braket_service.aws_session())
    circuit = Circuit().x(0).bit_flip(0, 0.25).expectation(Observable.Z(), 0)
    assert device.run(circuit, shots=0).result().values[0] == pytest.approx(-(1 - 2 * 0.25))


def test_native_gates_on_physical_qubits(braket_service: FakeBraket) -> None:
    device = AwsDevice(GARNET.arn, braket_service.aws_session())
    verbatim = Circuit().add_verbatim_box(Circuit().prx(4, np.pi, 0.0).cz(4, 5)).measure([5, 4])
    answer = device.run(verbatim, shots=20, disable_qubit_rewiring=True).result()
    assert dict(answer.measurement_counts) == {"01": 20}
    assert answer.measured_qubits == [5, 4]


@pytest.mark.parametrize("one_file", [True, False])
@pytest.mark.parametrize("device", [GARNET, CEPHEUS], ids=lambda device: device.key)
def test_program_sets(
    braket_service: FakeBraket, monkeypatch: pytest.MonkeyPatch, device: FakeDevice, one_file: bool
) -> None:
    for (
        name,
        value,
    ) in braket_service.environment().items():  # the SDK reads the many files by the default session
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    braket_service.one_result_file = one_file
    theta = FreeParameter("theta")
    bound = CircuitBinding(Circuit().rx(0, theta).cnot(0, 1), {"theta": [0.0, np.pi]}, [Observable.Z(1)])
    program_set = ProgramSet([bound, Circuit().x(0), Circuit().i(0).x(1)], shots_per_executable=50)

    answer = AwsDevice(device.arn, braket_service.aws_session()).run(program_set).result()

    assert [entry.expectation for entry in answer[0].entries] == [1.0, -1.0]
    assert dict(answer[1].entries[0].counts) == {"1": 50}
    assert dict(answer[2].entries[0].counts) == {"01": 50}
    # One task fee, 4 × 50 shots.
    (line,) = braket_service.bill
    assert line.shots == 200
    assert line.usd == {"garnet": Decimal("0.59"), "cepheus": Decimal("0.385")}[device.key]
    metadata = braket(braket_service, device.region or "").get_quantum_task(quantumTaskArn=line.arn)
    assert (metadata["actionMetadata"]["programCount"], metadata["actionMetadata"]["executableCount"]) == (
        3,
        4,
    )


def test_a_full_program_set(braket_service: FakeBraket) -> None:
    theta = FreeParameter("theta")
    angles = np.repeat(np.linspace(0, np.pi, 10), 10).tolist()
    program_set = ProgramSet(
        [CircuitBinding(Circuit().ry(0, theta), {"theta": angles})], shots_per_executable=2000
    )
    answer = AwsDevice(GARNET.arn, braket_service.aws_session()).run(program_set)
    braket_service.finish()
    assert braket_service.billed_usd == Decimal("290.30")  # 0.30 + 200 000 × 0.00145
    ones = [measured.bits.mean() for measured in braket_service.task(answer.id).measured]
    np.testing.assert_allclose(ones, np.sin(np.array(angles) / 2) ** 2, atol=5 * 0.5 / np.sqrt(2000))


def test_devices_of_every_region_are_found(braket_service: FakeBraket) -> None:
    found = AwsDevice.get_devices(aws_session=braket_service.aws_session("us-east-1"))
    assert {device.arn for device in found} == {device.arn for device in (GARNET, CEPHEUS, FORTE, SV1, DM1)}


def test_a_batch_of_the_sdk_is_one_task_each(braket_service: FakeBraket) -> None:
    batch = AwsDevice(GARNET.arn, braket_service.aws_session()).run_batch([CIRCUIT] * 3, shots=10)
    assert all(found is not None for found in batch.results())
    assert braket_service.billed_usd == 3 * Decimal("0.3145")


def test_samples_are_a_function_of_the_seed_and_the_task() -> None:
    def samples(seed: int) -> list[np.ndarray]:
        service = FakeBraket(seed)
        client = braket(service)
        for _ in range(2):
            wait(client, create(client))
        return [task.measured[0].bits for task in service.tasks]

    first, second, other = samples(1), samples(1), samples(2)
    assert np.array_equal(first[0], second[0]) and np.array_equal(first[1], second[1])
    assert not np.array_equal(first[0], first[1])
    assert not np.array_equal(first[0], other[0])


# --- states and the clock ------------------------------------------------------------------------------------------


def test_a_task_goes_through_its_states() -> None:
    service = FakeBraket(seconds_per_poll=0.0, created_s=1.0, queue_s=10.0, qpu_run_s=5.0)
    client = braket(service)
    arn = create(client)
    seen = []
    for seconds in (0, 0.5, 0.5, 9.5, 0.5, 4.5, 0.5):  # at 0, 0.5, 1, 10.5, 11, 15.5, 16
        service.clock.advance(seconds)
        seen.append(state(client, arn))
    assert seen == ["CREATED", "CREATED", "QUEUED", "QUEUED", "RUNNING", "RUNNING", "COMPLETED"]
    found = client.get_quantum_task(quantumTaskArn=arn)
    assert (found["endedAt"] - found["createdAt"]).total_seconds() == pytest.approx(16.0)


def test_each_poll_moves_the_clock() -> None:
    service = FakeBraket(seconds_per_poll=1.0, created_s=0.5, queue_s=1.0, qpu_run_s=1.0)
    client = braket(service)
    arn = create(client)
    assert [state(client, arn) for _ in range(4)] == ["QUEUED", "RUNNING", "COMPLETED", "COMPLETED"]


def test_nobody_waits(braket_service: FakeBraket) -> None:
    started = braket_service.clock.now
    time.sleep(86400.0)
    assert time.time() - started == 86400.0
    assert braket_service.clock.slept == 86400.0


def test_the_sdk_times_out_on_a_stuck_task(braket_service: FakeBraket) -> None:
    braket_service.faults.of_task(1, faults.StuckInQueue())
    device = AwsDevice(GARNET.arn, braket_service.aws_session())
    task = device.run(CIRCUIT, shots=10, poll_timeout_seconds=60, poll_interval_seconds=10)
    assert task.result() is None
    assert task.state() == "QUEUED"
    assert task.queue_position().queue_position == "1"
    assert braket_service.billed_usd == 0


# --- the bill ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("device", "shots", "usd"),
    [
        (GARNET, 100, "0.445"),  # 0.30 + 100 × 0.00145
        (CEPHEUS, 1000, "0.725"),  # 0.30 + 1000 × 0.000425
        (FORTE, 100, "8.30"),  # 0.30 + 100 × 0.08
    ],
    ids=lambda value: getattr(value, "key", None),
)
def test_a_completed_task_on_a_quantum_computer(device: FakeDevice, shots: int, usd: str) -> None:
    service = FakeBraket()
    client = braket(service, device.region or "")
    arn = create(client, device, shots, clientToken="a-token")
    assert service.billed_usd == 0  # nothing before it is completed
    assert service.highest_commitment == Decimal(usd)
    wait(client, arn)
    (line,) = service.bill
    assert (line.arn, line.token, line.device, line.shots) == (arn, "a-token", device.arn, shots)
    assert line.usd == service.billed_usd == Decimal(usd)


@pytest.mark.parametrize(
    ("device", "seconds", "usd"),
    [(SV1, 2.0, "0.00375"), (SV1, 12.0, "0.015"), (DM1, 60.0, "0.075")],  # 3 s at least; $0.075 a minute
)
def test_a_simulator_is_billed_for_its_time(device: FakeDevice, seconds: float, usd: str) -> None:
    service = FakeBraket(simulator_run_s=(seconds, seconds), seconds_per_poll=10.0)
    client = braket(service, "us-east-1")
    found = result(service, wait(client, create(client, device, 1000)))
    assert service.billed_usd == Decimal(usd)
    assert found["additionalMetadata"]["simulatorMetadata"]["executionDuration"] == seconds * 1000


def test_a_failed_task_costs_nothing_and_says_why() -> None:
    service = FakeBraket()
    service.faults.of_task(1, faults.Fails("the fridge is warm"))
    client = braket(service)
    found = wait(client, create(client))
    assert (found["status"], found["failureReason"]) == ("FAILED", "the fridge is warm")
    assert service.bill == []
    wait(client, create(client))
    assert [line.usd for line in service.bill] == [Decimal("0.445")]


def test_a_circuit_that_cannot_run_fails() -> None:
    service = FakeBraket()
    client = braket(service)
    source = "OPENQASM 3.0; qubit[1] q; bit[1] b; nonsense q[0]; b[0] = measure q[0];"
    header = {"name": "braket.ir.openqasm.program", "version": "1"}
    text = json.dumps({"braketSchemaHeader": header, "source": source, "inputs": {}})
    assert wait(client, create(client, action=text))["status"] == "FAILED"
    assert service.billed_usd == 0


def test_a_task_cancelled_in_the_queue_costs_nothing() -> None:
    service = FakeBraket(seconds_per_poll=0.0, cancelling_s=2.0)
    client = braket(service)
    arn = create(client)
    assert client.cancel_quantum_task(quantumTaskArn=arn)["cancellationStatus"] == "CANCELLING"
    assert client.cancel_quantum_task(quantumTaskArn=arn)["cancellationStatus"] == "CANCELLING"
    assert state(client, arn) == "CANCELLING"
    service.clock.advance(2.0)
    assert state(client, arn) == "CANCELLED"
    with pytest.raises(ClientError) as caught:
        client.cancel_quantum_task(quantumTaskArn=arn)
    assert code(caught) == "ConflictException"
    assert service.bill == []


@pytest.mark.parametrize(
    ("late", "ends", "usd"), [("completes", "COMPLETED", "0.445"), ("cancels", "CANCELLED", "0")]
)
def test_a_cancellation_that_comes_late(late: str, ends: str, usd: str) -> None:
    service = FakeBraket(seconds_per_poll=0.0, qpu_run_s=10.0, late_cancellation=late)
    client = braket(service)
    arn = create(client)
    service.clock.advance(5.0)
    assert state(client, arn) == "RUNNING"
    client.cancel_quantum_task(quantumTaskArn=arn)
    assert state(client, arn) == "CANCELLING"
    service.clock.advance(100.0)
    assert state(client, arn) == ends
    assert service.billed_usd == Decimal(usd)


def test_a_simulator_cancelled_while_it_runs_is_billed_for_its_time() -> None:
    service = FakeBraket(seconds_per_poll=0.0, created_s=0, queue_s=0, simulator_run_s=(100.0, 100.0))
    client = braket(service, "us-east-1")
    arn = create(client, SV1, 100)
    service.clock.advance(30.0)
    client.cancel_quantum_task(quantumTaskArn=arn)
    service.clock.advance(100.0)
    assert state(client, arn) == "CANCELLED"
    assert service.billed_usd == Decimal("0.0375")  # 30 s of a minute at $0.075


# --- client tokens -------------------------------------------------------------------------------------------------


def test_the_same_token_buys_once() -> None:
    service = FakeBraket()
    client = braket(service)
    arns = {create(client, clientToken="one") for _ in range(3)}
    assert len(arns) == len(service.tasks) == 1
    wait(client, arns.pop())
    assert create(client, clientToken="one") == service.tasks[0].arn  # when it is completed, too
    service.finish()
    assert service.billed_usd == Decimal("0.445")
    assert service.bought_twice() == {}


def test_the_same_token_with_other_parameters_is_refused() -> None:
    service = FakeBraket()
    client = braket(service)
    create(client, clientToken="one")
    with pytest.raises(ClientError) as caught:
        create(client, shots=101, clientToken="one")
    assert code(caught) == "ValidationException"
    assert len(service.tasks) == 1


def test_without_a_token_every_call_buys() -> None:
    service = FakeBraket()
    client = braket(service)
    arns = [create(client) for _ in range(2)]
    tokens = {task.token for task in service.tasks}
    assert len(tokens) == 2 and all(tokens)  # botocore fills in a random one
    service.finish()
    assert list(service.bought_twice().values()) == [arns]
    assert service.billed_usd == Decimal("0.89")


def test_a_token_is_forgotten_after_its_time() -> None:
    service = FakeBraket(token_lifetime_s=3600.0)
    client = braket(service)
    create(client, clientToken="one")
    service.clock.advance(3599.0)
    create(client, clientToken="one")
    assert len(service.tasks) == 1
    service.clock.advance(1.0)
    create(client, clientToken="one")
    assert len(service.tasks) == 2


def buy(client: Any, **more: Any) -> str:
    """A client that calls again when it got no answer."""
    for _ in range(3):
        try:
            return create(client, **more)
        except BotoCoreError:
            continue
    raise AssertionError("no answer")


@pytest.mark.parametrize("lost", [faults.ReplyLost(), faults.ConnectionClosed()])
def test_the_judge_catches_a_client_that_buys_twice(lost: faults.Fault) -> None:
    service = FakeBraket()
    service.faults.at_call("CreateQuantumTask", 1, lost)
    buy(braket(service))
    service.finish()
    assert len(service.bought_twice()) == 1
    assert service.billed_usd == Decimal("0.89")


@pytest.mark.parametrize("lost", [faults.ReplyLost(), faults.ConnectionClosed()])
def test_the_judge_is_content_with_a_client_that_keeps_its_token(lost: faults.Fault) -> None:
    service = FakeBraket()
    service.faults.at_call("CreateQuantumTask", 1, lost)
    buy(braket(service), clientToken="kept")
    service.finish()
    assert service.bought_twice() == {}
    assert service.billed_usd == Decimal("0.445")


def test_the_sdk_called_again_buys_twice(braket_service: FakeBraket) -> None:
    """The SDK sets no client token: botocore's own retries are safe, a second `run` is not."""
    braket_service.faults.at_call("CreateQuantumTask", 1, faults.ReplyLost())
    device = AwsDevice(GARNET.arn, braket_service.aws_session())
    with pytest.raises(ReadTimeoutError):
        device.run(CIRCUIT, shots=100)
    assert len(braket_service.tasks) == 1  # though botocore tried again
    assert sum(call.operation == "CreateQuantumTask" for call in braket_service.log) > 1
    device.run(CIRCUIT, shots=100)
    braket_service.finish()
    assert len(braket_service.bought_twice()) == 1


def test_the_same_circuit_at_other_angles_is_other_work() -> None:
    service = FakeBraket()
    client = braket(service)
    create(client)
    create(client, action=action(Circuit().rx(0, 0.8).cnot(0, 1)))
    service.finish()
    assert len(service.bill) == 2
    assert service.bought_twice() == {}


# --- faults --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "expected", "status"),
    [
        (faults.Throttled(), "ThrottlingException", 429),
        (faults.ServerError(), "InternalServiceException", 500),
        (faults.ExpiredToken(), "ExpiredTokenException", 403),
        (faults.AccessDenied(), "AccessDeniedException", 403),
        (faults.QuotaExceeded(), "ServiceQuotaExceededException", 402),
        (faults.DeviceOffline(), "DeviceOfflineException", 424),
        (faults.DeviceRetired(), "DeviceRetiredException", 410),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_refusal_is_a_client_error_and_buys_nothing(
    fault: faults.Fault, expected: str, status: int
) -> None:
    service = FakeBraket()
    service.faults.at_call("CreateQuantumTask", 2, fault)
    client = braket(service)
    create(client)
    with pytest.raises(ClientError) as caught:
        create(client)
    assert code(caught) == expected
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == status
    modelled = getattr(client.exceptions, expected, ClientError)
    assert isinstance(caught.value, modelled)
    assert len(service.tasks) == 1
    create(client)
    assert len(service.tasks) == 2
    assert service.faults.struck == [("CreateQuantumTask", 2, fault)]


@pytest.mark.parametrize(
    ("fault", "expected", "accepted"),
    [
        (faults.RequestLost(), EndpointConnectionError, 0),
        (faults.ReplyLost(), ReadTimeoutError, 1),
        (faults.ConnectionClosed(), ConnectionClosedError, 1),
        (faults.ServerErrorAfterAcceptance(), ClientError, 1),
        (faults.Kill(after=False), Killed, 0),
        (faults.Kill(after=True), Killed, 1),
        (faults.Interrupt(after=False), KeyboardInterrupt, 0),
        (faults.Interrupt(after=True), KeyboardInterrupt, 1),
    ],
)
def test_what_was_accepted_when_no_answer_came(
    fault: faults.Fault, expected: type[BaseException], accepted: int
) -> None:
    service = FakeBraket()
    service.faults.at_call("CreateQuantumTask", 1, fault)
    with pytest.raises(expected):
        create(braket(service))
    assert len(service.tasks) == accepted


def test_killed_is_no_exception_that_a_client_would_catch() -> None:
    assert not issubclass(Killed, Exception)


def test_botocore_gets_over_a_fault_of_one_attempt(braket_service: FakeBraket) -> None:
    client = braket(braket_service, config=None)
    braket_service.faults.at_call("CreateQuantumTask", 1, faults.ReplyLost(attempts=1))
    arn = create(client)
    assert [task.arn for task in braket_service.tasks] == [arn]
    braket_service.faults.at_call("GetQuantumTask", 1, faults.Throttled(attempts=2))
    assert state(client, arn)
    assert [call.operation for call in braket_service.log] == ["CreateQuantumTask"] * 2 + [
        "GetQuantumTask"
    ] * 3


def test_a_late_result_is_first_not_there() -> None:
    service = FakeBraket()
    service.faults.of_task(1, faults.LateResult(seconds=60.0))
    client = braket(service)
    found = wait(client, create(client))
    with pytest.raises(ClientError) as caught:
        result(service, found)
    assert code(caught) == "NoSuchKey"
    assert service.billed_usd == Decimal("0.445")  # paid for all the same
    service.clock.advance(60.0)
    assert len(result(service, found)["measurements"]) == 100


def test_any_call_can_be_struck() -> None:
    service = FakeBraket()
    client = braket(service)
    service.faults.at_call("*", 3, faults.AccessDenied())
    create(client)
    create(client)
    with pytest.raises(ClientError):
        state(client, service.tasks[0].arn)


def test_random_faults_are_a_function_of_the_seed() -> None:
    def struck(seed: int) -> list[Any]:
        service = FakeBraket(seed)
        client = braket(service)
        service.faults.random(rate=0.3, kinds=faults.TRANSIENT, operations=["CreateQuantumTask"])
        service.faults.random_fates(rate=0.3)
        for _ in range(30):
            try:
                state(client, create(client))
            except (BotoCoreError, ClientError):
                continue
        service.faults.stop()
        return service.faults.struck

    assert struck(1) == struck(1) != struck(2)
    kinds = {type(fault) for _, _, fault in struck(1)}
    assert len(kinds) >= 5
    assert {operation for operation, _, _ in struck(1)} == {"CreateQuantumTask", "task"}


# --- requests and accounts -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"shots": "many"}, {"shots": -1}, {"shot": 5}, {"tags": "text"}, {"clientToken": ""}, {"action": 7}],
    ids=str,
)
def test_botocore_itself_refuses_a_malformed_request(wrong: dict[str, Any]) -> None:
    service = FakeBraket()
    with pytest.raises(ParamValidationError):
        braket(service).create_quantum_task(**request(**wrong))
    assert service.log == []  # it never left


@pytest.mark.parametrize("missing", ["deviceArn", "shots", "action", "outputS3Bucket", "outputS3KeyPrefix"])
def test_botocore_itself_refuses_an_incomplete_request(missing: str) -> None:
    parameters = request()
    del parameters[missing]
    with pytest.raises(ParamValidationError, match=missing):
        braket(FakeBraket()).create_quantum_task(**parameters)


def program_set(n_executables: int, lengths: tuple[int, int] | None = None) -> str:
    source = json.loads(action())["source"].replace(
        "OPENQASM 3.0;", "OPENQASM 3.0;\ninput float a;\ninput float b;"
    )
    inputs = {"a": [0.1] * n_executables, "b": [0.1] * (lengths[1] if lengths else n_executables)}
    header = {"version": "1", "name": "braket.ir.openqasm.program"}
    program = {"braketSchemaHeader": header, "source": source, "inputs": inputs}
    whole = {**header, "name": "braket.ir.openqasm.program_set"}
    return json.dumps({"braketSchemaHeader": whole, "programs": [program]})


@pytest.mark.parametrize(
    ("device", "wrong", "words"),
    [
        (GARNET, {"shots": 20_001}, "Shots"),
        (GARNET, {"shots": 0}, "Shots"),
        (CEPHEUS, {"shots": 9}, "Shots"),
        (FORTE, {"shots": 99}, "Shots"),
        (GARNET, {"outputS3Bucket": "amazon-braket-nobody"}, "access"),
        (GARNET, {"clientToken": "x" * 65}, "clientToken"),
        (GARNET, {"action": "{}"}, "action"),
        (GARNET, {"action": action(Circuit().h(range(10)))}, "10 qubits"),
        (FORTE, {"action": program_set(2), "shots": 200}, "does not support"),
        (GARNET, {"action": program_set(101), "shots": 101}, "101 executables"),
        (GARNET, {"action": program_set(100), "shots": 200_100}, "200100 shots"),
        (GARNET, {"action": program_set(3), "shots": 100}, "multiple"),
        (CEPHEUS, {"action": program_set(10), "shots": 90}, "Shots"),
        (GARNET, {"action": program_set(2, (2, 3)), "shots": 10}, "validation failed"),
        (GARNET, {"deviceArn": CEPHEUS.arn}, "not found"),  # a wrong region
        (GARNET, {"deviceArn": "arn:aws:braket:eu-north-1::device/qpu/iqm/None"}, "not found"),
    ],
    ids=lambda value: getattr(value, "key", None) or (value if isinstance(value, str) else ""),
)
def test_the_service_refuses_what_only_it_can_know(
    device: FakeDevice, wrong: dict[str, Any], words: str
) -> None:
    service = FakeBraket()
    client = braket(service, device.region or "")
    with pytest.raises(ClientError, match=words) as caught:
        create(client, device, **wrong)
    assert code(caught) == "ValidationException"
    assert service.tasks == []


@pytest.mark.parametrize(
    ("status", "expected"), [("OFFLINE", "DeviceOfflineException"), ("RETIRED", "DeviceRetiredException")]
)
def test_a_device_that_is_not_online(status: str, expected: str) -> None:
    service = FakeBraket()
    service.devices[GARNET.arn].status = status
    client = braket(service)
    assert client.get_device(deviceArn=GARNET.arn)["deviceStatus"] == status
    with pytest.raises(ClientError) as caught:
        create(client)
    assert code(caught) == expected
    assert FakeBraket().devices[GARNET.arn].status == "ONLINE"  # one service's devices are its own


def test_a_quota_of_tasks() -> None:
    service = FakeBraket(concurrent_tasks=1)
    client = braket(service)
    wait(client, create(client))
    create(client)
    with pytest.raises(ClientError) as caught:
        create(client)
    assert code(caught) == "ServiceQuotaExceededException"


def test_search_finds_tasks_by_tag_state_and_time() -> None:
    service = FakeBraket()
    client = braket(service)
    first = create(client, tags={"token": "1"})
    wait(client, first)
    between = service.clock.datetime().isoformat()
    service.clock.advance(10.0)
    second = create(client, tags={"token": "2"})

    def found(**options: Any) -> list[str]:
        pages = client.get_paginator("search_quantum_tasks").paginate(**options)
        return [line["quantumTaskArn"] for page in pages for line in page["quantumTasks"]]

    def one(name: str, operator: str, value: str) -> dict[str, Any]:
        return {"name": name, "operator": operator, "values": [value]}

    assert found(filters=[]) == found(filters=[], PaginationConfig={"PageSize": 1}) == [first, second]
    assert found(filters=[one("status", "EQUAL", "COMPLETED")]) == [first]
    assert found(filters=[one("createdAt", "GT", between), one("deviceArn", "EQUAL", GARNET.arn)]) == [second]
    lines = client.search_quantum_tasks(filters=[])["quantumTasks"]
    assert [line["tags"] for line in lines] == [{"token": "1"}, {"token": "2"}]
    assert service.client("braket", "us-west-1").search_quantum_tasks(filters=[])["quantumTasks"] == []


def test_search_may_be_late() -> None:
    service = FakeBraket(search_delay_s=5.0)
    client = braket(service)
    create(client)
    assert client.search_quantum_tasks(filters=[])["quantumTasks"] == []
    service.clock.advance(5.0)
    assert len(client.search_quantum_tasks(filters=[])["quantumTasks"]) == 1


def test_a_task_is_known_in_its_region_alone() -> None:
    service = FakeBraket()
    arn = create(braket(service))
    with pytest.raises(ClientError) as caught:
        state(service.client("braket", "us-east-1", config=ONCE), arn)
    assert code(caught) == "ResourceNotFoundException"


def test_credentials_expire() -> None:
    service = FakeBraket()
    client = braket(service)
    service.credentials_expired = True
    for call, expected in [
        (lambda: create(client), "ExpiredTokenException"),
        (lambda: service.client("sts").get_caller_identity(), "ExpiredToken"),
        (lambda: service.client("s3").get_object(Bucket=BUCKET, Key="x"), "ExpiredToken"),
    ]:
        with pytest.raises(ClientError) as caught:
            call()
        assert code(caught) == expected
    service.credentials_expired = False
    assert create(client)


def test_credentials_are_asked_for(braket_service: FakeBraket, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(NoCredentialsError):
        boto3.Session(region_name="us-east-1").client("sts").get_caller_identity()
    with pytest.raises(ClientError) as caught:
        boto3.Session("AKIAOTHER", "secret", region_name="us-east-1").client("braket").get_device(
            deviceArn=SV1.arn
        )
    assert code(caught) == "UnrecognizedClientException"
    for name, value in braket_service.environment().items():
        monkeypatch.setenv(name, value)
    account = boto3.Session(region_name="us-east-1").client("sts").get_caller_identity()["Account"]
    assert account == braket_service.account


def test_nothing_of_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_aws(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAMACHINE")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    service = FakeBraket()
    service.client("sts").get_caller_identity()
    assert {call.access_key for call in service.log} == {service.credentials.access_key}


def test_two_services_know_nothing_of_each_other() -> None:
    one, other = FakeBraket(1), FakeBraket(2)
    create(braket(one))
    assert len(one.tasks) == 1 and other.tasks == [] and other.log == []


def test_a_session_made_before_and_one_made_while_installed() -> None:
    """No request is received twice, whichever way a session came to the fake."""
    service = FakeBraket()
    before = braket(service)
    with service.installed_everywhere():
        during = boto3.Session(*vars(service.credentials).values(), region_name="eu-north-1").client("braket")
        create(before)
        create(during)
    create(before)
    assert len(service.log) == len(service.tasks) == 3


def test_s3_as_the_sdk_uses_it(braket_service: FakeBraket) -> None:
    session = braket_service.aws_session("eu-north-1")
    bucket = session.default_bucket()
    assert bucket == f"amazon-braket-eu-north-1-{braket_service.account}"
    session.upload_local_data(__file__, f"s3://{bucket}/folder/file")
    assert session.list_keys(bucket, "folder/") == ["folder/file"]
    assert "test_s3_as_the_sdk_uses_it" in session.retrieve_s3_object_body(bucket, "folder/file")
    braket_service.buckets.others.add("amazon-braket-us-east-1-123456789012")
    with pytest.raises(ValueError, match="already exists"):
        braket_service.aws_session("us-east-1").default_bucket()
    s3 = braket_service.client("s3")
    with pytest.raises(ClientError) as caught:
        s3.head_bucket(Bucket="amazon-braket-nobody")
    assert code(caught) == "404"


def test_an_old_task_is_collected_by_its_arn(braket_service: FakeBraket) -> None:
    """A process that knows nothing but the ARN gets the result."""
    task = AwsDevice(GARNET.arn, braket_service.aws_session()).run(CIRCUIT, shots=50)
    braket_service.finish()
    again = AwsQuantumTask(task.id, braket_service.aws_session("eu-north-1")).result()
    assert again.measurements.tolist() == braket_service.tasks[0].measured[0].bits.tolist()
