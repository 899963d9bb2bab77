"""What imperfect gates and measurements do to a circuit: one model a file, found by the file's name."""

from qlayers.components import export_components
from qlayers.noise._applied import NATIVE_GATES, NoiseError, check_noise
from qlayers.noise._base import BlochMap, NoiseModel

_components, __getattr__, __dir__ = export_components(__name__)

__all__ = ["NATIVE_GATES", "BlochMap", "NoiseError", "NoiseModel", "check_noise"]
__all__ += _components
