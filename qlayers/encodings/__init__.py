"""How classical features enter a circuit: one encoding a file, found by the file's name."""

from qlayers.components import export_components
from qlayers.encodings._base import Encoding

_components, __getattr__, __dir__ = export_components(__name__)

__all__ = ["Encoding"]
__all__ += _components
