"""The judge of the randomised fault sequences catches bad clients, each for its own fault, and lets a good one pass."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from braket.circuits import Circuit
from braket.circuits.serialization import IRType
from pennylane.tape import QuantumScript

from tests.fakes.braket_service import FakeBraket
from tests.fakes.braket_service.devices import DM1, FORTE, GARNET, SV1, FakeDevice
from tests.fakes.braket_service.fixtures import forget_aws
from tests.qlayers.braket.faults import (
    LedgerLine,
    Limits,
    Verdict,
    complaints,
    make_case,
    run_many,
    run_sequence,
)

PER_SHOT = {"Garnet": 0.00145, "Cepheus-1-108Q": 0.000425, "Forte Enterprise 1": 0.08}


class TooDear(Exception):  # noqa: N818
    """Not within the budget."""


@dataclasses.dataclass
class Habits:
    """What a client does right; each can be turned off."""

    keeps_ledger: bool = True  # writes a task's token before it sends it
    keeps_token: bool = True  # sends it again under this token
    minds_budget: bool = True
    minds_results: bool = True  # fetches what was paid for, also in another life
    knows_prices: bool = True
    gives_own_results: bool = True


def client(habits: Habits, device_of: Callable[[int], FakeDevice]) -> Any:
    """A small client, one task a circuit. Written for this test alone, with boto3 and a JSON file."""

    def run(
        service: FakeBraket, circuits: list[QuantumScript], budget: Limits, ledger_path: Path, seed: int
    ) -> Sequence[np.ndarray]:
        device = device_of(seed)
        region = device.region or "us-east-1"
        braket = service.client("braket", region, config=Config(retries={"total_max_attempts": 1}))
        bucket = service.aws_session(region).default_bucket()
        s3 = service.client("s3", region)
        ledger: dict[str, dict[str, Any]] = (
            json.loads(ledger_path.read_text()) if ledger_path.exists() else {}
        )
        if not habits.keeps_ledger:
            ledger = {}

        def write() -> None:
            ledger_path.write_text(json.dumps(ledger))

        def price(shots: int) -> float:
            if device.kind == "SIMULATOR":
                return 0.075
            return 0.3 + (PER_SHOT[device.name] if habits.knows_prices else 0.001) * shots

        total = sum(price(tape.shots.total_shots) for tape in circuits)
        if habits.minds_budget and total > budget.usd + 1e-9:
            raise TooDear
        output = []
        for index, tape in enumerate(circuits):
            shots, angle = tape.shots.total_shots, tape.operations[0].parameters[0]
            line = ledger.setdefault(
                str(index), {"attempt": 0, "arn": None, "usd": price(shots), "bits": None}
            )
            if line["bits"] is not None and habits.minds_results:
                output.append(np.array(line["bits"]))
                continue
            token = {"clientToken": f"{seed}-{index}-{line['attempt']}"} if habits.keeps_token else {}
            write()
            source = Circuit().rx(0, float(angle)).cnot(0, 1).to_ir(IRType.OPENQASM).json()
            for _ in range(5):
                try:
                    if line["arn"] is None:
                        line["arn"] = braket.create_quantum_task(
                            deviceArn=device.arn,
                            shots=shots,
                            action=source,
                            outputS3Bucket=bucket,
                            outputS3KeyPrefix="t",
                            **token,
                        )["quantumTaskArn"]
                        write()
                    found = braket.get_quantum_task(quantumTaskArn=line["arn"])
                    for _ in range(8):
                        if found["status"] in {"COMPLETED", "FAILED", "CANCELLED"}:
                            break
                        service.clock.sleep(20.0)
                        found = braket.get_quantum_task(quantumTaskArn=line["arn"])
                    if found["status"] == "FAILED":  # is not billed
                        raise RuntimeError("a task failed")
                    key = found["outputS3Directory"] + "/results.json"
                    body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
                    break
                except (BotoCoreError, ClientError):
                    service.clock.sleep(10.0)
            else:
                raise RuntimeError("no answer")
            document = json.loads(body)
            if document["measurements"] is None:
                words = document["measurementProbabilities"].items()
                bits = [[int(bit) for bit in word] for word, p in words for _ in range(round(p * shots))]
            else:
                bits = document["measurements"]
            line["bits"] = bits
            write()
            output.append(np.array(bits if habits.gives_own_results else [[0, 0]] * shots))
        return output

    return run


def read(path: Path) -> dict[str, LedgerLine]:
    ledger = json.loads(path.read_text()) if path.exists() else {}
    return {
        line["arn"]: LedgerLine(line["usd"], line["usd"], line["bits"] is not None)
        for line in ledger.values()
        if line["arn"]
    }


@pytest.fixture(autouse=True)
def _no_aws_of_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    forget_aws(monkeypatch)


def verdicts(
    tmp_path: Path, habits: Habits, seeds: Sequence[int], devices: Sequence[FakeDevice]
) -> list[Verdict]:
    run = client(habits, lambda seed: make_case(seed, devices).device)
    return run_many(seeds, run, read, tmp_path, (TooDear,), devices)


def test_a_careful_client_passes(tmp_path: Path) -> None:
    # Of tasks that fail it knows nothing: only sequences without such.
    seeds = [seed for seed in range(60) if not make_case(seed).service.faults._fate_rates[0][0]][:25]
    found = verdicts(tmp_path, Habits(), seeds, (GARNET, FORTE, SV1, DM1))
    assert not complaints(found), complaints(found)
    assert sum(verdict.kills for verdict in found) > 10
    assert sum(verdict.struck for verdict in found) > 60
    assert {verdict.ended for verdict in found} == {"results", "refused"}


@pytest.mark.parametrize(
    ("habits", "words"),
    [
        (Habits(keeps_token=False), ["bought more than once", "is not in the ledger", "of a budget of"]),
        (Habits(keeps_token=False, keeps_ledger=False), ["bought more than once"]),
        (Habits(minds_budget=False), ["of a budget of"]),
        (Habits(knows_prices=False), ["predicted"]),
        (Habits(gives_own_results=False), ["not what any paid task measured", "are not in the output"]),
    ],
    ids=str,
)
def test_a_bad_client_is_caught(tmp_path: Path, habits: Habits, words: list[str]) -> None:
    found = complaints(verdicts(tmp_path, habits, range(15), (GARNET,)))
    assert not [word for word in words if word not in found]


def test_a_client_that_never_ends_is_caught(tmp_path: Path) -> None:
    def run(*_: Any) -> Sequence[np.ndarray]:
        raise ConnectionError("no service")

    verdict = run_sequence(make_case(1), run, read, tmp_path / "ledger", (TooDear,))
    assert "did not end" in str(verdict)
    assert verdict.lives == 10


def test_a_client_that_refuses_for_nothing_is_caught(tmp_path: Path) -> None:
    def run(*_: Any) -> Sequence[np.ndarray]:
        raise TooDear

    seed = next(seed for seed in range(100) if make_case(seed).ample)
    verdict = run_sequence(make_case(seed), run, read, tmp_path / "ledger", (TooDear,))
    assert "refused within its budget" in str(verdict)


def test_a_case_is_a_function_of_its_seed() -> None:
    one, other = make_case(3), make_case(3)
    assert (one.device.arn, one.budget, one.shots) == (other.device.arn, other.budget, other.shots)
    assert [str(tape.operations) for tape in one.circuits] == [
        str(tape.operations) for tape in other.circuits
    ]
    assert len({make_case(seed).device.key for seed in range(30)}) == 5
