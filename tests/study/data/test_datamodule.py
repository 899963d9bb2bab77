"""LightningDataModules: read once, their own parts kept, the same table every time."""

from __future__ import annotations

import random

import numpy as np
import pytest
import torch
from lightning import LightningDataModule
from torch.utils.data import DataLoader, Dataset, IterableDataset, TensorDataset, random_split

from study.data.prepare import load_table, prepare
from study.data.preprocessing import Preprocessor
from study.data.splits.group import Group
from study.data.splits.stratified import Stratified
from study.errors import StudyError

INPUTS = torch.randn(50, 3, generator=torch.Generator().manual_seed(0))
CLASSES = torch.arange(50) % 2


class Tensors(LightningDataModule):
    """30 + 10 + 10 rows, the training loader shuffled, its last batch incomplete and dropped."""

    def __init__(self, inputs: torch.Tensor = INPUTS, targets: torch.Tensor = CLASSES) -> None:
        super().__init__()
        self.tensors = inputs, targets

    def part(self, start: int, stop: int, **options) -> DataLoader:
        dataset = TensorDataset(*(tensor[start:stop] for tensor in self.tensors))
        return DataLoader(dataset, batch_size=7, **options)

    def train_dataloader(self) -> DataLoader:
        return self.part(0, 30, shuffle=True, drop_last=True)

    def val_dataloader(self) -> DataLoader:
        return self.part(30, 40)

    def test_dataloader(self) -> DataLoader:
        return self.part(40, 50)


class Hooked(Tensors):
    """Splits at random in `setup`, as many modules do, and records what was called."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[str] = []

    def prepare_data(self) -> None:
        self.calls.append("prepare_data")

    def setup(self, stage: str) -> None:
        self.calls.append(stage)
        self.parts = random_split(TensorDataset(*self.tensors), [30, 10, 10])

    def train_dataloader(self) -> DataLoader:
        return DataLoader(self.parts[0], batch_size=7, shuffle=True)


def test_every_row_comes_once_with_its_target_in_the_parts_of_the_module() -> None:
    table = load_table(Tensors())
    assert (table.name, table.task, table.classes) == ("tensors", "classification", ["0", "1"])
    assert table.features.shape == (50, 3)
    assert list(table.features) == ["x0", "x1", "x2"]
    fixed = table.fixed_parts
    assert [len(part) for part in (fixed.train, fixed.validation, fixed.test)] == [30, 10, 10]
    label_of = {tuple(row): int(label) for row, label in zip(INPUTS.double().tolist(), CLASSES, strict=True)}
    read = [tuple(row) for row in table.features.to_numpy().tolist()]
    assert sorted(read[:30]) == sorted(map(tuple, INPUTS[:30].double().tolist()))
    assert read[30:] == list(map(tuple, INPUTS[30:].double().tolist()))
    assert [label_of[row] for row in read] == table.target.tolist()


@pytest.mark.parametrize("make", [Tensors, Hooked])
def test_shuffling_does_not_change_the_table_or_the_random_streams(make) -> None:
    torch.manual_seed(1)
    first = load_table(make()).fingerprint
    before = torch.get_rng_state(), np.random.get_state()[1].copy(), random.getstate()
    second = load_table(make()).fingerprint
    assert first == second
    assert torch.equal(before[0], torch.get_rng_state())
    assert np.array_equal(before[1], np.random.get_state()[1])
    assert before[2] == random.getstate()


def test_hooks_run_in_lightnings_order() -> None:
    module = Hooked()
    load_table(module)
    assert module.calls == ["prepare_data", "fit", "test"]


def test_prepare_keeps_the_parts_and_fits_on_training_rows() -> None:
    prepared = prepare(Tensors(), Stratified(), Preprocessor())
    assert (prepared.n_inputs, prepared.n_outputs) == (3, 2)
    np.testing.assert_allclose(prepared.train.inputs.mean(axis=0), 0, atol=1e-12)
    raw = INPUTS[:30].double().numpy()
    expected = (INPUTS[40:].double().numpy() - raw.mean(axis=0)) / raw.std(axis=0)
    np.testing.assert_allclose(prepared.test.inputs, expected, rtol=1e-9, atol=1e-12)
    assert prepared.test.targets.tolist() == CLASSES[40:].tolist()


@pytest.mark.parametrize("split", [Stratified(fold=1), Stratified(repeat=1), Group(group="x0")])
def test_a_split_that_the_module_cannot_follow_is_refused(split) -> None:
    with pytest.raises(StudyError, match="brings its own training, validation and test parts"):
        prepare(Tensors(), split, Preprocessor())


def test_images_are_flattened_row_major_and_targets_may_be_a_column() -> None:
    images = torch.arange(50 * 6, dtype=torch.uint8).reshape(50, 2, 3)
    table = load_table(Tensors(images, CLASSES[:, None]))
    assert table.features.iloc[30].tolist() == images[30].flatten().tolist()


def test_floating_point_targets_are_a_regression() -> None:
    table = load_table(Tensors(targets=INPUTS[:, 0] * 2))
    assert (table.task, table.target.dtype) == ("regression", np.float64)
    assert "float64" in table.task_reason


@pytest.mark.filterwarnings("ignore:.*pin_memory:UserWarning")  # what from_datasets asks for
def test_a_module_from_datasets_is_read() -> None:
    parts = [TensorDataset(INPUTS[a:b], CLASSES[a:b]) for a, b in ((0, 30), (30, 40), (40, 50))]
    module = LightningDataModule.from_datasets(*parts, batch_size=8, num_workers=0)
    assert load_table(module).features.shape == (50, 3)


def test_an_iterable_dataset_is_read_with_its_incomplete_last_batch() -> None:
    class Stream(IterableDataset):
        def __iter__(self):
            yield from zip(INPUTS[:30], CLASSES[:30], strict=True)

    class Streaming(Tensors):
        def train_dataloader(self) -> DataLoader:
            return DataLoader(Stream(), batch_size=7, drop_last=True)

    assert len(load_table(Streaming()).fixed_parts.train) == 30


def test_augmentation_is_frozen_at_one_reading() -> None:
    class Noisy(Dataset):
        def __len__(self) -> int:
            return 30

        def __getitem__(self, row: int):
            return INPUTS[row] + torch.randn(3), CLASSES[row]

    class Augmented(Tensors):
        def train_dataloader(self) -> DataLoader:
            return DataLoader(Noisy(), batch_size=10)

    assert load_table(Augmented()).fingerprint == load_table(Augmented()).fingerprint


class Without(LightningDataModule):
    train_dataloader = Tensors.train_dataloader
    part = Tensors.part
    tensors = INPUTS, CLASSES


class Single(Tensors):
    def test_dataloader(self) -> DataLoader:
        return DataLoader(INPUTS[40:], batch_size=5)


class Narrow(Tensors):
    def test_dataloader(self) -> DataLoader:
        return DataLoader(TensorDataset(INPUTS[40:, :2], CLASSES[40:]))


class Empty(Tensors):
    def test_dataloader(self) -> list:
        return []


@pytest.mark.parametrize(
    ("module", "message"),
    [
        (Without(), "'without' defines no val_dataloader"),
        (Single(), r"single\.test_dataloader yields Tensor batches; pairs"),
        (Narrow(), r"different numbers of inputs: \[2, 3\]"),
        (Empty(), r"empty\.test_dataloader yields no batch"),
        (Tensors(targets=torch.zeros(50, 2)), r"targets of shape \(7, 2\)"),
        (Tensors(targets=torch.zeros(50)), "constant"),
        (Tensors(INPUTS.masked_fill(INPUTS > 2, torch.nan)), "Clean them in the data module"),
        (Tensors(targets=(torch.arange(50) >= 40).long()), "class '1'.*no row in the training part"),
    ],
)
def test_modules_that_cannot_be_used(module: LightningDataModule, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        prepare(module, Stratified(), Preprocessor())
