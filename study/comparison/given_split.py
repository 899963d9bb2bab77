"""A split whose parts were found before."""

from __future__ import annotations

from dataclasses import dataclass

from study.data.splits.base import Parts, Split
from study.data.table import Table


@dataclass(frozen=True, kw_only=True)
class Given(Split):
    """The parts of another split, changed or not; `read` are the columns that it read, which are no features."""

    given: Parts
    read: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        return self.read

    def divide(self, table: Table) -> Parts:
        return self.given
