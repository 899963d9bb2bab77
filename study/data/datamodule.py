"""Reading a LightningDataModule into a table.

Its three loaders are gone through once, in the order training, validation, test, and what they yield becomes
the rows; the parts are the module's own. Consequences to know: augmentation that would differ from epoch to
epoch is frozen at what the one reading saw, and inputs of rank above two are flattened, row-major, to columns
`x0`, `x1`, ... The reading runs under fixed random seeds (restored afterwards), so that a shuffling loader or
a `random_split` in `setup` gives the same table, and fingerprint, every time.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pandas as pd

from study.data.splits.base import Parts
from study.data.table import Table, Task, confidentiality_of
from study.errors import StudyError

_SEED = 0


def is_datamodule(source: object) -> bool:
    """Recognised by its hooks, not its class: importing Lightning takes seconds."""
    return all(
        callable(getattr(source, hook, None)) for hook in ("setup", "train_dataloader", "prepare_data")
    )


def read_datamodule(module: Any) -> Table:
    """The module's rows as a table, with its own parts.

    A batch is a pair (inputs, targets): inputs (batch, ...), targets (batch,) or (batch, 1). Targets that are
    whole numbers or truth values are classes, floating-point targets are quantities. The rows are sensitive unless the
    module has an attribute `confidentiality` that says otherwise. Raises StudyError on anything else.
    """
    name = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", type(module).__name__).lower()
    for hook in ("train_dataloader", "val_dataloader", "test_dataloader"):
        if not _defines(module, hook):
            raise StudyError(f"The data module {name!r} defines no {hook}; it must bring all three parts.")
    with _fixed_randomness():
        module.prepare_data()
        module.setup("fit")
        read = [_read(module.train_dataloader(), f"{name}.train_dataloader")]
        read.append(_read(module.val_dataloader(), f"{name}.val_dataloader"))
        module.setup("test")
        read.append(_read(module.test_dataloader(), f"{name}.test_dataloader"))
    widths = {inputs.shape[1] for inputs, _ in read}
    if len(widths) > 1:
        raise StudyError(
            f"The loaders of the data module {name!r} yield different numbers of inputs: {sorted(widths)}."
        )
    inputs = np.concatenate([inputs for inputs, _ in read])
    targets = np.concatenate([targets for _, targets in read])
    ends = np.cumsum([len(targets) for _, targets in read])
    rows = np.arange(ends[-1])
    task: Task = "regression" if targets.dtype.kind == "f" else "classification"
    return Table(
        name=name,
        features=pd.DataFrame(inputs, columns=[f"x{column}" for column in range(inputs.shape[1])]),
        target=pd.Series(targets, name="target"),
        task=task,
        confidentiality=confidentiality_of(module),
        fixed_parts=Parts(rows[: ends[0]], rows[ends[0] : ends[1]], rows[ends[1] :]),
        task_reason=f"the data module yields targets of type {targets.dtype}",
    )


def _defines(module: Any, hook: str) -> bool:
    """Whether the hook is the module's own; Lightning's stand-in raises an error about the Trainer."""
    if hook in vars(module):
        return True
    owner = next((c for c in type(module).__mro__ if hook in vars(c)), None)
    return owner is not None and not owner.__module__.startswith(("lightning.", "pytorch_lightning."))


def _read(loader: Any, where: str) -> tuple[np.ndarray, np.ndarray]:
    """All batches of a loader: inputs (n_rows, n_columns), targets (n_rows,)."""
    import torch

    if isinstance(loader, (list, tuple)) and len(loader) == 1:
        loader = loader[0]
    inputs, targets = [], []
    for batch in _whole(loader):
        if not isinstance(batch, (list, tuple)) or len(batch) != 2:
            raise StudyError(
                f"{where} yields {type(batch).__name__} batches; pairs (inputs, targets) are needed."
            )
        x, y = (torch.as_tensor(value).detach().cpu() for value in batch)
        if x.ndim == 0 or y.ndim == 0 or len(x) != len(y) or y.numel() != len(y):
            raise StudyError(
                f"{where} yields inputs of shape {tuple(x.shape)} with targets of shape {tuple(y.shape)}; "
                "(batch, ...) with (batch,) or (batch, 1) is needed."
            )
        inputs.append((x.double() if x.is_floating_point() else x).reshape(len(x), -1).numpy())
        targets.append((y.double() if y.is_floating_point() else y).reshape(len(y)).numpy())
    if not inputs:
        raise StudyError(f"{where} yields no batch.")
    return np.concatenate(inputs), np.concatenate(targets)


def _whole(loader: Any) -> Any:
    """The loader without `drop_last`, which would lose rows of a single reading."""
    from torch.utils.data import DataLoader, IterableDataset

    if not isinstance(loader, DataLoader) or not loader.drop_last or loader.batch_size is None:
        return loader
    sampler = None if isinstance(loader.dataset, IterableDataset) else loader.sampler
    return DataLoader(loader.dataset, loader.batch_size, sampler=sampler, collate_fn=loader.collate_fn)


@contextmanager
def _fixed_randomness() -> Iterator[None]:
    """Seeded streams of Python, NumPy and torch (CPU); afterwards they are as they were."""
    import torch

    python, numpy = random.getstate(), np.random.get_state()
    try:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(_SEED)
            random.seed(_SEED)
            np.random.seed(_SEED)
            yield
    finally:
        random.setstate(python)
        np.random.set_state(numpy)
