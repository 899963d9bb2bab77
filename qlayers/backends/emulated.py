"""A quantum computer of Amazon Braket, emulated on this machine."""

from __future__ import annotations

from dataclasses import dataclass

import pennylane as qp
import torch

from qlayers.backends._sampling import SamplingBackend, Seeds, needs_extra
from qlayers.circuit import check_density_matrix_fits
from qlayers.mitigation import mitigated


@dataclass(frozen=True)
class Emulated(SamplingBackend):
    """Circuits are transpiled to a machine's native gates and connectivity, and run with the noise of its figures.

    The noise is that of the Braket SDK's ``LocalEmulator``. When the device is made, and whenever circuits come to lie
    on other qubits, a circuit is run whose values under this noise are known in closed form, and a difference is an
    error.

    Attributes:
        machine: A name in ``qlayers.machines``, such as ``"iqm_garnet"``, or the path of a device-capabilities document
            as the service returns it (.json).

    Raises:
        ConfigurationError: There is no such machine, it was retired, or the extra is not installed. When the device is
            made: it is offline, narrower than the circuit or does not take so many shots, or a document cannot be read.
        EmulationError: The emulation does not have the machine's noise.
    """

    machine: str = "iqm_garnet"

    def __post_init__(self) -> None:
        super().__post_init__()
        with needs_extra("braket", self.name):
            from qlayers.machines.machine import check_known
        check_known(self.machine)

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        with needs_extra("braket", self.name):
            from qlayers.machines.emulated_device import EmulatedDevice
            from qlayers.machines.machine import machine
        found = machine(self.machine)
        found.check_available()
        found.check_width(n_qubits)
        if self.shots is not None:
            found.check_shots(self.shots)
        check_density_matrix_fits(n_qubits)
        return mitigated(EmulatedDevice(n_qubits, found, Seeds(self.seed).draw), self.mitigation)
