"""PennyLane's compiled simulators, differentiated by the adjoint method."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pennylane as qp
import torch
from pennylane.devices import ExecutionConfig
from pennylane.exceptions import DeviceError
from pennylane.tape import QuantumScript

from qlayers.backends._base import Backend
from qlayers.errors import ConfigurationError

VARIANTS = ("qubit", "kokkos", "gpu")


@dataclass(frozen=True)
class Lightning(Backend):
    """``lightning.qubit``, one circuit a sample.

    Expectation values are differentiated by the adjoint method. Lightning has none for probabilities, which are
    differentiated by the parameter-shift rule: two more circuits for every angle, the inputs' included.

    Attributes:
        variant: ``"qubit"``; or ``"kokkos"`` for threads and ``"gpu"`` for NVIDIA's cuStateVec, each an extra.

    Raises:
        ConfigurationError: The variant is unknown or not installed.
    """

    variant: str = "qubit"

    def __post_init__(self) -> None:
        if self.variant not in VARIANTS:
            raise ConfigurationError(
                f"backend.variant={self.variant!r} is unknown. Available: {', '.join(VARIANTS)}."
            )

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        c_dtype = np.complex128 if dtype == torch.float64 else np.complex64
        try:
            return qp.device(f"lightning.{self.variant}", wires=n_qubits, c_dtype=c_dtype, seed=0)
        except (DeviceError, ImportError) as error:
            raise ConfigurationError(
                f"backend=lightning with backend.variant={self.variant} cannot be had here ({error}): "
                f'pip install "qlayers[lightning-{self.variant}]".'
            ) from error

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> str:
        adjoint = ExecutionConfig(gradient_method="adjoint")
        return "adjoint" if device.supports_derivatives(adjoint, tape) else "parameter-shift"
