"""The PennyLane device ``qlayers.batched``."""

from qlayers.device.batched_device import BatchedDevice

__all__ = ["BatchedDevice"]
