from __future__ import annotations

import functools
import math
import signal
import warnings
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from lightning.pytorch.loggers import Logger
from torch import nn
from torch.nn import functional

from models.hybrid.hybrid import Hybrid
from models.reductions.pca import Pca
from qlayers import QuantumLayer
from study.errors import StudyError
from study.fitting.seeding import derive, reseed
from study.fitting.torch_learner import TorchLearner

EPOCHS = 15


def fit(toy, folder, data, seed=0, **changes):
    learner = toy.toy_learner(data, seed, **changes)
    learner.fit(data, folder, seed=seed, progress=False)
    return learner


def by_hand(data, rate, weights=None):
    """The same training as a plain loop, without Lightning: the slow twin. Returns each epoch's weights and losses."""
    reseed(0, "init")
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Dropout(0.3), nn.Linear(8, data.n_outputs))
    optimizer = torch.optim.Adam(model.parameters(), lr=rate)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=10, gamma=0.5)
    inputs = torch.tensor(data.train.inputs, dtype=torch.float32)
    targets = torch.tensor(data.train.targets)
    held_inputs, held_targets = (
        torch.tensor(data.validation.inputs, dtype=torch.float32),
        data.validation.targets,
    )
    states, rows = [], []
    for epoch in range(EPOCHS):
        model.train()
        order = torch.randperm(
            len(inputs), generator=torch.Generator().manual_seed(derive(0, "shuffle", epoch))
        )
        norms, losses = [], 0.0
        for step, positions in enumerate(order.split(8)):
            reseed(0, "step", epoch, step)
            optimizer.zero_grad()
            loss = functional.cross_entropy(model(inputs[positions]), targets[positions], weight=weights)
            loss.backward()
            norms.append(float(nn.utils.clip_grad_norm_(model.parameters(), 1.0)))
            optimizer.step()
            losses += loss.item() * len(positions)
        scheduler.step()
        model.eval()
        with torch.no_grad():
            outputs = model(held_inputs)
        rows.append(
            {
                "train_loss": losses / len(inputs),
                "val_loss": functional.cross_entropy(
                    outputs, torch.tensor(held_targets), weight=weights
                ).item(),
                "val_accuracy": float((outputs.argmax(1).numpy() == held_targets).mean()),
                "gradient_norm": float(np.mean(norms)),
            }
        )
        states.append({name: value.clone() for name, value in model.state_dict().items()})
    return states, pd.DataFrame(rows)


@pytest.mark.parametrize("class_weight", [None, "balanced"])
def test_equals_a_loop_written_by_hand(toy, tmp_path, class_weight):
    data = toy.toy_data()
    weights = None
    if class_weight:
        counts = np.bincount(data.train.targets)
        weights = torch.tensor(len(data.train.targets) / (3 * counts), dtype=torch.float32)
        assert len(set(counts)) > 1, "balanced classes would not tell weights from none"
    states, rows = by_hand(data, 0.1, weights)
    learner = fit(
        toy,
        tmp_path,
        data,
        class_weight=class_weight,
        optimizer=functools.partial(torch.optim.Adam, lr=0.1),
        scheduler=functools.partial(torch.optim.lr_scheduler.StepLR, step_size=10, gamma=0.5),
        trainer={**toy.SETTINGS, "max_epochs": EPOCHS, "patience": None},
    )
    best = int(rows.val_loss.argmin())
    assert best < len(rows) - 1, "the last epoch being the best would not tell best from last"
    for name, value in learner.model.state_dict().items():
        assert torch.equal(value, states[best][name])
    written = pd.read_csv(tmp_path / "metrics.csv")
    assert written.columns.tolist() == [
        "epoch", "train_loss", "val_loss", "val_accuracy", "gradient_norm", "seconds",
    ]  # fmt: skip
    pd.testing.assert_frame_equal(written[rows.columns], rows[: len(written)], rtol=1e-6)
    assert learner.describe()["best_epoch"] == best


def test_same_seed_same_everything_other_seed_not(toy, tmp_path):
    data = toy.toy_data()
    learners = []
    for number, seed in enumerate((0, 0, 1)):
        torch.manual_seed(number)  # what the process drew before must not matter
        (tmp_path / str(number)).mkdir()
        learners.append(fit(toy, tmp_path / str(number), data, seed))
    first, second, other = (learner.predict(data.test.inputs) for learner in learners)
    np.testing.assert_array_equal(first, second)
    assert not np.allclose(first, other)
    one, two = (learner.model.state_dict() for learner in learners[:2])
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_probabilities_and_restored_predictions_are_exact(toy, tmp_path):
    data = toy.toy_data()
    learner = fit(toy, tmp_path, data)
    predictions = learner.predict(data.test.inputs)
    assert predictions.shape == (19, 3)
    assert predictions.dtype == np.float64
    np.testing.assert_allclose(predictions.sum(axis=1), 1, rtol=0, atol=1e-12)
    assert learner.predict(data.test.inputs[:0]).shape == (0, 3)
    learner.save(tmp_path)
    again = toy.toy_learner(data, seed=99)
    again.restore(tmp_path)
    np.testing.assert_array_equal(again.predict(data.test.inputs), predictions)
    assert (again.task, again.n_outputs, again.fit_seconds) == ("classification", 3, learner.fit_seconds)
    assert again.describe() == learner.describe()


def test_regression_is_in_the_targets_units(toy, tmp_path):
    data = toy.toy_data("regression", n_train=200)
    trainer = {**toy.SETTINGS, "max_epochs": 25}
    learner = fit(toy, tmp_path, data, trainer=trainer)
    predictions = learner.predict(data.test.inputs)
    assert predictions.shape == (19,)
    spread = data.test.targets.std()
    assert np.sqrt(np.mean((predictions - data.test.targets) ** 2)) < 0.5 * spread
    # The validation metric is the root mean squared error in those units, at the epoch whose weights are kept.
    written = pd.read_csv(tmp_path / "metrics.csv").set_index("epoch")
    error = learner.predict(data.validation.inputs) - data.validation.targets
    best = learner.describe()["best_epoch"]
    assert written.val_rmse[best] == pytest.approx(np.sqrt(np.mean(error**2)), rel=1e-4)
    assert written.val_loss[best] == pytest.approx(np.mean(error**2) / data.train.targets.var(), rel=1e-4)
    learner.save(tmp_path)
    again = toy.toy_learner(data)
    again.restore(tmp_path)
    np.testing.assert_array_equal(again.predict(data.test.inputs), predictions)


def test_checkpoints_are_plain_and_only_the_last_two_and_the_best(toy, tmp_path):
    data = toy.toy_data()
    learner = fit(toy, tmp_path, data)
    epochs = len(pd.read_csv(tmp_path / "metrics.csv"))
    files = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert files == ["best.ckpt", f"epoch-{epochs - 2:04d}.ckpt", f"epoch-{epochs - 1:04d}.ckpt"]

    def plain(value):
        if isinstance(value, dict):
            return all(isinstance(key, str | int) and plain(item) for key, item in value.items())
        if isinstance(value, list | tuple):
            return all(map(plain, value))
        return value is None or isinstance(value, torch.Tensor | str | int | float | bool)

    for name in files:
        state = torch.load(tmp_path / "checkpoints" / name, weights_only=True)
        assert type(state) is dict
        assert plain(state)
    best = torch.load(tmp_path / "checkpoints" / "best.ckpt", weights_only=True)["model"]
    assert all(torch.equal(best[name], value) for name, value in learner.model.state_dict().items())


def test_a_diverging_fit_says_where_and_keeps_the_last_good_checkpoint(toy, tmp_path):
    data = toy.toy_data()
    learner = toy.toy_learner(data)
    calls = 0

    def spoil(module, inputs, outputs):
        nonlocal calls
        calls += module.training
        return outputs * math.nan if calls == 2 * toy.STEPS + 4 else None

    learner.model.register_forward_hook(spoil)
    with pytest.raises(
        StudyError, match=r"training loss became nan in epoch 2, step 3, .*0\.025.*gradient_clip_val"
    ):
        learner.fit(data, tmp_path, seed=0, progress=False)
    state = torch.load(tmp_path / "checkpoints" / "epoch-0001.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in state["model"].values())
    assert not (tmp_path / "checkpoints" / "epoch-0002.ckpt").exists()


def test_an_infinite_gradient_is_noticed_before_it_is_applied(toy, tmp_path):
    data = toy.toy_data()
    learner = toy.toy_learner(data)
    learner.model[0].weight.register_hook(lambda gradient: gradient * math.inf)
    with pytest.raises(StudyError, match=r"gradient's norm became (inf|nan) in epoch 0, step 0"):
        learner.fit(data, tmp_path, seed=0, progress=False)


def test_an_interrupt_from_the_keyboard_stays_one(toy, tmp_path):
    data = toy.toy_data()
    learner = toy.toy_learner(data)

    def interrupt(module, inputs):
        if module.training:
            raise KeyboardInterrupt

    learner.model.register_forward_pre_hook(interrupt)
    handler = signal.getsignal(signal.SIGINT)
    try:
        with pytest.raises(KeyboardInterrupt):
            learner.fit(data, tmp_path, seed=0, progress=False)
    finally:
        signal.signal(signal.SIGINT, handler)  # Lightning ignores it from then on


class Given(Logger):
    name, version = "given", 0

    def __init__(self):
        super().__init__()
        self.records = []

    def log_metrics(self, metrics, step=None):
        self.records.append((step, metrics))

    def log_hyperparams(self, *args, **kwargs):
        pass


def test_loggers_are_given_the_record_of_each_epoch(toy, tmp_path):
    logger = Given()
    fit(toy, tmp_path, toy.toy_data(), loggers=[logger])
    written = pd.read_csv(tmp_path / "metrics.csv").set_index("epoch")
    logged = pd.DataFrame(
        [metrics for _, metrics in logger.records], index=[step for step, _ in logger.records]
    )
    pd.testing.assert_frame_equal(logged, written, check_names=False)


def test_nothing_is_printed_where_there_is_no_terminal(toy, tmp_path, capfd):
    data = toy.toy_data()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        toy.toy_learner(data, loggers=[Given()]).fit(data, tmp_path, seed=0, progress=True)
    assert capfd.readouterr() == ("", "")


def test_warnings_that_mean_something_are_not_hidden(toy, tmp_path):
    data = toy.toy_data()
    learner = toy.toy_learner(data)
    learner.model.register_forward_pre_hook(lambda *_: warnings.warn("heed this", stacklevel=1))
    with pytest.warns(UserWarning, match="heed this"):
        learner.fit(data, tmp_path, seed=0, progress=False)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trainer": {"max_epoch": 3}}, "trainer.max_epoch is not an option; nearest: max_epochs"),
        ({"trainer": {"max_epochs": 0}}, "trainer.max_epochs must be a whole number from 1 on, but is 0"),
        (
            {"trainer": {"patience": 2.5}},
            "trainer.patience must be a whole number from 1 on or null, but is 2.5",
        ),
        ({"trainer": {"precision": 16}}, "set the top-level option precision"),
        ({"trainer": {"callbacks": []}}, "trainer.callbacks is not an option"),
        ({"trainer": {"accelerator": "abacus"}}, "Lightning refuses the options under trainer"),
        ({"trainer": {"devices": 2}}, "one device"),
        ({"precision": "float16"}, "precision must be one of float32, float64"),
        ({"class_weight": "heavy"}, "class_weight must be null or balanced"),
        (
            {"optimizer": functools.partial(torch.optim.Adam, lr=-1)},
            "options under optimizer .*Invalid learning rate",
        ),
        ({"optimizer": functools.partial(torch.optim.Adam, learning_rate=1)}, "options under optimizer"),
    ],
)
def test_bad_options_are_refused_before_anything_is_written(toy, tmp_path, change, message):
    data = toy.toy_data()
    with pytest.raises(StudyError, match=message):
        toy.toy_learner(data, **change).fit(data, tmp_path, seed=0, progress=False)
    assert not list(tmp_path.iterdir())


def refused(model, data, message, error=StudyError):
    learner = TorchLearner(model, torch.optim.SGD, {})
    with pytest.raises(error, match=message):
        learner.check(data)


def test_a_model_that_does_not_fit_the_data_is_refused(toy):
    data = toy.toy_data()
    refused(nn.Linear(5, 3), data, "Linear cannot take the rows of 4 numbers")
    refused(
        nn.Linear(4, 2), data, r"gives shape \(2, 2\).*needs shape \(2, 3\): one for each of its 3 classes"
    )
    refused(nn.Linear(4, 2), toy.toy_data("regression"), r"needs shape \(2, 1\): the target")
    refused(nn.Identity(), data, "no trainable parameters")
    empty = SimpleNamespace(**{**vars(data), "validation": SimpleNamespace(inputs=np.empty((0, 4)))})
    refused(nn.Linear(4, 3), empty, "validation part has no rows.*split.validation_fraction")
    refused(nn.Linear(4, 3), SimpleNamespace(**{**vars(data), "task": "ranking"}), "asks for ranking")


def test_reductions_are_fitted_on_the_training_part_alone(toy):
    data = toy.toy_data()
    pca = Pca(4, 2)
    learner = TorchLearner(nn.Sequential(pca, nn.Linear(2, 3)), torch.optim.SGD, {}, precision="float64")
    learner.check(data)
    np.testing.assert_allclose(pca.mean.numpy(), data.train.inputs.mean(axis=0), rtol=1e-12)


def test_a_check_leaves_no_trace_in_the_streams(toy):
    data = toy.toy_data()
    learner = toy.toy_learner(data)
    state = torch.get_rng_state()
    learner.check(data)
    assert torch.equal(torch.get_rng_state(), state)
    assert learner.model.training


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half a file"])
def test_a_damaged_model_file_is_refused(toy, tmp_path, content):
    (tmp_path / "model.pt").write_bytes(content)
    with pytest.raises(StudyError, match=r"model\.pt is damaged"):
        toy.toy_learner(toy.toy_data()).restore(tmp_path)


def test_the_file_of_another_model_is_refused(toy, tmp_path):
    fit(toy, tmp_path, toy.toy_data()).save(tmp_path)
    with pytest.raises(StudyError, match="another model"):
        toy.toy_learner(toy.toy_data(n_classes=2)).restore(tmp_path)


class Trap:
    def __reduce__(self):
        return (print, ("executed",))


def test_a_model_file_is_never_executed(toy, tmp_path, capsys):
    torch.save({"format": 1, "model": Trap()}, tmp_path / "model.pt")
    with pytest.raises(StudyError, match="is damaged or of another version"):
        toy.toy_learner(toy.toy_data()).restore(tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("precision", ["float32", "float64"])
def test_a_hybrid_learns(toy, tmp_path, precision):
    data = toy.toy_data(n_classes=2, n_train=60)
    reseed(0, "init")
    circuit = QuantumLayer(n_qubits=2, n_features=2, precision=precision)
    learner = TorchLearner(
        Hybrid(nn.Linear(4, 2), circuit, nn.Linear(2, 2)),
        functools.partial(torch.optim.Adam, lr=0.1),
        {"max_epochs": 6, "batch_size": 16},
        precision=precision,
    )
    learner.fit(data, tmp_path, seed=0, progress=False)
    losses = pd.read_csv(tmp_path / "metrics.csv").train_loss
    assert losses.iloc[-1] < 0.8 * losses.iloc[0]
    assert learner.n_parameters == sum(p.numel() for p in learner.model.parameters())
    learner.save(tmp_path)
    again = TorchLearner(
        Hybrid(nn.Linear(4, 2), QuantumLayer(n_qubits=2, n_features=2, precision=precision), nn.Linear(2, 2)),
        torch.optim.SGD,
        {},
        precision=precision,
    )
    again.restore(tmp_path)
    np.testing.assert_array_equal(again.predict(data.test.inputs), learner.predict(data.test.inputs))
