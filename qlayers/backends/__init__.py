"""Where a circuit runs: one backend a file, found by the file's name."""

from qlayers.backends.base import Backend, Native

__all__ = ["Backend", "Native"]
