"""The trainable part of a circuit: one ansatz a file, found by the file's name."""

from qlayers.ansaetze._base import Ansatz
from qlayers.components import export_components

_components, __getattr__, __dir__ = export_components(__name__)

__all__ = ["Ansatz"]
__all__ += _components
