"""Randomised fault sequences: a client is struck, killed and started again, and judged by the fake's record.

The client is a callable, so that this judge knows nothing of how it works: it is given the service, circuits, a budget
and the path of its ledger, and returns each circuit's bit strings. What it bought is read from the fake's own bill, and
only compared with what its ledger says.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pennylane as qp
from pennylane.tape import QuantumScript

from tests.fakes.braket_service import FakeBraket, Killed, faults, prices
from tests.fakes.braket_service.devices import CEPHEUS, DM1, FORTE, GARNET, SV1, FakeDevice
from tests.fakes.braket_service.tasks import Task

DEVICES = (GARNET, CEPHEUS, FORTE, SV1, DM1)
# Few angles, so that the fake computes each circuit once a process.
ANGLES = tuple(round(0.05 + 0.1 * k, 2) for k in range(30))
CENT = Decimal("1e-9")  # what floating point may lose


@dataclass(frozen=True)
class Limits:
    """What a client may spend."""

    usd: float
    tasks: int
    shots: int


@dataclass(frozen=True)
class LedgerLine:
    """What the client's ledger says of one task that was accepted."""

    usd_predicted: float
    usd_at_most: float
    has_results: bool
    usd_tracked: float | None = None


class RunClient(Protocol):
    """One life of a client's process. It raises what it likes; `Killed` and KeyboardInterrupt must pass through."""

    def __call__(
        self, service: FakeBraket, circuits: list[QuantumScript], budget: Limits, ledger_path: Path, seed: int
    ) -> Sequence[np.ndarray]: ...


ReadLedger = Callable[[Path], dict[str, LedgerLine]]
"""Path → ARN → line; an empty dict where there is no ledger yet."""


@dataclass
class Case:
    """One sequence: what is wanted, what the client may spend, what goes wrong."""

    seed: int
    device: FakeDevice
    circuits: list[QuantumScript]
    shots: int
    budget: Limits
    ample: bool  # whether the budget is enough if nothing fails
    service: FakeBraket
    long_pauses: bool = False


@dataclass
class Verdict:
    """What the judge found. `violations` is empty for a good client."""

    seed: int
    violations: list[str] = field(default_factory=list)
    lives: int = 0
    kills: int = 0
    errors: list[str] = field(default_factory=list)
    ended: str = "never"  # "results", "refused"
    billed_usd: Decimal = Decimal(0)
    struck: int = 0

    def __str__(self) -> str:
        what = f"seed {self.seed}: {self.ended} after {self.lives} lives, ${self.billed_usd}, errors {self.errors}"
        return what + "".join(f"\n  - {violation}" for violation in self.violations)


def circuit(angle: float, shots: int) -> QuantumScript:
    operations = [qp.RX(angle, wires=0), qp.CNOT(wires=[0, 1])]
    return QuantumScript(operations, [qp.sample(wires=[0, 1])], shots=shots)


def make_case(seed: int, devices: Sequence[FakeDevice] = DEVICES, long_pauses: bool = False) -> Case:
    """A case as a function of the seed.

    Args:
        seed: Of everything.
        devices: One of them is used.
        long_pauses: Whether days may pass between two lives of the client, in which the service forgets client tokens:
            then a client must look for its tasks before it sends them again.
    """
    rng = random.Random(seed)
    device = rng.choice(devices)
    n_circuits = rng.randint(1, 5)
    shots = rng.choice([100, 120, 150])
    service = FakeBraket(
        seed,
        seconds_per_poll=rng.choice([0.0, 1.0]),
        queue_s=rng.choice([0.0, 1.0, 30.0]),
        qpu_run_s=rng.choice([0.5, 3.0]),
        late_cancellation=rng.choice(["completes", "cancels"]),
        token_lifetime_s=86400.0 if long_pauses else None,
        search_delay_s=rng.choice([0.0, 0.0, 10.0]),
        concurrent_tasks=rng.choice([None, None, 2]),
    )
    rate = rng.choice([0.0, 0.05, 0.15, 0.3])
    service.faults.random(rate, faults.TRANSIENT)
    service.faults.random(rng.choice([0.0, 0.02, 0.1]), faults.DEADLY)
    # Where it hurts most: between the acceptance and the client's knowledge of it.
    lost = (faults.ReplyLost(), faults.ConnectionClosed(), faults.Kill(after=True), faults.Kill(after=False))
    service.faults.random(rng.choice([0.0, 0.2, 0.5]), lost, ["CreateQuantumTask"])
    service.faults.random(rng.choice([0.0, 0.0, 0.03]), faults.REFUSALS)
    service.faults.random_fates(rng.choice([0.0, 0.0, 0.2]))
    enough = Decimal(n_circuits) * (
        prices.qpu_usd(device.key, shots) if device.kind == "QPU" else prices.simulator_usd(device.key, 60.0)
    )
    ample = rng.random() < 0.85
    factor = Decimal(1) if ample else Decimal(str(rng.choice([0.0, 0.1])))
    budget = Limits(float(enough * factor), n_circuits, n_circuits * shots)
    circuits = [circuit(angle, shots) for angle in rng.sample(ANGLES, n_circuits)]
    return Case(seed, device, circuits, shots, budget, ample, service, long_pauses)


def run_sequence(
    case: Case,
    run_client: RunClient,
    read_ledger: ReadLedger,
    ledger_path: Path,
    refusals: tuple[type[Exception], ...],
    troubled_lives: int = 6,
    calm_lives: int = 3,
) -> Verdict:
    """Run the client through one case and judge it.

    Args:
        case: From `make_case`.
        run_client: One life of the client; it is called again with the same arguments until it ends.
        read_ledger: What its ledger says.
        ledger_path: Its ledger's file, the same in all its lives.
        refusals: Errors by which the client says that the budget is not enough.
        troubled_lives: After so many lives the faults stop.
        calm_lives: After so many more, time passes until no task is open, and the client has a last life.
    """
    verdict = Verdict(case.seed)
    service = case.service
    between = random.Random(case.seed + 1)
    results: Sequence[np.ndarray] | None = None
    last = troubled_lives + calm_lives
    with service.running():
        for life in range(last + 1):
            if life == troubled_lives:
                service.faults.stop()
                service.concurrent_tasks = None
            if life == last:
                service.finish()
            verdict.lives += 1
            try:
                results = run_client(service, case.circuits, case.budget, ledger_path, case.seed)
                verdict.ended = "results"
                break
            except Killed:
                verdict.kills += 1
            except KeyboardInterrupt:
                verdict.kills += 1
            except refusals as error:
                verdict.errors.append(f"{type(error).__name__}: {error}"[:200])
                if life >= troubled_lives:
                    verdict.ended = "refused"
                    break
            except Exception as error:
                verdict.errors.append(f"{type(error).__name__}: {error}"[:200])
            service.clock.advance(between.choice([0.0, 1.0, 60.0, *[172_800.0] * case.long_pauses]))
        service.faults.stop()
        service.finish()
    verdict.struck = len(service.faults.struck)
    verdict.billed_usd = service.billed_usd
    judge(case, verdict, results, read_ledger(ledger_path))
    service.give_back_sessions()
    return verdict


def judge(
    case: Case, verdict: Verdict, results: Sequence[np.ndarray] | None, ledger: dict[str, LedgerLine]
) -> None:
    """Write into the verdict where the client fell short, by the fake's record."""
    service, found = case.service, verdict.violations
    failed = [task for task in service.tasks if task.status in {"FAILED", "CANCELLED"}]
    if verdict.ended == "never":
        found.append(f"did not end; the last errors were {verdict.errors[-2:]}")
    if verdict.ended == "refused" and case.ample and not failed:
        found.append("refused within its budget, though no task failed")

    # Nothing is bought twice. Every circuit of a case is another one.
    paid = [service.task(line.arn) for line in service.bill]
    completed = [task for task in paid if task.status == "COMPLETED"]
    bought = Counter(
        (one.source, tuple(sorted(one.inputs.items()))) for task in completed for one in task.executables()
    )
    twice = {what: n for what, n in bought.items() if n > 1}
    if twice:
        found.append(
            f"{len(twice)} of {len(case.circuits)} circuits were bought more than once: {list(twice.values())}"
        )

    # The budget is never exceeded.
    limits = case.budget
    if service.billed_usd > Decimal(str(limits.usd)) + CENT:
        found.append(f"billed ${service.billed_usd} of a budget of ${limits.usd}")
    if case.device.kind == "QPU" and service.highest_commitment > Decimal(str(limits.usd)) + CENT:
        found.append(
            f"${service.highest_commitment} were billed and open at a time, of a budget of ${limits.usd}"
        )
    if len(paid) > limits.tasks:
        found.append(f"{len(paid)} tasks were billed; the budget has {limits.tasks}")
    shots = sum(line.shots for line in service.bill)
    if shots > limits.shots:
        found.append(f"{shots} shots were billed; the budget has {limits.shots}")

    # What the ledger says of what was paid.
    for line in service.bill:
        task, known = service.task(line.arn), ledger.get(line.arn)
        if known is None:
            found.append(f"{line.arn} was billed and is not in the ledger")
            continue
        if task.status == "COMPLETED" and not known.has_results and verdict.ended == "results":
            found.append(f"{line.arn} was paid for and its results are not in the ledger")
        if task.device.kind == "QPU":
            if abs(Decimal(str(known.usd_predicted)) - line.usd) > CENT:
                found.append(f"{line.arn}: ${known.usd_predicted} predicted, ${line.usd} billed")
            if (
                known.has_results
                and known.usd_tracked is not None
                and abs(Decimal(str(known.usd_tracked)) - line.usd) > CENT
            ):
                found.append(f"{line.arn}: ${known.usd_tracked} tracked, ${line.usd} billed")
        elif Decimal(str(known.usd_at_most)) + CENT < line.usd:
            found.append(f"{line.arn}: at most ${known.usd_at_most} predicted, ${line.usd} billed")

    # Every paid result is in the output, and nothing else is.
    if results is not None:
        found.extend(_compare(case, completed, results))


def _compare(case: Case, completed: list[Task], results: Sequence[np.ndarray]) -> list[str]:
    """Each output is the measurement of one paid circuit, and of the circuit that it is given for."""
    if len(results) != len(case.circuits):
        return [f"{len(results)} results for {len(case.circuits)} circuits"]
    found = []
    left = [
        (one.source, _canonical(case, measured.bits))
        for task in completed
        for one, measured in zip(task.executables(), task.measured, strict=True)
    ]
    for index, bits in enumerate(results):
        angle = case.circuits[index].operations[0].parameters[0]
        mine = [entry for entry in left if _has_angle(entry[0], float(angle))] or left
        wanted = _canonical(case, np.asarray(bits))
        match = next((entry for entry in mine if entry[1] == wanted), None)
        if match is None:
            found.append(f"result {index} is not what any paid task measured")
        else:
            left.remove(match)
    if left:
        found.append(f"{len(left)} paid results are not in the output")
    return found


def _canonical(case: Case, bits: np.ndarray) -> Any:
    """Shot by shot; of machines that answer with frequencies, how often each word came."""
    rows = [tuple(row) for row in np.asarray(bits, dtype=int).tolist()]
    return sorted(rows) if case.device.provider == "IonQ" else rows


def _has_angle(source: str, angle: float) -> bool:
    return f"({angle})" in source


def run_many(
    seeds: Sequence[int],
    run_client: RunClient,
    read_ledger: ReadLedger,
    folder: Path,
    refusals: tuple[type[Exception], ...],
    devices: Sequence[FakeDevice] = DEVICES,
    long_pauses: bool = False,
    **options: Any,
) -> list[Verdict]:
    """One verdict a seed; each sequence has a ledger of its own."""
    return [
        run_sequence(
            make_case(seed, devices, long_pauses),
            run_client,
            read_ledger,
            folder / f"{seed}.ledger",
            refusals,
            **options,
        )
        for seed in seeds
    ]


def complaints(verdicts: Sequence[Verdict]) -> str:
    """For an assertion's message: every sequence in which the client fell short."""
    return "\n".join(str(verdict) for verdict in verdicts if verdict.violations)
