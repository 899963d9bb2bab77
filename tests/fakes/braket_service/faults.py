"""What can go wrong between a client and the service, as a programme that tests write.

A fault is put on the n-th call of an operation, or falls at random. A call is what the client made: botocore's own
retries of it are attempts of the same call, and a fault lasts through all of them unless `attempts` says how many.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ConnectionClosedError, EndpointConnectionError, ReadTimeoutError

from tests.fakes.braket_service.wire import Call, ServiceError

if TYPE_CHECKING:
    from tests.fakes.braket_service.tasks import Task

Act = Callable[[], AWSResponse]


class Killed(BaseException):
    """The process ends here, as under SIGKILL: no handler of ours may run, except that `finally` does in a test."""


@dataclass(frozen=True)
class Fault:
    """Abstract: what happens to a call. `act` does what the service would have done and gives its answer."""

    attempts: int | None = None  # None: every attempt of the call

    def strike(self, call: Call, act: Act) -> AWSResponse:
        raise NotImplementedError


@dataclass(frozen=True)
class Refused(Fault):
    """The service answers with an error and does nothing."""

    code: str = "InternalServiceException"
    message: str = "An internal error occurred."
    status: int = 500

    def strike(self, call: Call, act: Act) -> AWSResponse:
        raise ServiceError(self.code, self.message, self.status)


@dataclass(frozen=True)
class Throttled(Refused):
    code: str = "ThrottlingException"
    message: str = "Rate exceeded"
    status: int = 429


@dataclass(frozen=True)
class ServerError(Refused):
    """5xx, before anything was accepted."""


@dataclass(frozen=True)
class ServerErrorAfterAcceptance(Fault):
    """5xx, and yet the service has done what was asked."""

    def strike(self, call: Call, act: Act) -> AWSResponse:
        act()
        raise ServiceError("InternalServiceException", "An internal error occurred.", 500)


@dataclass(frozen=True)
class ExpiredToken(Refused):
    code: str = "ExpiredTokenException"
    message: str = "The security token included in the request is expired"
    status: int = 403


@dataclass(frozen=True)
class AccessDenied(Refused):
    code: str = "AccessDeniedException"
    message: str = "User is not authorized to perform this operation"
    status: int = 403


@dataclass(frozen=True)
class QuotaExceeded(Refused):
    code: str = "ServiceQuotaExceededException"
    message: str = "Concurrent quantum task limit exceeded"
    status: int = 402


@dataclass(frozen=True)
class DeviceOffline(Refused):
    code: str = "DeviceOfflineException"
    message: str = "Device is offline"
    status: int = 424


@dataclass(frozen=True)
class DeviceRetired(Refused):
    code: str = "DeviceRetiredException"
    message: str = "Device is retired"
    status: int = 410


@dataclass(frozen=True)
class RequestLost(Fault):
    """The request never arrives: nothing was accepted, and the client cannot know."""

    def strike(self, call: Call, act: Act) -> AWSResponse:
        raise EndpointConnectionError(endpoint_url=call.url, error="the request was lost")


@dataclass(frozen=True)
class ReplyLost(Fault):
    """The service accepts, and the client waits in vain for the reply."""

    def strike(self, call: Call, act: Act) -> AWSResponse:
        act()
        raise ReadTimeoutError(endpoint_url=call.url, error="the reply was lost")


@dataclass(frozen=True)
class ConnectionClosed(Fault):
    """The service accepts, and the connection breaks before the reply."""

    def strike(self, call: Call, act: Act) -> AWSResponse:
        act()
        raise ConnectionClosedError(endpoint_url=call.url)


@dataclass(frozen=True)
class Kill(Fault):
    """The client's process is killed, before or after the service has acted."""

    after: bool = True

    def strike(self, call: Call, act: Act) -> AWSResponse:
        if self.after:
            act()
        raise Killed(f"killed {'after' if self.after else 'before'} {call.operation}")


@dataclass(frozen=True)
class Interrupt(Fault):
    """Ctrl-C, before or after the service has acted."""

    after: bool = True

    def strike(self, call: Call, act: Act) -> AWSResponse:
        if self.after:
            act()
        raise KeyboardInterrupt


# --- what can go wrong with an accepted task ----------------------------------------------------------------------


@dataclass(frozen=True)
class Fate:
    """Abstract: what becomes of a task once the service has accepted it."""

    def mark(self, task: Task) -> None:
        raise NotImplementedError


@dataclass(frozen=True)
class Fails(Fate):
    reason: str = "The device could not run the circuit"

    def mark(self, task: Task) -> None:
        task.failure = self.reason


@dataclass(frozen=True)
class StuckInQueue(Fate):
    """Queued for so long that every time-out is reached; a cancellation still works."""

    seconds: float = 30 * 86400.0

    def mark(self, task: Task) -> None:
        task.queue_s = self.seconds


@dataclass(frozen=True)
class LateResult(Fate):
    """COMPLETED and billed, and the object appears in S3 only after `seconds`."""

    seconds: float = 5.0

    def mark(self, task: Task) -> None:
        task.result_late_s = self.seconds


# --- the programme ------------------------------------------------------------------------------------------------

TRANSIENT: tuple[Fault, ...] = (
    Throttled(),
    Throttled(attempts=2),
    ServerError(),
    ServerErrorAfterAcceptance(),
    RequestLost(),
    ReplyLost(),
    ConnectionClosed(),
)
DEADLY: tuple[Fault, ...] = (
    Kill(after=True),
    Kill(after=False),
    Interrupt(after=True),
    Interrupt(after=False),
)
REFUSALS: tuple[Fault, ...] = (ExpiredToken(), AccessDenied(), QuotaExceeded())
FATES: tuple[Fate, ...] = (Fails(), StuckInQueue(), LateResult())


@dataclass
class Faults:
    """When which fault strikes. `struck` is the record: (operation, number of the call, fault)."""

    seed: int = 0
    calls: Counter[str] = field(default_factory=Counter)
    struck: list[tuple[str, int, Fault | Fate]] = field(default_factory=list)

    ANY: ClassVar[str] = "*"

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._planned: dict[tuple[str, int], Fault] = {}
        self._fates: dict[int, Fate] = {}
        self._rates: list[tuple[float, tuple[Fault, ...], frozenset[str] | None]] = []
        self._fate_rates: list[tuple[float, tuple[Fate, ...]]] = []
        self._invocations: dict[
            str, tuple[Fault | None, int]
        ] = {}  # the last calls' faults and attempts so far

    def at_call(self, operation: str, number: int, fault: Fault) -> None:
        """On the `number`-th call (from 1) of this operation, "*" for calls of any operation."""
        self._planned[operation, number] = fault

    def of_task(self, number: int, fate: Fate) -> None:
        """The `number`-th task (from 1) that the service accepts."""
        self._fates[number] = fate

    def random(
        self,
        rate: float,
        kinds: Sequence[Fault] = TRANSIENT + DEADLY,
        operations: Sequence[str] | None = None,
    ) -> None:
        """Each call is struck with probability `rate`, by one of `kinds`."""
        chosen = None if operations is None else frozenset(operations)
        self._rates.append((rate, tuple(kinds), chosen))

    def random_fates(self, rate: float, kinds: Sequence[Fate] = FATES) -> None:
        """Each accepted task meets one of `kinds` with probability `rate`."""
        self._fate_rates.append((rate, tuple(kinds)))

    def stop(self) -> None:
        """No more faults: what is planned and what falls at random is taken back."""
        self._planned.clear()
        self._fates.clear()
        self._rates.clear()
        self._fate_rates.clear()
        self._invocations.clear()

    def strike(self, call: Call, act: Act) -> AWSResponse:
        known = self._invocations.get(call.invocation) if call.invocation else None
        if known is None:
            fault, attempt = self._draw(call), 1
            if len(self._invocations) > 1000:
                self._invocations.clear()
        else:
            fault, attempt = known[0], known[1] + 1
        self._invocations[call.invocation] = fault, attempt
        if fault is None or (fault.attempts is not None and attempt > fault.attempts):
            return act()
        return fault.strike(call, act)

    def fate(self, number: int, task: Task) -> None:
        fate = self._fates.pop(number, None)
        for rate, kinds in self._fate_rates:
            if fate is None and self._random.random() < rate:
                fate = self._random.choice(kinds)
        if fate is not None:
            self.struck.append(("task", number, fate))
            fate.mark(task)

    def _draw(self, call: Call) -> Fault | None:
        self.calls[call.operation] += 1
        self.calls[self.ANY] += 1
        fault = self._planned.pop((call.operation, self.calls[call.operation]), None)
        fault = fault or self._planned.pop((self.ANY, self.calls[self.ANY]), None)
        for rate, kinds, operations in self._rates:
            concerned = operations is None or call.operation in operations
            if concerned and fault is None and self._random.random() < rate:
                fault = self._random.choice(kinds)
        if fault is not None:
            self.struck.append((call.operation, self.calls[call.operation], fault))
        return fault
