"""Loaders over rows held in memory, in an order that is a function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Sampler, TensorDataset

from study.fitting.seeding import derive


class EpochShuffle(Sampler[list[int]]):
    """Batches of row positions, drawn anew each epoch from (seed, epoch) and from nothing else.

    Lightning calls `set_epoch` before each epoch, also after a resume.

    Args:
        n_rows: how many rows there are.
        batch_size: rows a batch; the last batch may be smaller.
        seed: the run's seed.
    """

    def __init__(self, n_rows: int, batch_size: int, seed: int) -> None:
        self.n_rows = n_rows
        self.batch_size = batch_size
        self.seed = seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        self.epoch = epoch

    def __iter__(self) -> Iterator[list[int]]:
        generator = torch.Generator().manual_seed(derive(self.seed, "shuffle", self.epoch))
        order = torch.randperm(self.n_rows, generator=generator).tolist()
        for start in range(0, self.n_rows, self.batch_size):
            yield order[start : start + self.batch_size]

    def __len__(self) -> int:
        return -(-self.n_rows // self.batch_size)


def training_batches(inputs: Tensor, targets: Tensor, batch_size: int, seed: int) -> DataLoader:
    """Loader of (inputs (batch, n_inputs), targets (batch,)), shuffled by (seed, epoch)."""
    # A list of positions is fetched in one indexing operation, hence batch_size=None and no collation.
    sampler = EpochShuffle(len(inputs), batch_size, seed)
    return DataLoader(TensorDataset(inputs, targets), sampler=sampler, batch_size=None)


def ordered_batches(inputs: Tensor, targets: Tensor, batch_size: int) -> DataLoader:
    """Loader of the same pairs in their given order."""
    positions = [list(range(s, min(s + batch_size, len(inputs)))) for s in range(0, len(inputs), batch_size)]
    return DataLoader(TensorDataset(inputs, targets), sampler=positions, batch_size=None)
