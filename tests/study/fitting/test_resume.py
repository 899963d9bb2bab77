"""An interrupted fit ends as an uninterrupted one, bit for bit, and executes only the steps that were left."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import torch

from study.errors import StudyError
from study.fitting import batches, recorder, streams

ROOT = Path(__file__).parents[3]


class InterruptionError(Exception):
    pass


def fit(toy, folder, *, resume=False, interrupt_after=None, **changes):
    """Fit; with `interrupt_after`, raise before the step of that number in this fit."""
    folder.mkdir(exist_ok=True)
    data = toy.toy_data()
    learner = toy.toy_learner(data, **changes)
    executed = 0

    def count(module, inputs):
        nonlocal executed
        if module.training:
            executed += 1
            if interrupt_after is not None and executed > interrupt_after:
                raise InterruptionError

    learner.model.register_forward_pre_hook(count)
    try:
        learner.fit(data, folder, seed=0, progress=False, resume=resume)
    except InterruptionError:
        return None
    return learner


def weights(learner):
    return learner.model.state_dict()


def equal(first, second):
    return first.keys() == second.keys() and all(torch.equal(first[key], second[key]) for key in first)


def history(folder):
    return pd.read_csv(folder / "metrics.csv").drop(columns="seconds")


@pytest.fixture(scope="module")
def whole(toy, tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    return fit(toy, folder), folder


def interrupted_and_resumed(toy, folder, after, resume_with=None):
    assert fit(toy, folder, interrupt_after=after) is None
    return fit(toy, folder, resume=True, **(resume_with or {}))


@pytest.mark.parametrize("after", [0, 6, 9, 41])
def test_resumed_equals_uninterrupted(toy, whole, tmp_path, after):
    reference, folder = whole
    learner = interrupted_and_resumed(toy, tmp_path / "run", after)
    assert equal(weights(learner), weights(reference))
    pd.testing.assert_frame_equal(history(tmp_path / "run"), history(folder), check_exact=True)
    steps = pd.read_csv(tmp_path / "run" / "steps.csv")
    left = after // toy.STEPS * toy.STEPS
    plan = [(epoch, step) for epoch in range(len(history(folder))) for step in range(toy.STEPS)]
    assert list(zip(steps.epoch, steps.step, strict=True)) == plan[:after] + plan[left:]
    # What was executed twice had the same loss twice.
    uninterrupted = pd.read_csv(folder / "steps.csv")
    assert steps.loss[after:].tolist() == uninterrupted.loss[left:].tolist()


def test_killed_at_random_steps_equals_uninterrupted(toy, whole, tmp_path):
    reference, folder = whole
    rng = random.Random(os.urandom(8))
    limits = [rng.randint(1, 11) for _ in range(4)]
    result = subprocess.run(
        [sys.executable, toy.__file__, tmp_path, *map(str, limits)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        timeout=120,
    )
    assert result.returncode == 0, f"{limits}: {result.stderr}"
    ended = torch.load(tmp_path / "model.pt", weights_only=True)
    assert equal(ended["model"], weights(reference)), limits
    pd.testing.assert_frame_equal(history(tmp_path), history(folder), check_exact=True)

    steps = pd.read_csv(tmp_path / "steps.csv")
    executed = list(zip(steps.epoch, steps.step, strict=True))
    plan = [(epoch, step) for epoch in range(len(history(folder))) for step in range(toy.STEPS)]
    attempts = [tuple(map(int, line.split())) for line in result.stdout.splitlines()]
    assert len(attempts) == len(limits) + 1
    ends = [rows for rows, _ in attempts[1:]] + [len(executed)]
    for (begin, finished_epochs), end in zip(attempts, ends, strict=True):
        left = plan[finished_epochs * toy.STEPS :]
        assert executed[begin:end] == left[: end - begin], limits
    assert executed[attempts[-1][0] :] == plan[attempts[-1][1] * toy.STEPS :], limits


def test_early_stopping_goes_on_counting(toy, tmp_path):
    """A learning rate so high that the first epochs are the best: patience must run out at the same epoch."""
    changes = {
        "optimizer": lambda parameters: torch.optim.SGD(parameters, lr=3.0),
        "scheduler": None,
        "trainer": {**toy.SETTINGS, "max_epochs": 30, "patience": 3},
    }
    (tmp_path / "whole").mkdir()
    reference = fit(toy, tmp_path / "whole", **changes)
    epochs = len(history(tmp_path / "whole"))
    assert epochs < 30
    assert epochs == reference.describe()["best_epoch"] + 1 + 3
    after = (epochs - 1) * toy.STEPS  # in the last epoch, with patience almost gone
    assert fit(toy, tmp_path / "run", interrupt_after=after, **changes) is None
    learner = fit(toy, tmp_path / "run", resume=True, **changes)
    assert len(history(tmp_path / "run")) == epochs
    assert equal(weights(learner), weights(reference))


def test_resuming_a_finished_fit_executes_nothing(toy, whole, tmp_path):
    reference, _ = whole
    fit(toy, tmp_path / "run")
    rows = (tmp_path / "run" / "steps.csv").read_text()
    learner = fit(toy, tmp_path / "run", resume=True)
    assert (tmp_path / "run" / "steps.csv").read_text() == rows
    assert equal(weights(learner), weights(reference))


# The comparisons above must notice what they are there to notice.


def shuffling_that_ignores_the_epoch(self):
    generator = self.__dict__.setdefault("generator", torch.Generator().manual_seed(self.seed))
    order = torch.randperm(self.n_rows, generator=generator).tolist()
    yield from (order[start : start + self.batch_size] for start in range(0, self.n_rows, self.batch_size))


def streams_that_go_on(self, trainer, pl_module, batch, batch_idx):
    pass


def resume_without_the_optimizer(self, trainer, pl_module):
    if self._state is not None:
        counts = dict.fromkeys(("ready", "started", "processed", "completed"), self._state["epoch"] + 1)
        trainer.fit_loop.epoch_progress.load_state_dict({"total": counts, "current": counts})


@pytest.mark.parametrize(
    ("owner", "name", "wrong"),
    [
        (batches.EpochShuffle, "__iter__", shuffling_that_ignores_the_epoch),
        (streams.Streams, "on_train_batch_start", streams_that_go_on),
        (recorder.Recorder, "on_train_start", resume_without_the_optimizer),
    ],
)
def test_a_wrong_implementation_is_noticed(toy, tmp_path, monkeypatch, owner, name, wrong):
    monkeypatch.setattr(owner, name, wrong)
    torch.manual_seed(0)
    reference = fit(toy, tmp_path / "whole")
    torch.manual_seed(1)
    learner = interrupted_and_resumed(toy, tmp_path / "run", after=9)
    assert not equal(weights(learner), weights(reference))


def truncate(path):
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


def test_truncated_checkpoint_falls_back_to_the_previous_one(toy, whole, tmp_path, caplog):
    reference, _ = whole
    run = tmp_path / "run"
    fit(toy, run, interrupt_after=3 * toy.STEPS + 2)
    truncate(run / "checkpoints" / "epoch-0002.ckpt")
    learner = fit(toy, run, resume=True)
    assert equal(weights(learner), weights(reference))
    steps = pd.read_csv(run / "steps.csv")
    assert (steps.epoch[3 * toy.STEPS + 2], steps.step[3 * toy.STEPS + 2]) == (2, 0)
    warned = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(warned) == 1
    assert "epoch-0002.ckpt cannot be read" in warned[0]
    assert "epoch-0001.ckpt" in warned[0]


def test_truncated_best_is_written_again(toy, whole, tmp_path):
    run = tmp_path / "run"
    fit(toy, run)
    truncate(run / "checkpoints" / "best.ckpt")
    learner = fit(toy, run, resume=True)
    assert equal(weights(learner), weights(whole[0]))
    best = torch.load(run / "checkpoints" / "best.ckpt", weights_only=True)
    assert equal(best["model"], weights(whole[0]))


def test_no_readable_checkpoint_is_an_error(toy, tmp_path):
    run = tmp_path / "run"
    fit(toy, run, interrupt_after=3 * toy.STEPS)
    for path in (run / "checkpoints").glob("epoch-*.ckpt"):
        truncate(path)
    with pytest.raises(StudyError, match="None of the 2 checkpoints"):
        fit(toy, run, resume=True)


def test_another_seed_or_model_is_refused(toy, tmp_path):
    run = tmp_path / "run"
    fit(toy, run, interrupt_after=8)
    data = toy.toy_data()
    with pytest.raises(StudyError, match=r"seed=0.*seed=1"):
        toy.toy_learner(data).fit(data, run, seed=1, progress=False, resume=True)
    other = toy.toy_data(n_classes=2)
    with pytest.raises(StudyError, match="another model"):
        toy.toy_learner(other).fit(other, run, seed=0, progress=False, resume=True)


def test_a_used_folder_is_not_trained_in_again(toy, tmp_path):
    run = tmp_path / "run"
    fit(toy, run, interrupt_after=8)
    before = {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
    with pytest.raises(StudyError, match="already holds the checkpoints"):
        fit(toy, run)
    assert before == {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}
