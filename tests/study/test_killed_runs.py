"""`python train.py`, killed at random steps and resumed, ends with the bits of a run that nobody disturbed."""

from __future__ import annotations

import io
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
import pytest
import torch

from study.config.check import check
from study.config.rules import TRAIN
from study.experiment import train
from study.terminal import Terminal
from tests.preloaded import Preloaded, Process

pytestmark = pytest.mark.slow

CHECKOUT = Path(__file__).resolve().parents[2]
# The default hybrid model. Steps are short, so that there are many in which to be killed.
WORDS = ("data=iris", "trainer.max_epochs=6", "trainer.batch_size=8", "controls=none")
KILLS = 2
N_EPOCHS, PER_EPOCH = 6, 12  # of 150 rows, 30 are for testing and 24 of the others for validation
PLAN = [(epoch, step) for epoch in range(N_EPOCHS) for step in range(PER_EPOCH)]
PATIENCE_S = 300.0  # a busy machine takes a minute to start a process


class Start(Protocol):
    """Start `python train.py` with these words and write what it prints to this file."""

    def __call__(self, *words: str, output: Path) -> subprocess.Popen[bytes] | Process: ...


ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def started_anew(*words: str, output: Path) -> subprocess.Popen[bytes]:
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "train.py", *words],
            cwd=CHECKOUT,
            env=ENVIRONMENT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )


def started_preloaded(preloaded: Preloaded) -> Start:
    return lambda *words, output: preloaded.start(
        ["train.py", *words], cwd=CHECKOUT, output=output, env=ENVIRONMENT
    )


def run_in(output_dir: Path) -> Path | None:
    return next(output_dir.glob("iris-hybrid-*"), None)


def n_executed(output_dir: Path) -> int:
    """Complete rows of steps.csv, its header not counted."""
    folder = run_in(output_dir)
    path = folder / "steps.csv" if folder else None
    return max(0, path.read_bytes().count(b"\n") - 1) if path and path.exists() else 0


def n_finished_epochs(folder: Path) -> int:
    return max((int(path.stem[6:]) + 1 for path in (folder / "checkpoints").glob("epoch-*.ckpt")), default=0)


@dataclass
class Attempt:
    """One process: rows of steps.csv and epochs finished before it, rows after it."""

    before: int
    finished_epochs: int
    after: int = 0


@dataclass
class Outcome:
    folder: Path
    printed: str
    attempts: list[Attempt] = field(default_factory=list)


def whole(process: subprocess.Popen[bytes] | Process, output_dir: Path) -> Outcome:
    printed = output_dir.with_suffix(".txt")
    assert process.wait(PATIENCE_S) == 0, printed.read_text()
    folder = run_in(output_dir)
    assert folder is not None
    return Outcome(folder, printed.read_text())


def kill(process: subprocess.Popen[bytes] | Process, output_dir: Path, wanted: int) -> None:
    """SIGKILL, from outside, as soon as so many steps were executed."""
    until = time.monotonic() + PATIENCE_S
    while n_executed(output_dir) < wanted and process.poll() is None and time.monotonic() < until:
        time.sleep(0.0005)
    process.kill()
    # Anything else: it had ended by itself.
    assert process.wait() == -signal.SIGKILL, output_dir.with_suffix(".txt").read_text()


def killed_and_resumed(start: Start, output_dir: Path, rng: random.Random) -> Outcome:
    """The run, killed at a random step, resumed and killed again, and at last left to itself."""
    attempts: list[Attempt] = []
    for number in range(KILLS + 1):
        folder = run_in(output_dir)
        attempts.append(Attempt(n_executed(output_dir), n_finished_epochs(folder) if folder else 0))
        words = (f"resume={folder}",) if folder else (*WORDS, "logger=none", f"output_dir={output_dir}")
        process = start(*words, output=output_dir.with_suffix(".txt"))
        if number < KILLS:
            # Up to an epoch and a half, so that there is something left for the last one.
            kill(process, output_dir, attempts[-1].before + rng.randint(1, PER_EPOCH * 3 // 2))
        else:
            outcome = whole(process, output_dir)
        attempts[-1].after = n_executed(output_dir)
    return Outcome(outcome.folder, outcome.printed, attempts)


def of_another_seed(output_dir: Path) -> Outcome:
    """In this process, which is quicker, since nothing is to be shown with it but that the comparisons can fail."""
    words = [*WORDS, "logger=none", "seed=1", f"output_dir={output_dir}"]
    folder = train(check(TRAIN, words).config, Terminal(file=io.StringIO()))
    return Outcome(folder.path, "")


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory, preloaded: Preloaded) -> Iterator[dict[str, Outcome]]:
    """Undisturbed (with the default logger), killed, and of another seed."""
    root = tmp_path_factory.mktemp("runs")
    # As a user starts it, and at the same time, because starting is what takes longest.
    process = started_anew(*WORDS, f"output_dir={root / 'whole'}", output=root / "whole.txt")
    try:
        yield {
            "killed": killed_and_resumed(
                started_preloaded(preloaded), root / "killed", random.Random(20261121)
            ),
            "other": of_another_seed(root / "other"),
            "whole": whole(process, root / "whole"),
        }
    finally:
        process.kill()
        process.wait()


def tensors(value: Any, name: str = "") -> dict[str, torch.Tensor]:
    """All tensors in a checkpoint, by where they are."""
    if isinstance(value, torch.Tensor):
        return {name: value}
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return {key: found for k, item in inner for key, found in tensors(item, f"{name}/{k}").items()}


def same_bits(first: Path, second: Path, file: str) -> bool:
    """Whether two runs' files hold the same tensors, every bit of them."""
    one, other = (tensors(torch.load(folder / file, weights_only=True)) for folder in (first, second))
    assert one, f"{file} holds no tensors"
    return one.keys() == other.keys() and all(
        one[name].dtype == other[name].dtype and one[name].numpy().tobytes() == other[name].numpy().tobytes()
        for name in one
    )


def same_predictions(first: Path, second: Path) -> bool:
    one, other = (pd.read_parquet(folder / "predictions.parquet") for folder in (first, second))
    assert len(one) == 30
    return list(one) == list(other) and all(
        one[name].to_numpy().tobytes() == other[name].to_numpy().tobytes()
        if one[name].dtype.kind == "f"
        else one[name].equals(other[name])
        for name in one
    )


def history(folder: Path) -> pd.DataFrame:
    return pd.read_csv(folder / "metrics.csv", float_precision="round_trip").drop(columns="seconds")


def main_model(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "manifest.json").read_text())["models"]["hybrid"]


WEIGHTS = ("model.pt", "checkpoints/best.ckpt", f"checkpoints/epoch-{N_EPOCHS - 1:04d}.ckpt")


@pytest.mark.parametrize("file", WEIGHTS)
def test_the_weights_are_those_of_an_undisturbed_run(runs: dict[str, Outcome], file: str) -> None:
    whole, killed, other = (runs[name].folder for name in ("whole", "killed", "other"))
    assert same_bits(whole, killed, file)
    assert not same_bits(whole, other, file)


def test_the_predictions_are_too(runs: dict[str, Outcome]) -> None:
    whole, killed, other = (runs[name].folder for name in ("whole", "killed", "other"))
    assert same_predictions(whole, killed)
    assert not same_predictions(whole, other)


def test_the_history_is_too(runs: dict[str, Outcome]) -> None:
    pd.testing.assert_frame_equal(
        history(runs["whole"].folder), history(runs["killed"].folder), check_exact=True
    )
    assert not np.array_equal(history(runs["whole"].folder), history(runs["other"].folder))


def test_only_what_was_left_was_executed(runs: dict[str, Outcome]) -> None:
    steps = pd.read_csv(runs["killed"].folder / "steps.csv", float_precision="round_trip")
    executed = list(zip(steps["epoch"], steps["step"], strict=True))
    attempts = runs["killed"].attempts
    assert len(attempts) == KILLS + 1
    for attempt in attempts:
        left = PLAN[attempt.finished_epochs * PER_EPOCH :]
        done = executed[attempt.before : attempt.after]
        assert done == left[: len(done)]
        assert done, "every process came to train"
    assert executed[attempts[-1].before :] == PLAN[attempts[-1].finished_epochs * PER_EPOCH :]
    # It was not for nothing: kills cost steps, and at least one resume began behind the first epoch.
    assert len(executed) > len(PLAN)
    assert max(attempt.finished_epochs for attempt in attempts) > 0
    # What was executed twice gave the same twice.
    undisturbed = pd.read_csv(runs["whole"].folder / "steps.csv", float_precision="round_trip")
    assert list(zip(undisturbed["epoch"], undisturbed["step"], strict=True)) == PLAN
    expected = dict(zip(PLAN, undisturbed["loss"], strict=True))
    assert [expected[place] for place in executed] == steps["loss"].tolist()


def test_the_manifest_counts_the_whole_run(runs: dict[str, Outcome]) -> None:
    manifest = json.loads((runs["killed"].folder / "manifest.json").read_text())
    assert manifest["status"] == "finished"
    assert len(manifest["resumed"]) == KILLS
    counts = [main_model(runs[name].folder)["execution"] for name in ("whole", "killed")]
    rows = manifest["split"]["train"] + manifest["split"]["validation"]
    assert [count["executions"] for count in counts] == [N_EPOCHS * rows] * 2
    assert all(count["seconds"] > 0 for count in counts)


def test_the_trackers_keep_to_themselves(runs: dict[str, Outcome]) -> None:
    printed = runs["whole"].printed
    assert (runs["whole"].folder.parent / "mlflow.db").exists()
    assert printed.startswith("(1/1) hybrid\nCircuit\n")
    assert "mlflow" not in printed.lower()
    assert "INFO" not in printed
