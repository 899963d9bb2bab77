"""PennyLane's reference simulator, differentiated by backpropagation."""

from __future__ import annotations

from dataclasses import dataclass

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends._base import Backend


@dataclass(frozen=True)
class DefaultQubit(Backend):
    """``default.qubit`` on torch operations. It simulates in complex128, whatever the layer's precision."""

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return qp.device("default.qubit", wires=n_qubits, seed=0)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        return "backprop"
