"""The parts of a fit by themselves."""

from __future__ import annotations

import io
import random
import re
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.utils.class_weight import compute_class_weight

from study.fitting.batches import EpochShuffle, ordered_batches, rows_at_once, training_batches
from study.fitting.history import History
from study.fitting.latency import measure_latency
from study.fitting.progress import ProgressBar
from study.fitting.readiness import fit_reductions
from study.fitting.scaling import TargetScale, balanced_weights
from study.fitting.seeding import derive, reseed
from study.fitting.stopping import Stopping
from study.terminal import Terminal


def test_streams_differ_in_every_label():
    labels = [(), ("init",), ("shuffle", 0), ("shuffle", 1), ("shuffle", "1"), ("step", 0, 1), ("step", 1, 0)]
    labels += [("ab",), ("a", "b"), ("step", 11), ("step", 1, 1)]
    values = [derive(seed, *label) for seed in (0, 1, -1, 2**70) for label in labels]
    assert len(set(values)) == len(values)
    assert all(0 <= value < 2**32 for value in values)
    assert derive(np.int64(3), "shuffle", np.int64(5)) == derive(3, "shuffle", 5)


def test_derived_seeds_are_the_same_everywhere():
    """Run folders depend on it: a change of this number breaks resuming and rebuilding."""
    assert derive(0, "init") == 1841079844
    code = "from study.fitting.seeding import derive; print(derive(0, 'init'))"
    root = Path(__file__).parents[3]
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=root)
    assert int(result.stdout) == derive(0, "init")


def test_reseeding_sets_all_three_streams():
    def draw():
        return random.random(), np.random.rand(), torch.rand(1).item()

    reseed(1, "a")
    first = draw()
    draw()
    reseed(1, "a")
    assert draw() == first
    reseed(1, "b")
    assert not set(draw()) & set(first)


def test_every_epoch_is_a_different_order_of_all_rows():
    shuffle = EpochShuffle(10, 4, seed=0)
    orders = []
    for epoch in (0, 1, 0):
        shuffle.set_epoch(epoch)
        batches = list(shuffle)
        assert [len(batch) for batch in batches] == [4, 4, 2]
        assert len(shuffle) == 3
        orders.append([row for batch in batches for row in batch])
    assert orders[0] == orders[2] != orders[1]
    assert sorted(orders[0]) == sorted(orders[1]) == list(range(10))


def test_loaders_keep_rows_and_targets_together():
    inputs, targets = torch.arange(14.0).reshape(7, 2), torch.arange(7)
    for loader in (training_batches(inputs, targets, 3, seed=0), ordered_batches(inputs, targets, 3)):
        batches = list(loader)
        assert [len(batch[0]) for batch in batches] == [3, 3, 1]
        for rows, labels in batches:
            assert torch.equal(rows, inputs[labels])
    assert torch.equal(torch.cat([labels for _, labels in batches]), targets)


def test_stopping_counts_from_the_best_epoch():
    stopping = Stopping(patience=2)
    losses = [3.0, 2.0, 2.0, 1.0, 5.0, 1.0]
    improved = [stopping.update(epoch, loss) for epoch, loss in enumerate(losses)]
    assert improved == [True, True, False, True, False, False]
    assert (stopping.best_epoch, stopping.best_loss) == (3, 1.0)
    assert [stopping.exhausted(epoch) for epoch in (3, 4, 5)] == [False, False, True]
    assert not Stopping(patience=None, best_epoch=0).exhausted(1000)


def test_history_is_cut_back_to_what_counts(tmp_path):
    history = History(tmp_path)
    for epoch in range(3):
        history.step(epoch, 0, 0.1)
        history.epoch(epoch, {"loss": epoch + 0.5})
    history.close()
    with (tmp_path / "metrics.csv").open("a") as file:
        file.write("3")  # a row that was being written when the process died
    again = History(tmp_path, resume_at=2)
    again.step(2, 0, 1 / 3)
    again.epoch(2, {"loss": 7.0})
    again.close()
    assert (tmp_path / "metrics.csv").read_text() == "epoch,loss\n0,0.5\n1,1.5\n2,7.0\n"
    assert (
        tmp_path / "steps.csv"
    ).read_text() == "epoch,step,loss\n0,0,0.1\n1,0,0.1\n2,0,0.1\n2,0,0.3333333333333333\n"
    with pytest.raises(ValueError, match="columns"):
        again.epoch(3, {"other": 1.0})


def test_target_scale_is_undone():
    targets = np.array([10.0, 20.0, 60.0])
    scale = TargetScale.of(targets)
    standard = scale.standardise(targets)
    assert standard.mean() == pytest.approx(0)
    assert standard.std() == pytest.approx(1)
    np.testing.assert_allclose(scale.restore(standard), targets)
    assert TargetScale.of(np.array([5.0, 5.0])).deviation == 1.0


def test_balanced_weights_are_scikit_learns():
    targets = np.array([0, 0, 0, 2, 2, 1])
    expected = compute_class_weight("balanced", classes=np.arange(3), y=targets)
    np.testing.assert_allclose(balanced_weights(targets, 3), expected)
    assert balanced_weights(targets, 4)[3] == 0


def test_the_outermost_fit_decides():
    calls = []

    class Fitted(torch.nn.Module):
        def __init__(self, name, *inside):
            super().__init__()
            self.name = name
            self.inside = torch.nn.ModuleList(inside)

        def fit(self, inputs):
            calls.append(self.name)

    fit_reductions(
        torch.nn.Sequential(Fitted("a", Fitted("inside")), torch.nn.Linear(1, 1), Fitted("b")), torch.ones(1)
    )
    assert calls == ["a", "b"]


def test_latency_is_the_median_of_one_row_and_of_all():
    rows = []

    def predict(inputs):
        rows.append(len(inputs))
        time.sleep(0.002 if len(inputs) == 1 else 0.02)
        return inputs

    latency = measure_latency(predict, np.zeros((5, 2)), repeats=3)
    assert rows == [1] * 4 + [5] * 4  # the first call of each is not counted
    assert 2 <= latency.row_ms < 20 <= latency.batch_ms
    assert latency.rows == 5
    rows.clear()
    measure_latency(predict, np.zeros((5, 2)), repeats=1000, limit_s=0.05)
    assert len(rows) < 60
    with pytest.raises(ValueError, match="at least one row"):
        measure_latency(predict, np.zeros((0, 2)))


def test_the_bar_shows_loss_and_validation_metric_at_a_terminal(toy, tmp_path, monkeypatch):
    output = io.StringIO()
    console = Terminal(file=output, force_terminal=True, width=120)
    monkeypatch.setattr("study.fitting.torch_learner.ProgressBar", lambda: ProgressBar(console))
    data = toy.toy_data()
    toy.toy_learner(data).fit(data, tmp_path, seed=0, progress=True)
    shown = output.getvalue()
    assert "epoch" in shown
    assert "val loss" in shown
    assert "accuracy" in shown
    silent = io.StringIO()
    console.file = silent
    (tmp_path / "again").mkdir()
    toy.toy_learner(data).fit(data, tmp_path / "again", seed=0, progress=False)
    assert silent.getvalue() == ""


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_bar_fits_into_80_columns(toy, tmp_path, monkeypatch, task):
    output = io.StringIO()
    console = Terminal(file=output, force_terminal=True, width=80, _environ={})
    monkeypatch.setattr("study.fitting.torch_learner.ProgressBar", lambda: ProgressBar(console))
    data = toy.toy_data(task)
    settings = {**toy.SETTINGS, "max_epochs": 100, "patience": 2}
    learner = toy.toy_learner(data, trainer=settings)
    learner.fit(data, tmp_path, seed=0, progress=True)
    frames = re.split(r"[\r\n]+", re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", output.getvalue()))
    frames = [frame.rstrip() for frame in frames if "epoch" in frame]
    assert all(len(frame) <= 80 and "…" not in frame for frame in frames)
    finished = len((tmp_path / "metrics.csv").read_text().splitlines()) - 1
    assert finished < 100  # stopped early, so that nothing remains
    assert re.fullmatch(
        rf"epoch {finished}/100 ━+ loss [\d.]+  val loss [\d.]+  (accuracy|rmse) [\d.]+ \d\d:\d\d", frames[-1]
    )


@pytest.mark.parametrize(
    ("n_qubits", "batch_size", "rows"),
    [(0, 32, 1024), (4, 32, 1024), (12, 32, 1024), (13, 32, 512), (20, 32, 32), (20, 2, 4), (4, 5000, 5000)],
)
def test_a_prediction_holds_no_more_states_than_fit(n_qubits, batch_size, rows):
    model = torch.nn.Sequential(torch.nn.Linear(1, 1), torch.nn.Identity())
    if n_qubits:
        model[1].n_qubits = n_qubits
    assert rows_at_once(model, batch_size) == rows
    if rows > batch_size:
        assert np.zeros((2,) * n_qubits, dtype=np.complex128).nbytes * rows <= 2**26


def test_large_circuits_are_given_few_rows_at_once(toy, tmp_path):
    given = []

    class Large(torch.nn.Linear):
        n_qubits = 21

        def forward(self, inputs):
            given.append(len(inputs))
            return super().forward(inputs)

    data = toy.toy_data()
    learner = toy.toy_learner(data, trainer={**toy.SETTINGS, "max_epochs": 1, "batch_size": 3})
    learner.model = torch.nn.Sequential(Large(4, 3))
    learner.fit(data, tmp_path, seed=0, progress=False)
    learner.predict(data.test.inputs)
    assert max(given) == 3
    given.clear()
    Large.n_qubits = 4
    learner.predict(data.test.inputs)
    assert given == [len(data.test.inputs)]
