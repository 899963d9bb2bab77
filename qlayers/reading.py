"""Which of a module's parameters, buffers and submodules a function reads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

_TABLES = ("_parameters", "_buffers", "_modules")


@contextmanager
def recording_reads(module: torch.nn.Module) -> Iterator[set[str]]:
    """The names that are meanwhile looked up in the module, or gone through, as ``module.parameters()`` does."""
    read: set[str] = set()
    kept = {table: module.__dict__[table] for table in _TABLES}
    module.__dict__.update({table: _Recording(entries, read) for table, entries in kept.items()})
    try:
        yield read
    finally:
        module.__dict__.update(kept)


class _Recording(dict[str, Any]):
    def __init__(self, entries: dict[str, Any], read: set[str]) -> None:
        super().__init__(entries)
        self._read = read

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return super().__getitem__(name)

    def items(self) -> Any:
        self._read.update(self)
        return super().items()

    def values(self) -> Any:
        self._read.update(self)
        return super().values()
