"""The fastest way that a circuit can be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends.base import Backend, Native
from qlayers.backends.default_qubit import DefaultQubit
from qlayers.backends.lightning import Lightning

LIGHTNING_FROM_QUBITS = 15
"""A guess, not yet measured: default.qubit keeps every intermediate state of a batch, which outgrows memory first."""


@dataclass(frozen=True)
class Auto(Backend):
    """qlayers' own simulator for every circuit that it can run.

    Others run on ``default.qubit``, and on ``lightning.qubit`` from 15 qubits on; the layer says so once, with the
    reason, and ``layer.execution`` names the device.
    """

    native: ClassVar[Native] = "if possible"

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return self._otherwise(n_qubits).device(n_qubits, dtype)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        return self._otherwise(len(device.wires)).gradient_method(device, tape)

    def _otherwise(self, n_qubits: int) -> Backend:
        return DefaultQubit() if n_qubits < LIGHTNING_FROM_QUBITS else Lightning()
