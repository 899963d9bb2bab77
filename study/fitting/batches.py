"""Loaders over rows held in memory, in an order that is a function of (seed, epoch)."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Sampler, TensorDataset

from study.config.memory import state_bytes
from study.fitting.seeding import derive

_ROWS = 1024
_STATES = 2**26  # bytes that the states of a circuit's rows may take without being asked for


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


def rows_at_once(model: nn.Module, batch_size: int) -> int:
    """How many rows a prediction runs together: many, but no more states than training holds if these are large.

    Args:
        model: modules in it that run circuits have `n_qubits`.
        batch_size: rows a training step, which were found to fit into memory.
    """
    declared = [getattr(module, "n_qubits", 0) for module in model.modules()]
    n_qubits = max((number for number in declared if isinstance(number, int)), default=0)
    return max(batch_size, min(_ROWS, _STATES // state_bytes(n_qubits)))


def ordered_batches(inputs: Tensor, targets: Tensor, batch_size: int) -> DataLoader:
    """Loader of the same pairs in their given order."""
    positions = [list(range(s, min(s + batch_size, len(inputs)))) for s in range(0, len(inputs), batch_size)]
    return DataLoader(TensorDataset(inputs, targets), sampler=positions, batch_size=None)
