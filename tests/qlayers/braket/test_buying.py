"""Circuits bought from the fake service: what comes back, what it costs, what is found again. Judged by its bill."""

from __future__ import annotations

import contextlib
import copy
import json
import pickle
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pennylane as qp
import pytest
import torch
from pennylane.tape import QuantumScript

from qlayers import QuantumLayer
from qlayers.backends.braket_qpu import BraketQpu
from qlayers.backends.braket_sv1 import BraketSv1
from qlayers.braket.device import BraketDevice
from qlayers.braket.errors import QuotaError, ServiceError, UnavailableError
from qlayers.errors import ConfigurationError, ExecutionWarning
from qlayers.spending import Budget, BudgetExceeded, Ledger, PriceList
from tests.fakes.braket_service import FakeBraket, Killed, faults, results
from tests.fakes.braket_service.devices import FORTE, GARNET
from tests.fakes.braket_service.tasks import Task

Make = Callable[..., BraketDevice]


def circuit(angle: float = 0.4, shots: int = 100) -> QuantumScript:
    return QuantumScript([qp.RX(angle, 0), qp.CNOT([0, 1])], [qp.sample(wires=[0, 1])], shots=shots)


def statuses(ledger: Ledger) -> list[str]:
    return [entry.status for entry in ledger.entries()]


# ---------------------------------------------------------------- what comes back


@pytest.mark.parametrize("name", ["iqm_garnet", "rigetti_cepheus", "ionq_forte_enterprise", "sv1", "dm1"])
@pytest.mark.parametrize("one_file", [True, False])
def test_bits_are_those_of_the_circuit(device: Make, service: FakeBraket, name: str, one_file: bool) -> None:
    service.one_result_file = one_file
    shots = 4000
    angles = [0.4, 1.3, 2.9]
    found = device(name).bitstrings([circuit(angle, shots) for angle in angles])
    for angle, bits in zip(angles, found, strict=True):
        assert bits.shape == (shots, 2)
        assert (bits[:, 0] == bits[:, 1]).all()  # after the CNOT
        error = np.sqrt(np.sin(angle / 2) ** 2 * np.cos(angle / 2) ** 2 / shots)
        assert bits[:, 0].mean() == pytest.approx(np.sin(angle / 2) ** 2, abs=5 * error)


def test_qubits_are_in_their_order_and_idle_ones_are_measured(device: Make) -> None:
    only_the_second = QuantumScript([qp.X(1)], [qp.sample(wires=[0, 1, 2])], shots=100)
    (bits,) = device(wires=3).bitstrings([only_the_second])
    assert (bits == [0, 1, 0]).all()


def test_frequencies_of_one_word_or_many_make_whole_shots(device: Make) -> None:
    (bits,) = device("ionq_forte_enterprise").bitstrings([circuit(1.0, 1001)])
    assert bits.shape == (1001, 2)
    first, second = bits[:500, 0].mean(), bits[500:, 0].mean()
    assert abs(first - second) < 0.15  # not sorted: parts of the shots are alike


def test_a_layer_computes_and_learns(service: FakeBraket, ledger: Ledger) -> None:
    budget = {"usd": 100, "tasks": 10, "shots": 100_000}
    backend = BraketQpu(shots=1000, ledger=str(ledger.path), budget=budget)
    exact = QuantumLayer(2, depth=1, backend="default_qubit", precision="float64")
    layer = exact.on(backend)
    inputs = torch.tensor([[0.3, 1.2], [2.0, 0.7]], dtype=torch.float64, requires_grad=True)
    outputs = layer(inputs)
    assert outputs.detach() == pytest.approx(exact(inputs).detach(), abs=5 / 1000**0.5)
    outputs.sum().backward()
    shifted = inputs.grad.clone()
    inputs.grad = None
    exact(inputs).sum().backward()
    # Two outputs, each with two shifted circuits of half weight: a standard error of √(2·2·¼/1000).
    assert shifted == pytest.approx(inputs.grad, abs=5 * 0.032)
    execution = layer.execution
    circuits = execution.executions + execution.gradient_executions
    # One program set forward, one back, or as many as the 100 circuits of a set need.
    assert execution.tasks == 1 + -(-execution.gradient_executions // 100) == len(service.bill)
    assert execution.usd == pytest.approx(execution.tasks * 0.3 + circuits * 1000 * 0.00145)
    assert Decimal(str(execution.usd)) == service.billed_usd
    assert execution.cached == 0


# ---------------------------------------------------------------- what is found again


def test_the_same_calls_find_what_was_bought(device: Make, service: FakeBraket) -> None:
    first = device()
    calls = [[circuit(0.4), circuit(0.4)], [circuit(0.4), circuit(1.0)]]
    bought = [first.bitstrings(call) for call in calls]
    assert first.spent.cached == 0
    tasks = len(service.tasks)
    again = device()
    for call, wanted in zip(calls, bought, strict=True):
        for one, other in zip(again.bitstrings(call), wanted, strict=True):
            assert (one == other).all()
    assert (again.spent.cached, again.spent.tasks, again.spent.usd) == (4, 0, 0)
    assert len(service.tasks) == tasks
    # Three runs of the same circuit are three samples.
    same = [bought[0][0], bought[0][1], bought[1][0]]
    assert not any((one == other).all() for one, other in [same[:2], same[1:], same[::2]])


@pytest.mark.parametrize("other", [{"seed": 1}, {"project": "another"}])
def test_another_seed_or_project_buys_anew(device: Make, service: FakeBraket, other: dict[str, Any]) -> None:
    one = device().bitstrings([circuit()])
    two = device(**other).bitstrings([circuit()])
    assert len(service.bill) == 2
    assert (one[0] != two[0]).any()


def test_only_what_is_missing_is_bought(device: Make, service: FakeBraket) -> None:
    device().bitstrings([circuit(0.4), circuit(0.5)])
    some = device()
    some.bitstrings([circuit(0.5), circuit(0.6)])
    assert (some.spent.cached, some.spent.circuits, some.spent.tasks) == (1, 1, 1)
    assert service.tasks[-1].shots == 100


def test_a_call_that_failed_is_made_again_without_buying_again(device: Make, service: FakeBraket) -> None:
    service.faults.at_call("GetQuantumTask", 1, faults.AccessDenied())
    one = device()
    with pytest.raises(ConfigurationError):
        one.bitstrings([circuit()])
    one.bitstrings([circuit()])
    assert len(service.tasks) == 1


def test_copies_buy_for_themselves_and_find_the_same(device: Make, service: FakeBraket) -> None:
    one = device()
    bits = one.bitstrings([circuit()])
    for copied in (copy.deepcopy(one), pickle.loads(pickle.dumps(one))):
        assert copied.spent.tasks == 1
        copied.bitstrings([circuit()])  # the second time: a second sample
    assert len(service.tasks) == 2
    assert (device().bitstrings([circuit()])[0] == bits[0]).all()


def test_results_come_from_the_very_task(device: Make, service: FakeBraket) -> None:
    """The digest has everything that decides what is bought: shots, angles, gates, device."""
    device().bitstrings([circuit(0.4, 100)])
    for other in (
        circuit(0.4000001, 100),
        circuit(0.4, 101),
        QuantumScript([qp.RY(0.4, 0), qp.CNOT([0, 1])], shots=100),
    ):
        device().bitstrings([other])
    device("rigetti_cepheus").bitstrings([circuit(0.4, 100)])
    assert len(service.tasks) == 5


# ---------------------------------------------------------------- program sets


@pytest.mark.parametrize(
    ("number", "shots", "sizes"),
    [(1, 10, [1]), (250, 10, [100, 100, 50]), (60, 4000, [50, 10]), (12, 20_000, [10, 2])],
)
def test_circuits_share_tasks_as_far_as_the_device_takes_it(
    device: Make, service: FakeBraket, number: int, shots: int, sizes: list[int]
) -> None:
    one = device(dry_run=shots > 100)
    one.bitstrings([circuit(0.01 * k, shots) for k in range(number)])
    plan = one.spent.plan
    assert plan is not None
    assert (plan.tasks, plan.program_sets) == (len(sizes), sum(size > 1 for size in sizes))
    assert plan.usd == pytest.approx(0.3 * len(sizes) + number * shots * 0.00145)
    if not one.terms.dry_run:
        assert [len(task.executables()) for task in service.tasks] == sizes
        assert service.billed_usd == Decimal(str(plan.usd))


def test_single_tasks_where_they_are_asked_for(device: Make, service: FakeBraket) -> None:
    one = device(program_sets=False)
    one.bitstrings([circuit(0.1), circuit(0.2)])
    assert len(service.bill) == 2
    assert any("backend.program_sets is off" in note for note in one.spent.plan.notes)


def test_circuits_with_different_shots_share_no_set(device: Make, service: FakeBraket) -> None:
    found = device().bitstrings([circuit(0.1, 50), circuit(0.2, 60), circuit(0.3, 50)])
    assert [len(bits) for bits in found] == [50, 60, 50]
    assert sorted(task.shots for task in service.tasks) == [60, 100]


@pytest.mark.parametrize("said_before", [True, False])
def test_a_refused_set_is_no_silent_change(
    device: Make, service: FakeBraket, ledger: Ledger, said_before: bool
) -> None:
    if said_before:
        service.devices[GARNET.arn].program_sets = None
    refusal = faults.Refused(code="ValidationException", message="No program sets today", status=400)

    def strike() -> None:
        if not said_before:
            service.faults.at_call(
                "CreateQuantumTask", service.faults.calls["CreateQuantumTask"] + 1, refusal
            )

    strike()
    with pytest.raises(ServiceError, match=r"Nothing was bought\. backend\.if_set_refused=single"):
        device().bitstrings([circuit(0.1), circuit(0.2)])
    assert ledger.spent("default").usd == 0
    strike()
    with pytest.warns(ExecutionWarning, match="a fee each"):
        device(if_set_refused="single").bitstrings([circuit(0.1), circuit(0.2)])
    assert len(service.bill) == 2
    strike()
    # Enough for one set: 0.30 + 200 × 0.00145 = 0.59, and not for two tasks.
    small = device(if_set_refused="single", budget=Budget(float(service.billed_usd) + 0.6, 100, 100_000))
    with pytest.warns(ExecutionWarning), pytest.raises(BudgetExceeded):
        small.bitstrings([circuit(0.3), circuit(0.4)])
    assert len(service.bill) == 2


# ---------------------------------------------------------------- the budget


def test_nothing_reaches_the_service_without_a_budget(device: Make, service: FakeBraket) -> None:
    with pytest.raises(BudgetExceeded) as caught:
        device(budget=Budget()).bitstrings([circuit(0.1), circuit(0.2), circuit(0.3)])
    for words in ("$0.74", "budget.usd=0", "budget.tasks=0", "Plan for iqm_garnet", "$0.7350", "depth"):
        assert words in str(caught.value)
    assert service.log == []


def test_the_cap_holds_in_a_training_loop_and_over_restarts(service: FakeBraket, ledger: Ledger) -> None:
    # A step is one set of 1 circuit forward and one of 2·8 shifted circuits back.
    budget = {"usd": 2.0, "tasks": 100, "shots": 10**6}
    backend = BraketQpu(shots=50, ledger=str(ledger.path), budget=budget)
    steps = 0
    for _ in range(3):  # lives
        layer = QuantumLayer(2, backend=backend)
        optimizer = torch.optim.SGD(layer.parameters(), lr=0.1)
        with pytest.raises(BudgetExceeded, match=r"budget\.usd=2 allows"):  # noqa: PT012
            for _ in range(10):
                optimizer.zero_grad()
                layer(torch.tensor([0.3, 0.4])).sum().backward()
                optimizer.step()
                steps += 1
    assert steps >= 1
    assert Decimal(0) < service.billed_usd <= 2
    assert service.highest_commitment <= 2


def test_a_simulator_reserves_its_worst_case(device: Make, service: FakeBraket) -> None:
    three = [circuit(0.1 * k) for k in range(3)]
    with pytest.raises(BudgetExceeded, match=r"up to \$0\.23"):  # 3 × 60 s × 0.075 / 60
        device("sv1", budget=Budget(0.2, 10, 1000)).bitstrings(three)
    one = device("sv1", budget=Budget(0.23, 10, 1000))
    one.bitstrings(three)
    assert one.spent.plan.usd_at_most == 0.225
    assert Decimal(str(one.spent.usd)) == service.billed_usd <= Decimal("0.225")
    # What was not needed is free again.
    device("sv1", budget=Budget(0.23, 10, 1000)).bitstrings([circuit(2.0), circuit(2.1)])


def test_a_simulator_that_runs_too_long_is_cancelled(device: Make, service: FakeBraket) -> None:
    service.simulator_run_s = (100.0, 100.0)
    with (
        pytest.warns(ExecutionWarning, match="is cancelled: 20 s were reserved"),
        pytest.raises(UnavailableError, match="failed"),
    ):
        device("sv1", seconds_at_most=20.0).bitstrings([circuit()])
    assert 0 < service.billed_usd <= Decimal("0.025")  # 20 s


def test_a_price_that_the_device_contradicts_is_not_paid(device: Make, service: FakeBraket) -> None:
    cheap = PriceList(devices={"iqm_garnet": {"per_shot": 0.001}}).of_device("iqm_garnet")
    with pytest.raises(ConfigurationError, match=r"Not sent: .*\$0\.00145.*per_shot=0\.00145"):
        device(prices=cheap).bitstrings([circuit()])
    assert service.tasks == []
    dear = PriceList(devices={"iqm_garnet": {"per_shot": 0.1}}).of_device("iqm_garnet")
    with pytest.warns(ExecutionWarning, match=r"has \$0\.1"):
        device(prices=dear).bitstrings([circuit()])


# ---------------------------------------------------------------- crashes, one by one


@pytest.mark.parametrize("lifetime", [None, 10.0], ids=["token remembered", "token forgotten"])
@pytest.mark.parametrize(
    "fault",
    [
        faults.Kill(after=True),
        faults.Kill(after=False),
        faults.ReplyLost(),
        faults.ConnectionClosed(),
        faults.ServerErrorAfterAcceptance(),
        faults.Interrupt(after=True),
    ],
    ids=str,
)
@pytest.mark.parametrize("operation", ["CreateQuantumTask", "GetQuantumTask", "GetObject"])
def test_a_crash_buys_nothing_twice(
    device: Make,
    service: FakeBraket,
    ledger: Ledger,
    fault: faults.Fault,
    operation: str,
    lifetime: float | None,
) -> None:
    service.token_lifetime_s = lifetime
    for number in range(1, 9):  # all that one life of patience tries
        service.faults.at_call(operation, number, fault)
    calls = [circuit(0.1), circuit(0.2)]
    with contextlib.suppress(Killed, KeyboardInterrupt, ServiceError):
        device("rigetti_cepheus", program_sets=False).bitstrings(calls)
    assert service.faults.struck
    service.faults.stop()
    service.clock.advance(3600)
    again = device("rigetti_cepheus", program_sets=False)
    assert len(again.bitstrings(calls)) == 2
    assert len(service.tasks) == len(service.bill) == 2
    assert statuses(ledger).count("COLLECTED") == 2
    assert ledger.spent("default").usd == pytest.approx(float(service.billed_usd))


def test_a_task_is_written_before_it_is_sent(device: Make, service: FakeBraket, ledger: Ledger) -> None:
    service.faults.at_call("CreateQuantumTask", 1, faults.Kill(after=False))
    with pytest.raises(Killed):
        device().bitstrings([circuit()])
    (entry,) = ledger.entries()
    assert (entry.status, entry.arn) == ("SENDING", None)
    assert entry.token in Path(ledger.path).read_bytes().decode("latin1")
    assert ledger.spent("default").usd == pytest.approx(0.445)
    device().bitstrings([circuit()])
    (task,) = service.tasks
    assert task.token == entry.token
    assert task.request["tags"] == {"qlayers-token": entry.token, "qlayers-project": "default"}


def test_what_was_reserved_and_never_sent_is_sent_once(
    device: Make, service: FakeBraket, ledger: Ledger
) -> None:
    service.faults.at_call("CreateQuantumTask", 1, faults.Kill(after=True))
    calls = [circuit(0.1), circuit(0.2), circuit(0.3)]
    with pytest.raises(Killed):
        device(program_sets=False).bitstrings(calls)
    assert statuses(ledger) == ["SENDING", "RESERVED", "RESERVED"]
    device(program_sets=False).bitstrings(calls)
    assert len(service.tasks) == 3
    assert statuses(ledger) == ["COLLECTED"] * 3


def test_two_processes_at_the_same_calls_buy_once(device: Make, service: FakeBraket) -> None:
    """The second starts while the first waits, here in the first one's own poll."""
    first, second = device(), device()
    found = []
    sleep = service.clock.sleep

    def while_waiting(seconds: float) -> None:
        if not found:
            found.append(None)
            found[0] = second.bitstrings([circuit()])
        sleep(seconds)

    first._clock.sleep = while_waiting  # type: ignore[method-assign]
    bits = first.bitstrings([circuit()])
    assert len(service.tasks) == 1
    assert (bits[0] == found[0][0]).all()


# ---------------------------------------------------------------- what the service does not do


def test_throttled_until_it_gives_up(device: Make, service: FakeBraket, ledger: Ledger) -> None:
    service.faults.random(1.0, [faults.Throttled()], ["CreateQuantumTask"])
    before = service.clock.now
    with pytest.raises(ServiceError, match="throttles, while sending a task"):
        device().bitstrings([circuit()])
    assert service.faults.calls["CreateQuantumTask"] == 8
    assert service.clock.now > before
    # It was certainly not accepted: its price is free again.
    assert statuses(ledger) == ["REFUSED"]
    assert ledger.spent("default").usd == 0
    service.faults.stop()
    device(budget=Budget(0.45, 1, 100)).bitstrings([circuit()])
    assert len(service.bill) == 1


def test_a_refusal_after_a_lost_answer_is_not_believed(
    device: Make, service: FakeBraket, ledger: Ledger
) -> None:
    service.search_delay_s = 60.0  # else it would be found at once
    service.faults.at_call("CreateQuantumTask", 1, faults.ReplyLost())
    service.faults.at_call("CreateQuantumTask", 2, faults.ExpiredToken())
    with pytest.raises(ServiceError, match=r"expired.*Whether the task was accepted is not known"):
        device().bitstrings([circuit()])
    assert statuses(ledger) == ["SENDING"]
    device().bitstrings([circuit()])
    assert len(service.tasks) == 1


def test_a_lost_answer_is_looked_for_before_the_task_is_sent_again(device: Make, service: FakeBraket) -> None:
    service.token_lifetime_s = 0.0  # so that sending again would buy again
    for number in range(1, 4):
        service.faults.at_call("CreateQuantumTask", number, faults.ReplyLost())
    device(program_sets=False).bitstrings([circuit(0.1), circuit(0.2), circuit(0.3)])
    assert len(service.tasks) == 3
    assert service.faults.calls["SearchQuantumTasks"] == 3


def test_the_accounts_limit_is_waited_for(device: Make, service: FakeBraket) -> None:
    service.concurrent_tasks = 2
    device("ionq_forte_enterprise").bitstrings([circuit(0.1 * k) for k in range(5)])
    assert len(service.bill) == 5
    service.concurrent_tasks = 0
    with pytest.raises(QuotaError, match="limit is reached"):
        device().bitstrings([circuit(2.0)])


def test_a_failed_task_is_an_error_and_is_bought_anew_next_time(
    device: Make, service: FakeBraket, ledger: Ledger
) -> None:
    service.faults.of_task(2, faults.Fails("The device could not run it"))
    calls = [circuit(0.1), circuit(0.2)]
    one = device(program_sets=False)
    with pytest.raises(UnavailableError, match=r"1 task on iqm_garnet failed.*could not run it"):
        one.bitstrings(calls)
    assert one.spent.failures == {"FAILED": 1}
    assert len(service.tasks) == 2
    device(program_sets=False).bitstrings(calls)
    assert len(service.tasks) == 3
    assert [(entry.status, entry.attempt) for entry in ledger.entries()] == [
        ("COLLECTED", 0),
        ("FAILED", 0),
        ("COLLECTED", 1),
    ]


def test_a_failed_task_is_bought_anew_as_declared_and_within_the_budget(
    device: Make, service: FakeBraket, ledger: Ledger
) -> None:
    for number in (1, 2):
        service.faults.of_task(number, faults.Fails())
    with pytest.raises(UnavailableError, match="bought 2 times"):
        device(repeat_failed=1).bitstrings([circuit()])
    assert len(service.tasks) == 2
    service.faults.of_task(3, faults.Fails())
    with pytest.raises(
        BudgetExceeded
    ):  # two failed, whose bill is not seen, a third, and no room for a fourth
        device(repeat_failed=1, budget=Budget(3 * 0.445, 10, 1000)).bitstrings([circuit()])
    assert len(service.tasks) == 3
    device(repeat_failed=1).bitstrings([circuit()])
    assert len(service.bill) == 1
    assert max(entry.attempt for entry in ledger.entries()) == 3


@pytest.mark.parametrize("status", ["COMPLETED", "FAILED"])
def test_circuits_of_a_set_fail_by_themselves(
    device: Make, service: FakeBraket, ledger: Ledger, status: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two succeed and are kept, the third is bought anew."""
    header = {"name": "braket.task_result.program_set_executable_failure", "version": "1"}

    def files(task: Task, one_file: bool) -> dict[str, str]:
        whole = json.loads(written(task, one_file)[f"{task.directory}/results.json"])
        if len(whole.get("programResults", ())) == 3:
            whole["programResults"][1]["executableResults"] = [
                {"braketSchemaHeader": header, "inputsIndex": 0}
            ]
        return {f"{task.directory}/results.json": json.dumps(whole)}

    written = results.files
    monkeypatch.setattr(results, "files", files)
    if status == "FAILED":
        told = Task.document

        def document(self: Task, queue_info: bool) -> dict[str, Any]:
            found = told(self, queue_info)
            failed = self.is_program_set and self.status == "COMPLETED"
            return {**found, "status": "FAILED", "failureReason": "1 of 3 failed"} if failed else found

        monkeypatch.setattr(Task, "document", document)
    calls = [circuit(0.1), circuit(0.2), circuit(0.3)]
    with pytest.raises(UnavailableError, match=r"1 circuit has no results.*1 of 3"):
        device().bitstrings(calls)
    device().bitstrings(calls)
    assert [len(task.executables()) for task in service.tasks] == [3, 1]
    first = "COLLECTED" if status == "COMPLETED" else "FAILED"
    assert statuses(ledger) == [first, "COLLECTED"]


def test_what_takes_too_long_is_collected_later(device: Make, service: FakeBraket) -> None:
    service.faults.of_task(1, faults.StuckInQueue(seconds=2000))
    with pytest.raises(UnavailableError, match=r"no results after 600 s .*run again to collect"):
        device().bitstrings([circuit()])
    service.clock.advance(2000)
    device().bitstrings([circuit()])
    assert len(service.tasks) == 1


def test_results_that_are_late_are_waited_for(device: Make, service: FakeBraket) -> None:
    service.faults.of_task(1, faults.LateResult(60))
    device().bitstrings([circuit()])
    assert service.faults.calls["GetObject"] > 1
    service.faults.of_task(2, faults.LateResult(10_000))
    with pytest.raises(ServiceError, match="its results are not in S3"):
        device(timeout_seconds=5000.0).bitstrings([circuit(1.0)])
    service.clock.advance(10_000)
    device().bitstrings([circuit(1.0)])
    assert len(service.tasks) == 2


# ---------------------------------------------------------------- by declared policy


def offline(service: FakeBraket) -> None:
    service.devices[GARNET.arn].status = "OFFLINE"


def fails(service: FakeBraket) -> None:
    service.faults.of_task(len(service.tasks) + 1, faults.Fails())


def is_stuck(service: FakeBraket) -> None:
    service.faults.of_task(len(service.tasks) + 1, faults.StuckInQueue())


@pytest.mark.parametrize("happens", [offline, fails, is_stuck])
def test_the_simulator_steps_in_only_where_it_may(
    device: Make, service: FakeBraket, happens: Callable[[FakeBraket], None]
) -> None:
    happens(service)
    with pytest.raises(UnavailableError):
        device(seed=1).bitstrings([circuit(0.4, 4000)])
    happens(service)
    one = device(seed=2, fallback="simulator")
    with pytest.warns(ExecutionWarning, match=r"1 of 1 circuits were run without noise on this machine"):
        (bits,) = one.bitstrings([circuit(0.4, 4000)])
    assert one.spent.fell_back == 1
    assert bits[:, 0].mean() == pytest.approx(np.sin(0.2) ** 2, abs=0.02)
    service.finish()
    assert all(task.status in ("FAILED", "CANCELLED", "COMPLETED") for task in service.tasks)
    if happens is is_stuck:
        assert service.tasks[-1].status == "CANCELLED"


def test_no_budget_is_no_reason_to_step_in(device: Make) -> None:
    with pytest.raises(BudgetExceeded):
        device(budget=Budget(), fallback="simulator").bitstrings([circuit()])


@pytest.mark.parametrize(
    ("policy", "ended"), [("leave", "COMPLETED"), ("cancel", "CANCELLED"), ("ask", "COMPLETED")]
)
def test_an_interrupt_leaves_or_cancels_as_declared(
    device: Make,
    service: FakeBraket,
    ledger: Ledger,
    capsys: pytest.CaptureFixture[str],
    policy: str,
    ended: str,
) -> None:
    service.queue_s = 100.0
    service.faults.at_call("GetQuantumTask", 2, faults.Interrupt())
    calls = [circuit(0.1), circuit(0.2)]
    with pytest.raises(KeyboardInterrupt):
        device(program_sets=False, on_interrupt=policy).bitstrings(calls)
    said = capsys.readouterr().err
    if policy == "cancel":
        assert "The cancellation of 2 tasks was asked for" in said
    else:
        assert "2 tasks on iqm_garnet had been sent" in said
        assert (
            f"aws braket cancel-quantum-task --region eu-north-1 --quantum-task-arn {service.tasks[0].arn}"
            in said
        )
    service.finish()
    assert {task.status for task in service.tasks} == {ended}
    device(program_sets=False).bitstrings(calls)
    assert len(service.bill) == 2
    assert "COLLECTED" in statuses(ledger)


def test_an_interrupt_asks_where_somebody_can_answer(
    device: Make, service: FakeBraket, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal:
        def isatty(self) -> bool:
            return True

        def readline(self) -> str:
            return "y\n"

        def write(self, text: str) -> None: ...

        def flush(self) -> None: ...

    service.queue_s = 100.0
    service.faults.at_call("GetQuantumTask", 1, faults.Interrupt())
    monkeypatch.setattr("sys.stdin", Terminal())
    monkeypatch.setattr("sys.stderr", Terminal())
    with pytest.raises(KeyboardInterrupt):
        device(on_interrupt="ask").bitstrings([circuit()])
    service.finish()
    assert [task.status for task in service.tasks] == ["CANCELLED"]


def test_what_was_not_sent_yet_is_given_up_on_an_interrupt(
    device: Make, service: FakeBraket, ledger: Ledger
) -> None:
    service.faults.at_call("CreateQuantumTask", 2, faults.Interrupt(after=True))
    with pytest.raises(KeyboardInterrupt):
        device("ionq_forte_enterprise").bitstrings([circuit(0.1), circuit(0.2), circuit(0.3)])
    assert statuses(ledger) == ["CREATED", "SENDING", "RELEASED"]


# ---------------------------------------------------------------- planning


def test_planning_sends_nothing_and_plans_everything(service: FakeBraket, ledger: Ledger) -> None:
    backend = BraketQpu(shots=500, ledger=str(ledger.path))
    layer = QuantumLayer(2, backend=backend.planning())
    outputs = layer(torch.rand(3, 2, requires_grad=True))
    assert (outputs == 1).all()  # ⟨Z⟩ of zeros
    outputs.sum().backward()
    plan = layer.qnode.device.spent.plan
    execution = layer.execution
    assert plan.circuits == execution.executions + execution.gradient_executions > 3
    assert plan.shots == 500 * plan.circuits
    assert plan.usd == pytest.approx(0.3 * plan.tasks + 0.00145 * plan.shots)
    assert plan.circuit_depth > 0 and plan.two_qubit_gates > 0 and 0 < plan.estimated_fidelity < 1
    assert (execution.tasks, execution.usd) == (0, 0.0)
    assert service.log == [] and not ledger.path.exists()


def test_the_plan_is_what_is_billed(device: Make, service: FakeBraket) -> None:
    planned, bought = device(dry_run=True), device()
    calls = [[circuit(0.1 * k) for k in range(5)], [circuit(0.3), circuit(0.9, 200)]]
    for call in calls:
        planned.bitstrings(call)
    for call in calls:
        bought.bitstrings(call)
    assert Decimal(str(planned.spent.plan.usd)) == service.billed_usd == Decimal(str(bought.spent.usd))
    assert planned.spent.plan.tasks == bought.spent.tasks == len(service.bill)


def test_a_wanted_standard_error_sets_the_shots() -> None:
    assert BraketQpu(standard_error=0.05).shots == 400
    with pytest.raises(ConfigurationError, match="shots=40000 is not what iqm_garnet takes"):
        BraketQpu(standard_error=0.005)


def test_what_corrects_results_is_planned_and_bought_too(service: FakeBraket, ledger: Ledger) -> None:
    budget = {"usd": 20, "tasks": 5, "shots": 10_000}
    backend = BraketQpu(shots=200, ledger=str(ledger.path), budget=budget, mitigation="readout_inversion")
    layer = QuantumLayer(2, backend=backend.planning())
    inputs = torch.rand(3, 2)
    with torch.no_grad():
        layer(inputs)
        planned = layer.qnode.device.spent.plan
        bought = layer.on(backend)
        bought(inputs)
    assert planned.circuits > 3
    assert planned.circuits == sum(len(task.executables()) for task in service.tasks)
    assert Decimal(str(bought.execution.usd)) == service.billed_usd == Decimal(str(planned.usd))


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"computer": "ionq_forte"}, "qubits and shots of ionq_forte are not checked against a document"),
        ({"computer": "aqt_ibex_q1"}, "qubits and shots of aqt_ibex_q1 are not checked against a document"),
        ({"computer": "iqm_garnet"}, None),
        ({"mitigation": "readout_inversion"}, "which the service may compile to other qubits"),
    ],
)
def test_the_plan_says_what_is_not_sure(given: dict[str, str], said: str | None, ledger: Ledger) -> None:
    backend = BraketQpu(shots=200, ledger=str(ledger.path), **given).planning()
    layer = QuantumLayer(2, backend=backend)
    with torch.no_grad():
        layer(torch.rand(3, 2))
    found = [line for line in layer.qnode.device.spent.plan.lines if line.startswith("  note")]
    assert len(found) == (said is not None)
    assert said is None or said in found[0]


# ---------------------------------------------------------------- the SDK, of which these facts are assumed


def test_the_sdk_buys_again_where_this_does_not(service: FakeBraket) -> None:
    """Its create call sets no token: botocore makes one for each call."""
    from braket.aws import AwsDevice
    from braket.circuits import Circuit

    session = service.aws_session("us-east-1")
    for _ in range(2):
        AwsDevice(FORTE.arn, aws_session=session).run(Circuit().h(0), shots=100)
    assert len({task.token for task in service.tasks}) == 2


def test_the_sdks_tracker_counts_as_the_ledger_does(
    device: Make, service: FakeBraket, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    from braket.tracking import Tracker

    def price(**search: str) -> list[dict[str, str]]:
        """AWS's list, as far as these two need it."""
        usd = {"Quantum Task": "0.30", "Quantum Task-Shot": "0.00145", "Simulator Task": "0.075"}
        return [{"PricePerUnit": usd[search["Product Family"]], "Currency": "USD", "Unit": "minutes"}]

    monkeypatch.setattr("braket.tracking.tracker.price_search", price)
    with Tracker() as tracker:
        device().bitstrings([circuit(0.1), circuit(0.2)])
        device("sv1").bitstrings([circuit(0.1), circuit(0.2)])
    tracked = {entry.token: Decimal(str(entry.usd_tracked)) for entry in ledger.entries()}
    assert float(tracker.qpu_tasks_cost()) == 0.59
    assert tracker.qpu_tasks_cost() + tracker.simulator_tasks_cost() == pytest.approx(
        sum(tracked.values()), abs=Decimal("1e-9")
    )
    assert sum(tracked.values()) == pytest.approx(service.billed_usd, abs=Decimal("1e-9"))


def test_shots_and_tasks_of_a_simulated_batch(service: FakeBraket, ledger: Ledger) -> None:
    budget = {"usd": 1, "tasks": 3, "shots": 300}
    backend = BraketSv1(shots=100, ledger=str(ledger.path), region="us-west-2", budget=budget)
    layer = QuantumLayer(2, backend=backend)
    with torch.no_grad():
        layer(torch.rand(3, 2))
    assert (layer.execution.tasks, layer.execution.shots) == (3, 100)
    assert {task.region for task in service.tasks} == {"us-west-2"}
