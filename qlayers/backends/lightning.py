"""PennyLane's compiled simulator, differentiated by the adjoint method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pennylane as qp
import torch
from pennylane.devices import ExecutionConfig
from pennylane.tape import QuantumScript

from qlayers.backends.base import Backend


@dataclass(frozen=True)
class Lightning(Backend):
    """``lightning.qubit``, one circuit a sample.

    Expectation values are differentiated by the adjoint method. Lightning has none for probabilities, which are
    differentiated by the parameter-shift rule: two more circuits for every angle, the inputs' included.
    """

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        c_dtype = np.complex128 if dtype == torch.float64 else np.complex64
        return qp.device("lightning.qubit", wires=n_qubits, c_dtype=c_dtype, seed=0)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        adjoint = ExecutionConfig(gradient_method="adjoint")
        return "adjoint" if device.supports_derivatives(adjoint, tape) else "parameter-shift"
