"""Where a circuit runs, and how it is differentiated there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.components import Component

Native = Literal["never", "if possible", "always"]


@dataclass(frozen=True)
class Backend(Component, ABC):
    """Base of all backends."""

    kind: ClassVar[str] = "backend"
    package: ClassVar[str] = "qlayers.backends"
    native: ClassVar[Native] = "never"
    """When circuits run on qlayers' own simulator instead of the device, which then only describes them."""
    outside: ClassVar[bool] = False
    """Whether circuits, and with them the encoded data, leave this machine."""

    @property
    def shots(self) -> int | None:
        """How often every circuit is measured; None for exact values. A field of backends that sample."""
        return None

    @property
    def noise_of_gates(self) -> bool:
        """Whether gates, those that prepare amplitudes among them, are simulated with noise."""
        return False

    @abstractmethod
    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        """A device with wires 0 … n_qubits - 1, at the precision of ``dtype`` (float32 or float64) or a higher one.

        With a seed, though it draws nothing: a device without one takes it from NumPy's global stream.
        """

    @abstractmethod
    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> Any:
        """The method, as in ``qp.QNode``'s ``diff_method``, by which this circuit is differentiated."""

    def gradient_options(self) -> dict[str, Any]:
        """What that method is told besides, as in ``qp.QNode``'s ``gradient_kwargs``."""
        return {}
