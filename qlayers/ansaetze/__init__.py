"""The trainable part of a circuit: one ansatz a file, found by the file's name."""

from qlayers.ansaetze.base import Ansatz

__all__ = ["Ansatz"]
