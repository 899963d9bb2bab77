"""The ledger: what is written stays, what does not fit leaves no trace, and processes cannot spend the same money."""

from __future__ import annotations

import multiprocessing
import sqlite3
from pathlib import Path

import numpy as np
import pytest

from qlayers.__main__ import main
from qlayers.errors import ConfigurationError
from qlayers.spending import Budget, BudgetExceeded, Cache, Ledger, Purchase
from qlayers.spending.budget import Amount
from qlayers.spending.ledger import Overtaken

AMPLE = Budget(100, 100, 100_000)


def purchase(*keys: str, usd: float = 1.0, at_most: float | None = None, attempt: int = 0) -> Purchase:
    return Purchase(keys, 100 * len(keys), len(keys) > 1, usd, at_most or usd, '{"action": "…"}', attempt)


def reserve(ledger: Ledger, *wanted: Purchase, budget: Budget = AMPLE, project: str = "p") -> list[Purchase]:
    return ledger.reserve(project, "d", "arn:d", wanted, budget, "the plan")


@pytest.fixture
def ledger(tmp_path: Path) -> Ledger:
    return Ledger(tmp_path / "new" / "ledger.sqlite")


def test_looking_makes_no_file(ledger: Ledger) -> None:
    assert ledger.spent("p") == Amount()
    assert ledger.entries() == []
    assert ledger.latest(["a"]) == {}
    assert Cache(ledger).get(["a"]) == {}
    assert not ledger.path.exists()


def test_a_task_goes_through_its_states(ledger: Ledger) -> None:
    (bought,) = reserve(ledger, purchase("a", "b", usd=1.0, at_most=2.0))
    entry = ledger.entry(bought.token)
    assert (entry.status, entry.arn, entry.request, entry.shots) == ("RESERVED", None, bought.request, 200)
    assert ledger.spent("p") == Amount(2.0, 1, 200)
    assert ledger.sending(bought.token)
    assert ledger.entry(bought.token).status == "SENDING"
    ledger.accepted(bought.token, "arn:1")
    entry = ledger.entry(bought.token)
    # Circuits hold data: they are kept no longer than they are needed.
    assert (entry.status, entry.arn, entry.request) == ("CREATED", "arn:1", None)
    ledger.update(bought.token, status="RUNNING", queue_seconds=3.0)
    bits = {"a": np.array([[0, 1, 1]] * 100), "b": np.array([[1, 0, 0]] * 100)}
    ledger.collected(bought.token, bits, usd_tracked=1.5)
    assert ledger.entry(bought.token).status == "COLLECTED"
    assert ledger.spent("p") == Amount(1.5, 1, 200)
    ledger.update(bought.token, status="RUNNING")  # of a slower process
    assert ledger.entry(bought.token).status == "COLLECTED"
    found = Cache(Ledger(ledger.path)).get(["a", "b", "c"])
    assert found.keys() == {"a", "b"}
    assert (found["a"] == bits["a"]).all() and (found["b"] == bits["b"]).all()


def test_what_does_not_fit_leaves_no_trace(ledger: Ledger) -> None:
    reserve(ledger, purchase("a"))
    with pytest.raises(BudgetExceeded, match="the plan"):
        reserve(ledger, purchase("b"), purchase("c"), budget=Budget(2.5, 100, 100_000))
    assert [entry.circuits for entry in ledger.entries()] == [1]
    reserve(ledger, purchase("b"), purchase("c"), budget=Budget(2.5, 9, 900), project="another")


def test_the_same_circuit_is_not_reserved_twice(ledger: Ledger) -> None:
    (bought,) = reserve(ledger, purchase("a"))
    for advance in (
        lambda: None,
        lambda: ledger.sending(bought.token),
        lambda: ledger.accepted(bought.token, "arn:1"),
        lambda: ledger.collected(bought.token, {"a": np.zeros((1, 1))}, usd_tracked=1.0),
    ):
        advance()
        with pytest.raises(Overtaken):
            reserve(ledger, purchase("b"), purchase("a"))
    assert len(ledger.entries()) == 1


def test_a_failed_task_can_be_bought_anew_and_counts_on(ledger: Ledger) -> None:
    (bought,) = reserve(ledger, purchase("a"))
    ledger.sending(bought.token)
    ledger.accepted(bought.token, "arn:1")
    ledger.update(bought.token, status="FAILED", usd_tracked=0.0)
    assert ledger.spent("p") == Amount(1.0, 1, 100)  # its bill is not seen
    reserve(ledger, purchase("a", attempt=1))
    assert ledger.latest(["a"])["a"].attempt == 1
    assert ledger.spent("p") == Amount(2.0, 2, 200)


def test_only_what_was_certainly_not_accepted_is_given_up(ledger: Ledger) -> None:
    unsent, sent, refused = reserve(ledger, purchase("a"), purchase("b"), purchase("c"))
    ledger.sending(sent.token)
    ledger.release([unsent.token, sent.token])
    assert ledger.entry(unsent.token).status == "RELEASED"
    assert ledger.entry(sent.token).status == "SENDING"
    assert not ledger.sending(unsent.token)  # given up: it must not be sent
    ledger.sending(refused.token)
    assert ledger.refused(refused.token, "ThrottlingException", again=False)
    assert ledger.entry(refused.token).status == "REFUSED"
    assert ledger.spent("p") == Amount(1.0, 1, 100)
    ledger.sending(sent.token)  # once more, by somebody else: the first may have been accepted
    assert not ledger.refused(sent.token, "ThrottlingException", again=False)
    assert ledger.entry(sent.token).status == "SENDING"


def test_a_transaction_that_is_killed_leaves_no_trace(
    ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Killed(BaseException): ...

    (bought,) = reserve(ledger, purchase("a", "b"))
    ledger.sending(bought.token)
    ledger.accepted(bought.token, "arn:1")

    def killed(*_: object) -> None:
        raise Killed

    monkeypatch.setattr("qlayers.spending.ledger._update", killed)
    with pytest.raises(Killed):
        ledger.collected(bought.token, {"a": np.zeros((1, 1)), "b": np.zeros((1, 1))}, usd_tracked=1.0)
    monkeypatch.undo()
    assert Cache(ledger).get(["a", "b"]) == {}
    assert ledger.entry(bought.token).status == "CREATED"


def _spend(path: Path, name: str, start: multiprocessing.synchronize.Barrier) -> int:
    start.wait()
    done = 0
    for number in range(10):
        try:
            reserve(Ledger(path), purchase(f"{name}-{number}"), budget=Budget(7.0, 100, 100_000))
        except BudgetExceeded:
            continue
        done += 1
    return done


def test_processes_cannot_spend_the_same_money(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    with context.Manager() as manager, context.Pool(3) as pool:
        start = manager.Barrier(3)
        path = tmp_path / "ledger.sqlite"
        done = pool.starmap(_spend, [(path, str(number), start) for number in range(3)])
    assert sum(done) == 7
    assert Ledger(path).spent("p") == Amount(7.0, 7, 700)


def test_a_file_that_is_no_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("no database, but long enough to be looked at by one that expects a header" * 20)
    with pytest.raises(ConfigurationError, match=r"notes\.txt cannot be used: file is not a database"):
        reserve(Ledger(path), purchase("a"))


def test_somebody_elses_database_is_left_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "runs.db"
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE runs (id)")
    before = path.read_bytes()
    assert main(["ledger", str(path)]) == 2
    assert "is a database, and no ledger" in capsys.readouterr().err
    with pytest.raises(ConfigurationError, match="no ledger"):
        reserve(Ledger(path), purchase("a"))
    assert path.read_bytes() == before


def test_a_newer_ledger_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.sqlite"
    with sqlite3.connect(path) as connection:
        connection.execute("PRAGMA user_version = 99")
    with pytest.raises(ConfigurationError, match="newer qlayers"):
        Ledger(path).entries()


# ---------------------------------------------------------------- python -m qlayers ledger


def filled(ledger: Ledger) -> None:
    one, two, three = reserve(ledger, purchase("a"), purchase("b", usd=0.2, at_most=2.0), purchase("c"))
    for number, task in enumerate((one, two)):
        ledger.sending(task.token)
        ledger.accepted(task.token, f"arn:{number}")
    ledger.collected(one.token, {"a": np.zeros((1, 1))}, usd_tracked=1.0)
    ledger.collected(two.token, {"b": np.zeros((1, 1))}, usd_tracked=0.7)
    ledger.reserve("q", "e", "arn:e", [purchase("d")], AMPLE)
    ledger.release([three.token])


def test_the_listing_sums_by_project_and_device(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    filled(ledger)
    assert main(["ledger", str(ledger.path)]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert sum("COLLECTED" in line for line in printed) == 2
    start = next(number for number, line in enumerate(printed) if line.startswith("project"))
    assert printed[start].split() == [
        "project", "device", "tasks", "open", "failed", "circuits", "shots", "predicted", "tracked", "difference"
    ]  # fmt: skip
    # 1.0 + 0.2 predicted, 1.0 + 0.7 tracked; what was released does not count
    assert printed[start + 1].split() == [
        "p",
        "d",
        "2",
        "0",
        "0",
        "2",
        "200",
        "1.20000",
        "1.70000",
        "0.50000",
    ]
    assert printed[start + 2].split() == [
        "q",
        "e",
        "1",
        "1",
        "0",
        "1",
        "100",
        "0.00000",
        "0.00000",
        "0.00000",
    ]
    assert printed[-1] == "Tracked: $1.7000, and up to $1.0000 for open tasks"


def test_the_listing_can_be_narrowed(ledger: Ledger, capsys: pytest.CaptureFixture[str]) -> None:
    filled(ledger)
    assert main(["ledger", str(ledger.path), "--project", "q", "--sums"]) == 0
    printed = capsys.readouterr().out
    assert "q  " in printed and "RESERVED" not in printed and "\np " not in printed
    assert main(["ledger", str(ledger.path), "--device", "nothing"]) == 0
    assert capsys.readouterr().out == "The ledger has no tasks.\n"


def test_a_ledger_that_is_not_there_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["ledger", str(tmp_path / "nothing")]) == 2
    assert "there is no ledger at" in capsys.readouterr().err


def test_without_a_ledger_nothing_was_bought(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert main(["ledger"]) == 0
    assert capsys.readouterr().out.startswith("Nothing was bought")


def test_help_tells_what_the_columns_mean(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["ledger", "--help"])
    assert caught.value.code == 0
    printed = " ".join(capsys.readouterr().out.split())
    assert "'at most' what was reserved for it" in printed
    assert "COLLECTED (results are here)" in printed
