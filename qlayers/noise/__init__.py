"""What imperfect gates and measurements do to a circuit: one model a file, found by the file's name."""

from qlayers.noise.applied import NATIVE_GATES, NoiseError, check_noise
from qlayers.noise.base import BlochMap, NoiseModel

__all__ = ["NATIVE_GATES", "BlochMap", "NoiseError", "NoiseModel", "check_noise"]
