"""Qiskit Aer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pennylane as qp
import torch

from qlayers.backends.legacy import PreparingByGates
from qlayers.backends.sampling import SamplingBackend, Seeds, drawing_from, needs_extra


@dataclass(frozen=True)
class Aer(SamplingBackend):
    """``qiskit.aer`` through pennylane-qiskit: Aer's state vectors, or samples of its simulation.

    Attributes:
        shots: None or 0 for exact expectation values, from the state vector.
    """

    exact: ClassVar[bool] = True

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        with needs_extra("aer", self.name):
            from pennylane_qiskit.aer import AerDevice

            method = "automatic" if self.shots else "statevector"
            # Circuits are small and run once, so that the transpiler's optimisation costs more than it saves.
            device = AerDevice(wires=n_qubits, method=method, optimization_level=0)
        return drawing_from(Seeds(self.seed), PreparingByGates(device), _reseed)


def _reseed(device: Any, seed: int) -> None:
    device.target_device.run_args["seed_simulator"] = seed
