"""What comes out of a circuit: one measurement a file, found by the file's name."""

from qlayers.components import export_components
from qlayers.measurements._base import Measurement

_components, __getattr__, __dir__ = export_components(__name__)

__all__ = ["Measurement"]
__all__ += _components
