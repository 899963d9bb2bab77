"""How classical features enter a circuit: one encoding a file, found by the file's name."""

from qlayers.encodings.base import Encoding

__all__ = ["Encoding"]
