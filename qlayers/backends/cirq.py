"""Google's Cirq."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
import torch

from qlayers.backends._legacy import Plugin
from qlayers.backends._sampling import SamplingBackend, Seeds, drawing_from, needs_extra
from qlayers.mitigation import mitigated


@dataclass(frozen=True)
class Cirq(SamplingBackend):
    """``cirq.simulator`` through pennylane-cirq, in double precision, one circuit after the other.

    Attributes:
        shots: None or 0 for exact expectation values, from the state vector.
    """

    exact: ClassVar[bool] = True

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        with needs_extra("cirq", self.name):
            import cirq
            from pennylane_cirq import SimulatorDevice

            device = SimulatorDevice(wires=n_qubits, simulator=cirq.Simulator(dtype=np.complex128))
        drawing = drawing_from(Seeds(self.seed), Plugin(device), _reseed)
        return mitigated(drawing, self.mitigation)


def _reseed(device: Any, seed: int) -> None:
    import cirq

    device.target_device._simulator = cirq.Simulator(dtype=np.complex128, seed=seed)
