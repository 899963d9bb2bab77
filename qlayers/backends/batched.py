"""qlayers' own simulator: many samples at once, differentiated by the adjoint method."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends._base import Backend, Native


@dataclass(frozen=True)
class Batched(Backend):
    """Traces the circuit once and runs its gates on all samples together; see :mod:`qlayers.simulator`.

    In the precision of the layer, for circuits of up to 20 qubits whose gates depend on no data values. On the CPU by
    compiled kernels, elsewhere by torch operations. What it cannot run is refused with the reason.
    """

    native: ClassVar[Native] = "always"

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return qp.device("default.qubit", wires=n_qubits, seed=0)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        return "adjoint"
