"""What comes out of a circuit: one measurement a file, found by the file's name."""

from qlayers.measurements.base import Measurement

__all__ = ["Measurement"]
