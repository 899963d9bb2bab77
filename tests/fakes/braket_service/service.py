"""The fake's front: it receives botocore's requests, keeps tasks, results and the bill, and lets faults strike."""

from __future__ import annotations

import contextlib
import json
import random
import threading
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any
from unittest import mock

from botocore import xform_name
from botocore.awsrequest import AWSPreparedRequest, AWSResponse

from tests.fakes.braket_service import bill, compute, results, wire
from tests.fakes.braket_service.buckets import Buckets
from tests.fakes.braket_service.clock import Clock
from tests.fakes.braket_service.devices import PROGRAM, PROGRAM_SET, FakeDevice, all_devices
from tests.fakes.braket_service.faults import Faults
from tests.fakes.braket_service.tasks import OPEN, Task, executables
from tests.fakes.braket_service.wire import Call, ServiceError

DAY_S = 86400.0


@dataclass(frozen=True)
class Credentials:
    """Dummies, different in each fake, so that a test can look for them where they must not be."""

    access_key: str
    secret_key: str
    session_token: str


class FakeBraket:
    """A stand-in for Amazon Braket, S3 and STS, for one account in every region.

    Args:
        seed: of everything random: measurements, run times, random faults.
        seconds_per_poll: how far the clock moves at each GetQuantumTask; 0 to move it by hand alone.
        created_s, queue_s, cancelling_s: how long tasks stay in these states.
        qpu_run_s: how long a quantum computer runs a task.
        simulator_run_s: (shortest, longest) run time on a managed simulator, drawn for each task.
        token_lifetime_s: how long a client token is remembered; None for ever. Assumed: a day.
        late_cancellation: what a cancellation does to a task that a quantum computer already runs: "completes"
            (it came too late; the task is finished and billed) or "cancels".
        search_delay_s: how long SearchQuantumTasks does not know a task that was accepted.
        one_result_file: a program set's results in one file; else in many, for which the SDK makes an S3 client of
            boto3's default session.
    """

    account = "123456789012"

    def __init__(
        self,
        seed: int = 0,
        *,
        seconds_per_poll: float = 1.0,
        created_s: float = 0.5,
        queue_s: float = 1.0,
        qpu_run_s: float = 1.0,
        simulator_run_s: tuple[float, float] = (0.5, 6.0),
        cancelling_s: float = 0.5,
        token_lifetime_s: float | None = DAY_S,
        late_cancellation: str = "completes",
        search_delay_s: float = 0.0,
        one_result_file: bool = True,
        devices: list[FakeDevice] | None = None,
        concurrent_tasks: int | None = None,
    ) -> None:
        self.seed = seed
        self.clock = Clock()
        self.faults = Faults(seed)
        self.buckets = Buckets()
        self.devices = {device.arn: device for device in devices or all_devices()}
        self.tasks: list[Task] = []  # every task ever accepted, in order
        self.bill: list[bill.Line] = []  # in the order of billing
        self.highest_commitment = Decimal(0)  # the most that was billed and still open together
        self.log: list[Call] = []  # every attempt that reached botocore's network layer
        self.seconds_per_poll = seconds_per_poll
        self.created_s, self.queue_s, self.cancelling_s = created_s, queue_s, cancelling_s
        self.qpu_run_s, self.simulator_run_s = qpu_run_s, simulator_run_s
        self.token_lifetime_s = token_lifetime_s
        self.late_cancellation = late_cancellation
        self.search_delay_s = search_delay_s
        self.one_result_file = one_result_file
        self.concurrent_tasks = concurrent_tasks
        self.credentials_expired = False
        self._random = random.Random(seed)
        unique = uuid.UUID(int=self._random.getrandbits(128)).hex
        self.credentials = Credentials(
            f"ASIAFAKE{unique[:12].upper()}", f"secret-{unique}", f"token-{unique[::-1]}"
        )
        self._open: list[Task] = []
        self._by_arn: dict[str, Task] = {}
        self._tokens: dict[tuple[str, str], tuple[float, str, Task]] = {}
        self._sessions: dict[str, Any] = {}
        self._lock = threading.RLock()

    # --- for clients -------------------------------------------------------------------------------------------

    def boto_session(self, region: str = "us-east-1") -> Any:
        """A boto3.Session that talks to the fake; the same one for the same region."""
        from tests.fakes.braket_service.sessions import lease

        if region not in self._sessions:
            self._sessions[region] = lease(self, region)
        return self._sessions[region]

    def give_back_sessions(self) -> None:
        """Let other fakes use the sessions of this one, whose clients are slow to make. They must not be used again."""
        from tests.fakes.braket_service.sessions import give_back

        while self._sessions:
            give_back(self._sessions.popitem()[1])

    def aws_session(self, region: str = "us-east-1", **options: Any) -> Any:
        """A braket.aws.AwsSession that talks to the fake."""
        from braket.aws import AwsSession

        return AwsSession(boto_session=self.boto_session(region), **options)

    def client(self, name: str, region: str = "us-east-1", **options: Any) -> Any:
        return self.boto_session(region).client(name, **options)

    def environment(self) -> dict[str, str]:
        """Environment variables with which boto3's own chain finds the fake's credentials and nothing else."""
        return {
            "AWS_ACCESS_KEY_ID": self.credentials.access_key,
            "AWS_SECRET_ACCESS_KEY": self.credentials.secret_key,
            "AWS_SESSION_TOKEN": self.credentials.session_token,
            **self.no_credentials(),
        }

    @staticmethod
    def no_credentials() -> dict[str, str]:
        """Environment variables with which boto3's own chain finds no credentials, whatever the machine has."""
        nowhere = {name: "/nonexistent" for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE")}
        return {**nowhere, "AWS_EC2_METADATA_DISABLED": "true"}

    @contextlib.contextmanager
    def installed_everywhere(self) -> Iterator[FakeBraket]:
        """Every AWS session made meanwhile talks to the fake, those that the SDK copies for other regions included."""
        import boto3
        import botocore.handlers

        from tests.fakes.braket_service.sessions import loader

        shared = loader()
        entry = ("before-send", self.receive)
        botocore.handlers.BUILTIN_HANDLERS.append(entry)
        try:
            with (
                mock.patch.object(boto3, "DEFAULT_SESSION", None),
                mock.patch("botocore.session.create_loader", return_value=shared),
            ):
                yield self
        finally:
            botocore.handlers.BUILTIN_HANDLERS.remove(entry)

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeBraket]:
        """Installed everywhere, and Python's time on the fake's clock."""
        with self.installed_everywhere(), self.clock.replaces_time():
            yield self

    # --- for judges --------------------------------------------------------------------------------------------

    @property
    def billed_usd(self) -> Decimal:
        self.settle()
        return sum((line.usd for line in self.bill), Decimal(0))

    @property
    def open_tasks(self) -> list[Task]:
        self.settle()
        return list(self._open)

    def task(self, arn: str) -> Task:
        self.settle()
        return self._by_arn[arn]

    def bought_twice(self) -> dict[str, list[str]]:
        """Work → ARNs of the tasks that were billed for it, where there is more than one."""
        self.settle()
        found: dict[str, list[str]] = {}
        for line in self.bill:
            found.setdefault(self._by_arn[line.arn].work, []).append(line.arn)
        return {work: arns for work, arns in found.items() if len(arns) > 1}

    def settle(self) -> None:
        """Bring every task to the state that it has now, store results, write the bill."""
        with self._lock:
            ended = [task for task in self._open if task.proceed(self.clock.now)]
            if ended:
                self._open = [task for task in self._open if task.status in OPEN]
            for task in sorted(ended, key=lambda task: task.ended or 0.0):
                self._end(task)

    def finish(self) -> None:
        """Let all the time pass that open tasks need."""
        while self.open_tasks:
            self.clock.advance(DAY_S)

    # --- the network -------------------------------------------------------------------------------------------

    def receive(self, request: AWSPreparedRequest, event_name: str, **_: Any) -> AWSResponse:
        """botocore's `before-send`: what is answered here is never sent."""
        call = wire.read(event_name, request)
        with self._lock:
            self.log.append(call)
            try:
                return self.faults.strike(call, lambda: self._act(call))
            except ServiceError as error:
                return error.answer(call)

    def _act(self, call: Call) -> AWSResponse:
        try:
            self._authenticate(call)
            self.settle()
            if call.service == "s3":
                return self.buckets.handle(call, self.clock.now)
            operation: Callable[[Call], AWSResponse] | None = getattr(
                self, f"_{xform_name(call.operation)}", None
            )
            if operation is None or call.service not in {"braket", "sts"}:
                raise ServiceError("NotImplemented", f"the fake has no {call.service} {call.operation}", 501)
            return operation(call)
        except ServiceError as error:
            return error.answer(call)

    def _authenticate(self, call: Call) -> None:
        known = self.credentials
        if call.access_key is None:
            raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token", 403)
        if call.access_key != known.access_key:
            raise ServiceError("UnrecognizedClientException", "The security token is invalid.", 403)
        if self.credentials_expired or call.session_token not in (known.session_token, None):
            text = "The security token included in the request is expired"
            raise ServiceError("ExpiredTokenException", text, 403)

    def _get_caller_identity(self, call: Call) -> AWSResponse:
        arn = f"arn:aws:sts::{self.account}:assumed-role/tests/fake"
        inner = f"<Arn>{arn}</Arn><UserId>FAKE</UserId><Account>{self.account}</Account>"
        result = f"<GetCallerIdentityResult>{inner}</GetCallerIdentityResult>"
        text = f"<GetCallerIdentityResponse>{result}</GetCallerIdentityResponse>"
        return wire.answer(call, 200, text.encode(), {"content-type": "text/xml"})

    # --- devices -----------------------------------------------------------------------------------------------

    def _get_device(self, call: Call) -> AWSResponse:
        arn = "/".join(call.segments[1:])
        device = self.devices.get(arn)
        if device is None or not device.offered_in(call.region):
            raise ServiceError("ResourceNotFoundException", f"Device {arn} not found", 404)
        return wire.json_answer(call, device.document())

    def _search_devices(self, call: Call) -> AWSResponse:
        wanted = [set(one["values"]) for one in call.json["filters"] if one["name"] == "deviceArn"]
        found = [
            device.summary()
            for device in self.devices.values()
            if device.offered_in(call.region) and all(device.arn in arns for arns in wanted)
        ]
        return wire.json_answer(call, {"devices": found})

    # --- tasks -------------------------------------------------------------------------------------------------

    def _create_quantum_task(self, call: Call) -> AWSResponse:
        request = call.json
        token = request["clientToken"]
        for name, longest in (("clientToken", 64), ("outputS3Bucket", 63), ("outputS3KeyPrefix", 1024)):
            if len(request[name]) > longest:  # botocore leaves this to the service
                raise ServiceError("ValidationException", f"{name} is longer than {longest} characters")
        digest = json.dumps(request, sort_keys=True)
        known = self._tokens.get((call.region, token))
        if known and (self.token_lifetime_s is None or self.clock.now < known[0] + self.token_lifetime_s):
            if known[1] != digest:
                raise ServiceError("ValidationException", "Client token was used with other parameters", 400)
            return wire.json_answer(call, {"quantumTaskArn": known[2].arn}, 201)
        device, action = self._checked(call, request)
        task = self._accept(call, request, device, action)
        self._tokens[call.region, token] = self.clock.now, digest, task
        return wire.json_answer(call, {"quantumTaskArn": task.arn}, 201)

    def _accept(
        self, call: Call, request: dict[str, Any], device: FakeDevice, action: dict[str, Any]
    ) -> Task:
        number = len(self.tasks) + 1
        name = uuid.UUID(int=self._random.getrandbits(128), version=4)
        run_s = (
            self.qpu_run_s if device.kind == "QPU" else round(self._random.uniform(*self.simulator_run_s), 3)
        )
        task = Task(
            arn=f"arn:aws:braket:{call.region}:{self.account}:quantum-task/{name}",
            number=number,
            token=request["clientToken"],
            region=call.region,
            device=device,
            shots=request["shots"],
            action=action,
            request=request,
            created=self.clock.now,
            created_s=self.created_s,
            queue_s=self.queue_s,
            run_s=run_s,
            cancelling_s=self.cancelling_s,
            stops_when_running=device.kind == "SIMULATOR" or self.late_cancellation == "cancels",
            seed=(self.seed, number),
        )
        self.faults.fate(number, task)
        self.tasks.append(task)
        self._open.append(task)
        self._by_arn[task.arn] = task
        committed = self.billed_usd + sum((bill.at_most(one) for one in self.open_tasks), Decimal(0))
        self.highest_commitment = max(self.highest_commitment, committed)
        return task

    def _checked(self, call: Call, request: dict[str, Any]) -> tuple[FakeDevice, dict[str, Any]]:
        """What botocore cannot check, because it depends on the device or the account."""
        device = self.devices.get(request["deviceArn"])
        if device is None or not device.offered_in(call.region):
            raise ServiceError(
                "ValidationException", f"Device {request['deviceArn']} not found in {call.region}"
            )
        if device.status == "RETIRED":
            raise ServiceError("DeviceRetiredException", f"Device {device.arn} is retired", 410)
        if device.status == "OFFLINE":
            raise ServiceError("DeviceOfflineException", f"Device {device.arn} is offline", 424)
        bucket = request["outputS3Bucket"]
        if bucket not in self.buckets.mine:
            raise ServiceError(
                "ValidationException", f"Caller doesn't have access to {bucket} or it doesn't exist."
            )
        if self.concurrent_tasks is not None and len(self.open_tasks) >= self.concurrent_tasks:
            raise ServiceError("ServiceQuotaExceededException", "Concurrent quantum task limit exceeded", 402)
        try:
            action = json.loads(request["action"])
            kind = action["braketSchemaHeader"]["name"]
        except (ValueError, KeyError, TypeError):
            raise ServiceError("ValidationException", "The action is not a Braket document") from None
        if kind == PROGRAM:
            self._check_shots(device, request["shots"])
        elif kind == PROGRAM_SET and device.program_sets is not None:
            self._check_program_set(device, device.program_sets, action, request["shots"])
        else:
            raise ServiceError("ValidationException", f"Device {device.name} does not support action {kind}")
        for one in executables(action):
            n_qubits = compute.width(one.source)
            if n_qubits > device.n_qubits:
                text = f"The circuit has {n_qubits} qubits; {device.name} has {device.n_qubits}"
                raise ServiceError("ValidationException", text)
        return device, action

    def _check_shots(self, device: FakeDevice, shots: int) -> None:
        low, high = device.shots
        if not low <= shots <= high:
            raise ServiceError(
                "ValidationException", f"Shots must be in [{low}, {high}] on {device.name}: {shots}"
            )

    def _check_program_set(
        self, device: FakeDevice, limits: tuple[int, int], action: dict[str, Any], shots: int
    ) -> None:
        n_executables = 0
        for index, program in enumerate(action["programs"]):
            lengths = {len(v) if isinstance(v, list) else 0 for v in (program.get("inputs") or {}).values()}
            if len(lengths) > 1 or 0 in lengths:
                failures = [{"programIndex": index, "errors": ["Inputs must be lists of the same length"]}]
                raise ServiceError(
                    "ValidationException",
                    "Program set validation failed.",
                    reason="ProgramSetValidationFailed",
                    programSetValidationFailures=failures,
                )
            n_executables += lengths.pop() if lengths else 1
        if n_executables > limits[0]:
            raise ServiceError("ValidationException", f"{n_executables} executables; at most {limits[0]}")
        if shots > limits[1]:
            raise ServiceError("ValidationException", f"{shots} shots in a program set; at most {limits[1]}")
        if shots % n_executables:
            raise ServiceError(
                "ValidationException", f"{shots} shots are not a multiple of {n_executables} executables"
            )
        self._check_shots(device, shots // n_executables)

    def _of_call(self, call: Call) -> Task:
        arn = "/".join(call.segments[1:]).removesuffix("/cancel")
        task = self._by_arn.get(arn)
        if task is None or task.region != call.region:
            raise ServiceError("ResourceNotFoundException", f"Quantum task {arn} not found", 404)
        return task

    def _get_quantum_task(self, call: Call) -> AWSResponse:
        task = self._of_call(call)
        self.clock.advance(self.seconds_per_poll)
        self.settle()
        asked = call.query.get("additionalAttributeNames", [])
        return wire.json_answer(call, task.document("QueueInfo" in asked))

    def _cancel_quantum_task(self, call: Call) -> AWSResponse:
        task = self._of_call(call)
        if task.status not in OPEN:
            raise ServiceError("ConflictException", f"Quantum task is in terminal state {task.status}", 409)
        if task.cancelled is None:
            task.cancelled = self.clock.now
            self.settle()
        status = task.status if task.status == "CANCELLED" else "CANCELLING"
        return wire.json_answer(call, {"quantumTaskArn": task.arn, "cancellationStatus": status})

    def _search_quantum_tasks(self, call: Call) -> AWSResponse:
        request = call.json
        latest = self.clock.now - self.search_delay_s
        found = [
            task.summary() for task in self.tasks if task.region == call.region and task.created <= latest
        ]
        for one in request["filters"]:
            found = [line for line in found if _matches(line, one)]
        first, size = int(request.get("nextToken", "0")), request.get("maxResults", 100)
        answer: dict[str, Any] = {"quantumTasks": found[first : first + size]}
        if first + size < len(found):
            answer["nextToken"] = str(first + size)
        return wire.json_answer(call, answer)

    def _end(self, task: Task) -> None:
        billed = bill.line(task)
        if billed:
            self.bill.append(billed)
        if task.status == "COMPLETED":
            since = (task.ended or 0.0) + task.result_late_s
            for key, text in results.files(task, self.one_result_file).items():
                self.buckets.put(task.request["outputS3Bucket"], key, text.encode(), since)


def _matches(line: dict[str, Any], one: dict[str, Any]) -> bool:
    names = {
        "quantumTaskArn": "quantumTaskArn",
        "deviceArn": "deviceArn",
        "status": "status",
        "createdAt": "createdAt",
    }
    if one["name"] not in names:
        raise ServiceError("ValidationException", f"Unknown filter {one['name']}")
    value, wanted = line[names[one["name"]]], one["values"]
    if one["name"] == "createdAt":
        value, wanted = datetime.fromisoformat(value), [datetime.fromisoformat(text) for text in wanted]
    tests = {
        "EQUAL": lambda: value in wanted,
        "LT": lambda: value < wanted[0],
        "LTE": lambda: value <= wanted[0],
        "GT": lambda: value > wanted[0],
        "GTE": lambda: value >= wanted[0],
        "BETWEEN": lambda: wanted[0] <= value <= wanted[1],
    }
    return tests[one["operator"]]()
