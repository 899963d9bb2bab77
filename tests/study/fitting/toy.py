"""A small training that every test of resuming shares; run as a script, it is interrupted by SIGKILL.

    python toy.py FOLDER ROWS...

trains in FOLDER in a process of its own and kills it from outside as soon as steps.csv has the first number of rows,
resumes and kills at the second, and so on; the last fit runs to its end and is saved. It prints one line an attempt:
rows in steps.csv before it, and epochs finished before it.
"""

from __future__ import annotations

import functools
import os
import signal
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from torch import nn

from study.fitting.seeding import derive, reseed
from study.fitting.torch_learner import TorchLearner

SETTINGS = {"max_epochs": 7, "batch_size": 8, "patience": 5, "gradient_clip_val": 1.0}
N_TRAIN = 44  # six steps an epoch, the last one smaller
STEPS = 6


def toy_data(
    task: str = "classification", n_classes: int = 3, n_train: int = N_TRAIN, seed: int = 0
) -> SimpleNamespace:
    """Four features, of which two matter; duck-typed like `study.data.prepare.Prepared`."""
    rng = np.random.default_rng(derive(seed, "toy"))
    classes = [f"c{k}" for k in range(n_classes)] if task == "classification" else []

    def part(n: int) -> SimpleNamespace:
        inputs = rng.normal(size=(n, 4))
        score = inputs[:, 0] + 0.5 * inputs[:, 1] + 0.1 * rng.normal(size=n)
        if task == "regression":
            targets = 1000.0 + 50.0 * score
        else:
            targets = np.clip(np.digitize(score, np.linspace(-0.6, 0.6, n_classes - 1)), 0, n_classes - 1)
        return SimpleNamespace(inputs=inputs, targets=targets, rows=np.arange(n))

    data = SimpleNamespace(
        name="toy",
        task=task,
        classes=classes,
        n_inputs=4,
        n_outputs=n_classes if classes else 1,
        train=part(n_train),
        validation=part(17),
        test=part(19),
    )
    data.at_hand = (data.train, data.validation, data.test)
    return data


def toy_learner(data: SimpleNamespace, seed: int = 0, **changes: object) -> TorchLearner:
    """Dropout needs the streams, momentum the optimizer's state, and the scheduler its own."""
    reseed(seed, "init")
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, data.n_outputs))
    options = {
        "optimizer": functools.partial(torch.optim.Adam, lr=0.05),
        "trainer": SETTINGS,
        "scheduler": functools.partial(torch.optim.lr_scheduler.StepLR, step_size=2, gamma=0.5),
        **changes,
    }
    return TorchLearner(model, **options)


def _attempt(folder: Path, rows: int | None) -> None:
    """Fit in a child process; kill it once steps.csv has so many rows, or let it end and save."""
    child = os.fork()
    if child == 0:
        data = toy_data()
        learner = toy_learner(data)
        learner.fit(data, folder, seed=0, progress=False, resume=(folder / "steps.csv").exists())
        learner.save(folder)
        os._exit(0)
    while rows is not None and _rows(folder) < rows:
        time.sleep(0.0005)
    if rows is not None:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    if killed != (rows is not None) or (not killed and status != 0):
        sys.exit(f"the attempt to be killed at {rows} ended with status {status}")


def _rows(folder: Path) -> int:
    path = folder / "steps.csv"
    return max(0, path.read_bytes().count(b"\n") - 1) if path.exists() else 0


def _finished_epochs(folder: Path) -> int:
    return max((int(path.stem[6:]) + 1 for path in (folder / "checkpoints").glob("epoch-*.ckpt")), default=0)


if __name__ == "__main__":
    place = Path(sys.argv[1])
    for limit in [*map(int, sys.argv[2:]), None]:
        before = _rows(place)
        print(before, _finished_epochs(place), flush=True)
        _attempt(place, None if limit is None else before + limit)
