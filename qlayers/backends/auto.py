"""The fastest way that a circuit can be run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends._base import Backend, Native
from qlayers.backends.default_qubit import DefaultQubit
from qlayers.backends.lightning import Lightning

LIGHTNING_FROM_QUBITS = 21
"""Measured with benchmarks/fallback.py up to 18 qubits, on a busy machine: default.qubit loses little and wins much.

It takes up to three times as long as lightning.qubit for expectation values, in circuits that PennyLane runs sample by
sample or for one sample. Where it runs a batch together it is up to 30 times as fast; for probabilities, which
lightning differentiates by the parameter-shift rule, 3 to 300 times; at 18 qubits, wherever both were measured. From
21 qubits on, where nothing was measured, memory decides: it keeps about four states a qubit and sample, 3 GiB there.
"""


@dataclass(frozen=True)
class Auto(Backend):
    """qlayers' own simulator for every circuit that it can run.

    Others run on ``default.qubit``, and on ``lightning.qubit`` from 21 qubits on; the layer says so once, with the
    reason, and ``layer.execution`` names the device.
    """

    native: ClassVar[Native] = "if possible"

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        return self._otherwise(n_qubits).device(n_qubits, dtype)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        return self._otherwise(len(device.wires)).gradient_method(device, tape)

    def _otherwise(self, n_qubits: int) -> Backend:
        return DefaultQubit() if n_qubits < LIGHTNING_FROM_QUBITS else Lightning()
