"""Qiskit Aer."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import pennylane as qp
import torch

from qlayers.backends._legacy import Plugin
from qlayers.backends._sampling import SamplingBackend, Seeds, drawing_from, needs_extra
from qlayers.mitigation import mitigated


@dataclass(frozen=True)
class Aer(SamplingBackend):
    """``qiskit.aer`` through pennylane-qiskit: Aer's state vectors, or samples of its simulation.

    Attributes:
        shots: None or 0 for exact expectation values, from the state vector.
    """

    exact: ClassVar[bool] = True

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        with needs_extra("aer", self.name):
            device = _device_class()(wires=n_qubits, method="automatic" if self.shots else "statevector")
        drawing = drawing_from(Seeds(self.seed), Plugin(device), _reseed)
        return mitigated(drawing, self.mitigation)


@functools.cache
def _device_class() -> Any:
    from pennylane_qiskit.aer import AerDevice
    from qiskit.transpiler import generate_preset_pass_manager

    class Device(AerDevice):
        """The plugin's, which has every circuit find out anew what Aer can do: two thirds of a second a circuit."""

        def compile(self) -> Any:
            # Without optimisation: the circuits are small and run once.
            if "_passes" not in self.__dict__:
                options = {"optimization_level": 0, "routing_method": "none"}
                self._passes = generate_preset_pass_manager(backend=self.backend, **options)
            return self._passes.run(self._circuit)

    return Device


def _reseed(device: Any, seed: int) -> None:
    device.target_device.run_args["seed_simulator"] = seed
