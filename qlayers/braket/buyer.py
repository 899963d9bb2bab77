"""Buying: reserve, send, wait, collect; and find again what a crash has left behind.

What is paid for is never lost, nor bought again, because each step is in the ledger before it is taken:

* A task is RESERVED in the same transaction that checks the budget.
* It is SENDING before the request leaves. If its answer is lost, by whatever cause, the next attempt or the next run
  asks the service for a task with its token, and sends the same request under the same token only if there is none.
* Its ARN is written when the answer is there, its results together with its last state.
* It is released or refused only if the service has certainly not accepted it.

A process that is killed needs no farewell: nothing here relies on ``finally``.
"""

from __future__ import annotations

import dataclasses
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn

import numpy as np

from qlayers.braket.clock import Clock
from qlayers.braket.errors import QuotaError, ServiceError, UnavailableError
from qlayers.braket.program_sets import Job, grouped, request_of
from qlayers.braket.results import Results, read_results
from qlayers.braket.session import NotAccepted, Service
from qlayers.braket.terms import Terms
from qlayers.errors import ConfigurationError, ExecutionWarning, QlayersError
from qlayers.spending.cache import Cache
from qlayers.spending.ledger import OPEN, Entry, Ledger, Overtaken, Purchase
from qlayers.spending.plan import Plan
from qlayers.spending.spent import Spent

_FACTS_LAST_SECONDS = 60.0
_RESULTS_LATE_SECONDS = 600.0  # between COMPLETED and the results' being there
_SET_REFUSED = "ValidationException"

MakePlan = Callable[[Terms, "list[list[Job]]"], Plan]


class _SetRefused(Exception):  # noqa: N818 - turned into single tasks
    """The device does not take program sets."""


class Buyer:
    """Buys results for one device.

    Args:
        terms: On which.
        ledger: Where it is written down.
        connect: Makes the connection to the service; called when something is to be sent or collected.
        clock: To wait by.
        spent: What is counted.
        make_plan: Makes the plan of a purchase, for the message of a refusal.
    """

    def __init__(
        self,
        terms: Terms,
        ledger: Ledger,
        connect: Callable[[], Service],
        clock: Clock,
        spent: Spent,
        make_plan: MakePlan,
    ) -> None:
        self.terms, self.ledger, self.cache = terms, ledger, Cache(ledger)
        self._connect, self._clock, self._spent, self._make_plan = connect, clock, spent, make_plan
        self._service: Service | None = None
        self._bucket: str | None = None
        self._sets_refused = False
        self._bought: Counter[str] = Counter()
        self._asked_at = float("-inf")

    def obtain(self, jobs: Sequence[Job]) -> dict[str, np.ndarray]:
        """Results of circuits, bought where they are not there yet.

        Args:
            jobs: Circuits with different keys, all of as many qubits.

        Returns:
            By key, bit strings of shape ``(shots, n_qubits)``.

        Raises:
            BudgetExceeded: It would cost more than the budget; nothing was sent.
            ConfigurationError: The device cannot do it, or there are no credentials; nothing was sent.
            UnavailableError: The device is offline, a task failed, or took too long.
            ServiceError: Something else went wrong.
        """
        jobs = list(jobs)
        self._bought = Counter()
        failures: list[str] = []
        while True:
            have = self.cache.get([job.key for job in jobs])
            missing = [job for job in jobs if job.key not in have]
            if not missing:
                return have
            if self._is_over(missing):
                raise UnavailableError(_failed(failures, len(missing), self.terms))
            try:
                failures = self._round(missing)
            except Overtaken:
                self._clock.sleep(self.terms.poll_seconds)  # another process is buying the same
            except _SetRefused:
                continue
            except KeyboardInterrupt:
                self._interrupted([job.key for job in missing])
                raise

    def _is_over(self, missing: list[Job]) -> bool:
        """Whether a circuit was bought in this call as often as it may be, and has failed each time.

        What an earlier run has bought does not count: running again is how its user asks for another attempt.
        """
        entries = self.ledger.latest([job.key for job in missing])
        return any(
            self._bought[job.key] > self.terms.repeat_failed and entries[job.key].status not in OPEN
            for job in missing
            if job.key in entries
        )

    def cancel_open(self, jobs: Sequence[Job]) -> int:
        """Ask for the cancellation of all tasks of these circuits that have not ended; how many there are."""
        return self._cancel([job.key for job in jobs])

    # ---------------------------------------------------------------- one round

    def _round(self, missing: list[Job]) -> list[str]:
        """Send what has to be sent, and collect all; returns what failed."""
        entries = self.ledger.latest([job.key for job in missing])
        left = {entry.token: entry for entry in entries.values() if entry.status in OPEN}
        wanted = [job for job in missing if job.key not in entries or entries[job.key].status not in OPEN]
        requests: dict[str, str] = {}
        if wanted:
            attempts = {key: entry.attempt + 1 for key, entry in entries.items()}
            reserved = self._reserve(wanted, attempts)
            requests = {purchase.token: purchase.request for purchase in reserved}
            # Counted here, taken back where nothing was bought after all.
            self._bought.update(key for purchase in reserved for key in purchase.keys)
        failures: list[str] = []
        for entry in left.values():
            self._spent.note_task(entry.token, entry.usd_at_most)
        requests = {**self._left_unsent(list(left.values())), **requests}
        under_way = [token for token, entry in left.items() if entry.arn is not None]
        for number, (token, request) in enumerate(requests.items()):
            try:
                self._send(token, request)
            except QuotaError as error:
                if not under_way:
                    raise self._giving_up(error, list(requests)[number:], under_way) from None
                failures += self._collect(under_way, missing[0].n_qubits)
                under_way = []
                self._try(token, request, list(requests)[number:])
            except (QlayersError, _SetRefused) as error:
                raise self._giving_up(error, list(requests)[number:], under_way) from None
            under_way.append(token)
        # What was found again by its token is under way as well.
        found = [token for token in left if token not in under_way and token not in requests]
        return failures + self._collect(list(dict.fromkeys(under_way + found)), missing[0].n_qubits)

    def _try(self, token: str, request: str, rest: list[str]) -> None:
        try:
            self._send(token, request)
        except (QlayersError, _SetRefused) as error:
            failed: Exception = error
        else:
            return
        raise self._giving_up(failed, rest, [])

    def _giving_up(self, error: Exception, rest: list[str], under_way: list[str]) -> Exception:
        """Release what was not sent, and say what becomes of what was."""
        self.ledger.release(rest)
        if not under_way or not isinstance(error, QlayersError):
            return error
        tasks = "1 task was" if len(under_way) == 1 else f"{len(under_way)} tasks were"
        return type(error)(f"{error} {tasks} sent before; run again to collect what was bought.")

    # ---------------------------------------------------------------- reserving

    def _reserve(self, wanted: list[Job], attempts: Mapping[str, int]) -> list[Purchase]:
        """Check everything that can be checked before something is spent, and reserve it."""
        # Before the service is asked, so that the plan is there without credentials.
        groups = self._grouped(wanted)
        plan = self._make_plan(self.terms, groups)
        self.terms.budget.check(self.ledger.spent(self.terms.project), plan.amount, str(plan))
        self._check_service(wanted)
        groups = self._grouped(wanted)
        plan = self._make_plan(self.terms, groups)
        facts, service = self.terms.facts, self._connected()
        self._bucket = self._bucket or service.bucket()
        purchases = []
        for group in groups:
            shots = sum(job.shots for job in group)
            purchases.append(
                Purchase(
                    keys=tuple(job.key for job in group),
                    shots=shots,
                    program_set=len(group) > 1,
                    usd=self.terms.price(shots),
                    usd_at_most=self.terms.price_at_most(shots),
                    request=request_of(facts.arn, group, self._bucket),
                    attempt=max(attempts.get(job.key, 0) for job in group),
                )
            )
        return self.ledger.reserve(
            self.terms.project, facts.name, facts.arn, purchases, self.terms.budget, str(plan)
        )

    def _grouped(self, jobs: list[Job]) -> list[list[Job]]:
        return grouped(jobs, None if self._sets_refused else self.terms.set_limits)

    def _check_service(self, wanted: list[Job]) -> None:
        """What the device says of itself now: whether it is there, and takes what is wanted at the price expected."""
        facts = self.terms.facts
        if self._clock.time() - self._asked_at > _FACTS_LAST_SECONDS:
            facts = facts.updated(self._connected().device(facts.arn))
            self._asked_at = self._clock.time()
            shared = not self._sets_refused and self.terms.set_limits is not None and len(wanted) > 1
            if shared and facts.program_sets is None:
                self._take_single_tasks(f"{facts.name} takes no program sets any more.")
        for job in wanted:
            facts.check_usable(job.n_qubits, job.shots)
        prices = self.terms.prices
        unit = {"shot": prices.per_shot, "minute": prices.per_minute}.get(facts.price_unit or "")
        if facts.price is not None and unit is not None and abs(unit - facts.price) > 1e-9:
            said = (
                f"{facts.name} says that a {facts.price_unit} costs ${facts.price:g}, and pricing, as of "
                f"{prices.as_of}, has ${unit:g}. Set "
                f"pricing.devices.{facts.name}.per_{facts.price_unit}={facts.price:g}."
            )
            if facts.price > unit:
                raise ConfigurationError(f"Not sent: {said}")
            warnings.warn(said, ExecutionWarning, stacklevel=2)
        self.terms = dataclasses.replace(self.terms, facts=facts)

    def _connected(self) -> Service:
        if self._service is None:
            self._service = self._connect()
        return self._service

    # ---------------------------------------------------------------- sending

    def _left_unsent(self, left: list[Entry]) -> dict[str, str]:
        """What an earlier run has written, and may or may not have sent: token → request of what must be sent now."""
        unsent = {entry.token: entry for entry in left if entry.arn is None}
        unknown = [entry for entry in unsent.values() if entry.status == "SENDING"]
        if unknown:
            since = min(entry.sent_at or entry.written_at for entry in unknown)
            tokens = {entry.token for entry in unknown}
            for token, arn in self._connected().find(self.terms.facts.arn, tokens, since).items():
                self.ledger.accepted(token, arn)
                del unsent[token]
        return {token: entry.request for token, entry in unsent.items() if entry.request is not None}

    def _send(self, token: str, request: str) -> None:
        """Send one task under its token, and write down its ARN."""
        if not self.ledger.sending(token):
            if self.ledger.entry(token).arn is not None:
                return  # another process has sent it
            raise Overtaken
        failure: NotAccepted | None = None
        service = self._connected()
        try:
            arn = service.create(request, token, self.terms.project)
        except NotAccepted as error:
            failure = error
        else:
            self.ledger.accepted(token, arn)
            entry = self.ledger.entry(token)
            self._spent.note_task(token, entry.usd_at_most)
            self._spent.circuits += entry.circuits
            self._spent.shots += entry.shots
            return
        self._spent.add_failure(failure.code)
        entry = self.ledger.entry(token)
        if failure.certain:
            again = isinstance(failure.reason, QuotaError)
            noted = self.ledger.refused(token, failure.code, again=again)
            if noted and entry.program_set and failure.code == _SET_REFUSED:
                self._take_single_tasks(str(failure.reason))
            if noted:
                raise failure.reason
        raise ServiceError(
            f"{failure.reason} Whether the task was accepted is not known. Its price stays reserved; run "
            "again to find out."
        )

    def _take_single_tasks(self, reason: str) -> NoReturn:
        """Go on without program sets, if that is the declared policy."""
        if self.terms.if_set_refused != "single":
            raise ServiceError(
                f"{reason} Nothing was bought. backend.if_set_refused=single sends single tasks then, which cost a "
                "fee each."
            )
        warnings.warn(
            f"{reason} Circuits are sent in tasks of their own, which cost a fee each.",
            ExecutionWarning,
            stacklevel=2,
        )
        self._sets_refused = True
        self._bought.clear()
        raise _SetRefused

    # ---------------------------------------------------------------- collecting

    def _collect(self, tokens: list[str], n_qubits: int) -> list[str]:
        """Wait for tasks, and write what they return and cost; returns what failed.

        Raises:
            UnavailableError: They took too long. They go on; the next run collects them.
        """
        failures: list[str] = []
        open_tasks = {token: self.ledger.entry(token) for token in tokens}
        # When a task was last known not to run yet.
        idle = {token: entry.sent_at or entry.written_at for token, entry in open_tasks.items()}
        completed: dict[str, float] = {}
        started = self._clock.time()
        while True:
            for token in list(open_tasks):
                entry = self._refresh(open_tasks[token], idle, completed, n_qubits, failures)
                if entry.status in OPEN:
                    open_tasks[token] = entry
                else:
                    del open_tasks[token]
            if not open_tasks:
                return failures
            if self._clock.time() - started >= self.terms.timeout_seconds:
                break
            self._clock.sleep(self.terms.poll_seconds)
        self._spent.add_failure("timeout")
        raise UnavailableError(
            f"{_tasks(len(open_tasks))} on {self.terms.facts.name} had no results after "
            f"{self.terms.timeout_seconds:g} s (backend.timeout_seconds). {_go_on(len(open_tasks))}"
        )

    def _refresh(
        self,
        entry: Entry,
        idle: dict[str, float],
        completed: dict[str, float],
        n_qubits: int,
        failures: list[str],
    ) -> Entry:
        """Ask for one task, and write what has changed."""
        token = entry.token
        assert entry.arn is not None
        task = self._connected().task(entry.arn)
        now, status = self._clock.time(), str(task["status"])
        changes: dict[str, Any] = {} if status == entry.status else {"status": status}
        created = _seconds(task.get("createdAt"))
        if status in ("CREATED", "QUEUED"):
            idle[token] = now
        elif status == "RUNNING" and entry.started_at is None:
            changes |= {"started_at": now, "queue_seconds": max(0.0, now - (created or now))}
        if status == "COMPLETED":
            completed.setdefault(token, now)
            if self._take(entry, task, changes, n_qubits, failures):
                return self.ledger.entry(token)
            if now - completed[token] >= _RESULTS_LATE_SECONDS:
                self.ledger.update(token, **changes)
                raise ServiceError(
                    f"The task {entry.arn} is completed, and its results are not in S3. Run again later to "
                    "collect them."
                )
        elif status in ("FAILED", "CANCELLED"):
            self._end_without_result(entry, task, changes, failures)
            saved = self._saved(entry, task, n_qubits) if entry.program_set and status == "FAILED" else {}
            self.ledger.collected(token, saved, **changes)
            return self.ledger.entry(token)
        elif status == "RUNNING":
            self._stop_if_too_long(entry, now - idle[token])
        self.ledger.update(token, **changes)
        return self.ledger.entry(token) if changes else entry

    def _take(
        self,
        entry: Entry,
        task: Mapping[str, Any],
        changes: dict[str, Any],
        n_qubits: int,
        failures: list[str],
    ) -> bool:
        """Fetch a completed task's results and write them down; False if they are not there yet."""
        service = self._connected()
        try:
            results = self._read(entry, task, n_qubits)
        except FileNotFoundError:
            return False
        created, ended = _seconds(task.get("createdAt")), _seconds(task.get("endedAt"))
        began = changes.get("started_at", entry.started_at)
        ran = None if results.milliseconds is None else results.milliseconds / 1000
        if ran is None and began is not None and ended is not None:
            ran = max(0.0, ended - began)
        usd = self._tracked(int(task["shots"]), ran, created, ended)
        changes |= {"ended_at": ended, "run_seconds": ran, "usd_tracked": usd}
        keys = self.ledger.keys(entry.token)
        bought = {key: bits for key, bits in zip(keys, results.bits, strict=True) if bits is not None}
        if len(bought) < len(keys):
            changes["failure"] = f"{len(keys) - len(bought)} of {len(keys)} circuits failed"
            failures.append(changes["failure"])
            self._spent.add_failure("circuit")
        changes.pop("status", None)
        self.ledger.collected(entry.token, bought, **changes)
        service.completed(str(entry.arn), results.milliseconds)
        self._spent.note_task(entry.token, usd)
        queued = changes.get("queue_seconds", entry.queue_seconds)
        self._spent.queue_seconds += queued or 0.0
        self._spent.run_seconds += ran or 0.0
        if usd > entry.usd_at_most + 1e-9:
            warnings.warn(
                f"The task {entry.arn} cost ${usd:.4f}, and ${entry.usd_at_most:.4f} were reserved: it ran for "
                f"{ran} s. Raise backend.seconds_at_most.",
                ExecutionWarning,
                stacklevel=2,
            )
        return True

    def _saved(self, entry: Entry, task: Mapping[str, Any], n_qubits: int) -> dict[str, np.ndarray]:
        """Results of a failed program set's circuits that did not fail themselves, if it has left any."""
        try:
            results = self._read(entry, task, n_qubits)
        except (FileNotFoundError, ServiceError):
            return {}
        found = zip(self.ledger.keys(entry.token), results.bits, strict=True)
        return {key: bits for key, bits in found if bits is not None}

    def _read(self, entry: Entry, task: Mapping[str, Any], n_qubits: int) -> Results:
        shots = entry.shots // entry.circuits
        where = task["outputS3Bucket"], task["outputS3Directory"]
        return read_results(self._connected().read, *where, entry.circuits, n_qubits, shots)

    def _tracked(self, shots: int, ran: float | None, created: float | None, ended: float | None) -> float:
        """What a completed task costs, by what the service says of it; as the SDK's tracker counts."""
        prices = self.terms.prices
        if not prices.by_the_minute:
            return prices.of_shots(1, shots)
        if ran is None:  # at most: the wait included
            ran = (ended or 0.0) - (created or 0.0)
        return prices.of_seconds(ran)

    def _end_without_result(
        self, entry: Entry, task: Mapping[str, Any], changes: dict[str, Any], failures: list[str]
    ) -> None:
        """Note a task that failed or was cancelled; the budget goes on to count it in full."""
        status = str(task["status"])
        reason = self._connected().scrubbed(str(task.get("failureReason") or status.lower()))
        changes |= {
            "status": status,
            "collected_at": None,
            "failure": reason,
            "ended_at": _seconds(task.get("endedAt")),
            "usd_tracked": 0.0,
        }
        if self.terms.prices.by_the_minute and entry.started_at is not None:
            ran = max(0.0, (changes["ended_at"] or self._clock.time()) - entry.started_at)
            changes |= {"run_seconds": ran, "usd_tracked": self.terms.prices.of_seconds(ran)}
        failures.append(f"{entry.arn}: {reason}")
        self._spent.add_failure(status)

    def _stop_if_too_long(self, entry: Entry, seconds: float) -> None:
        """Cancel a task on a simulator before it costs more than was reserved for it."""
        if (
            not self.terms.prices.by_the_minute
            or seconds + self.terms.poll_seconds < self.terms.seconds_at_most
        ):
            return
        warnings.warn(
            f"The task {entry.arn} has run for about {seconds:.0f} s and is cancelled: "
            f"{self.terms.seconds_at_most:g} s were reserved (backend.seconds_at_most).",
            ExecutionWarning,
            stacklevel=2,
        )
        assert entry.arn is not None
        self._connected().cancel(entry.arn)

    # ---------------------------------------------------------------- Ctrl-C

    def _interrupted(self, keys: list[str]) -> None:
        """Do with what has been sent as declared, and say it."""
        entries = {entry.token: entry for entry in self.ledger.latest(keys).values() if entry.status in OPEN}
        self.ledger.release(list(entries))
        sent = [entry for entry in entries.values() if entry.status != "RESERVED"]
        if not sent:
            return
        policy = self.terms.on_interrupt
        if policy == "ask":
            policy = "cancel" if _agreed(len(sent), self.terms.facts.name) else "leave"
        if policy == "cancel":
            number = self._cancel(keys)
            _say(
                f"The cancellation of {_tasks(number)} was asked for. What ends before it is billed; run again to "
                "collect it."
            )
        else:
            arns = [entry.arn for entry in sent if entry.arn is not None]
            how = f" To cancel them: {' ; '.join(_command(arn) for arn in arns)}" if arns else ""
            _say(f"{_tasks(len(sent))} on {self.terms.facts.name} had been sent. {_go_on(len(sent))}{how}")

    def _cancel(self, keys: list[str]) -> int:
        entries = {entry.token: entry for entry in self.ledger.latest(keys).values() if entry.status in OPEN}
        self._left_unsent(list(entries.values()))
        number = 0
        for token in entries:
            entry = self.ledger.entry(token)
            if entry.arn is not None and entry.status in OPEN:
                self._connected().cancel(entry.arn)
                self.ledger.update(token, status="CANCELLING")
                number += 1
        return number


def _failed(failures: list[str], circuits: int, terms: Terms) -> str:
    again = "" if terms.repeat_failed == 0 else f" They were bought {terms.repeat_failed + 1} times."
    return (
        f"{_tasks(len(failures))} on {terms.facts.name} failed, and {_without(circuits)} no results: "
        f"{'; '.join(failures[:3])}{' …' if len(failures) > 3 else ''}.{again} Results of the others are in the ledger "
        "and cost nothing when this is run again, which buys the failed ones anew (backend.repeat_failed does so by "
        "itself)."
    )


def _tasks(number: int) -> str:
    return "1 task" if number == 1 else f"{number} tasks"


def _without(circuits: int) -> str:
    return "1 circuit has" if circuits == 1 else f"{circuits} circuits have"


def _go_on(number: int) -> str:
    it = "It goes" if number == 1 else "They go"
    return f"{it} on, and will be billed; run again to collect the results."


def _command(arn: str) -> str:
    return f"aws braket cancel-quantum-task --region {arn.split(':')[3]} --quantum-task-arn {arn}"


def _agreed(number: int, device: str) -> bool:
    """Whether the user wants tasks cancelled; no, where there is nobody to ask."""
    if not (sys.stdin and sys.stdin.isatty() and sys.stderr.isatty()):
        return False
    _say(f"{_tasks(number)} on {device} had been sent. Cancel what has not ended? [y/N] ", end="")
    return sys.stdin.readline().strip().lower() in ("y", "yes")


def _say(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _seconds(moment: Any) -> float | None:
    return None if moment is None else float(moment.timestamp())
