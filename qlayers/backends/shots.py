"""A finite number of measurements, simulated."""

from __future__ import annotations

from dataclasses import dataclass

import pennylane as qp
import torch

from qlayers.backends._sampling import SamplingBackend, Seeds, drawing_from
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated

SIMULATORS = ("qlayers.batched", "default.qubit")


@dataclass(frozen=True)
class Shots(SamplingBackend):
    """Every circuit is measured ``shots`` times, on a simulator without noise.

    Attributes:
        simulator: ``"qlayers.batched"``, qlayers' own, or PennyLane's ``"default.qubit"``.
    """

    simulator: str = "qlayers.batched"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.simulator not in SIMULATORS:
            raise ConfigurationError(
                f"backend.simulator={self.simulator!r} is unknown to backend=shots. Available: "
                f"{', '.join(SIMULATORS)}."
            )

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        device = drawing_from(Seeds(self.seed), qp.device(self.simulator, wires=n_qubits, seed=0))
        return mitigated(device, self.mitigation)
