"""PennyLane's density-matrix simulator, with noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import pennylane as qp
import torch
from pennylane.devices import DefaultMixed, ExecutionConfig
from pennylane.tape import QuantumScript

from qlayers.backends._noise import Noise, models_of, noisy_parameter_shift
from qlayers.backends._sampling import SamplingBackend, Seeds, drawing_from
from qlayers.circuit import check_density_matrix_fits
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated
from qlayers.noise import NoiseModel, check_noise
from qlayers.noise._applied import add_transforms


@dataclass(frozen=True)
class Noisy(SamplingBackend):
    """``default.mixed`` with named noise behind every gate, the encoding's gates included.

    Circuits are first made of RX, RY, RZ, H, CNOT and CZ, so that a gate of several of these gets the noise of several.
    When the device is made, circuits are run on it whose values under this noise are known in closed form, and a
    difference is an error.

    Attributes:
        noise: A name such as ``"depolarizing"``, a NoiseModel, or several of them, applied in that order.
        shots: None or 0 for exact expectation values.
        gradient: ``"auto"`` is backpropagation for exact values and the parameter-shift rule with shots; or
            ``"backprop"``, ``"parameter-shift"``, ``"spsa"``. Shifts are those of the native gates, whose rule holds
            under noise, as that of a gate made of several need not.

    Raises:
        NoiseError: The device does not apply the noise.
    """

    exact: ClassVar[bool] = True
    gradients: ClassVar[tuple[str, ...]] = ("auto", "backprop", "parameter-shift", "spsa")

    noise: Noise = "depolarizing"
    shots: int | None = None
    gradient: str = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "noise", models_of(self.noise))
        if self.gradient == "backprop" and self.shots:
            raise ConfigurationError(
                f"backend.gradient=backprop differentiates exact values, but backend.shots={self.shots}. Choose "
                "backend.gradient=parameter-shift or spsa, or backend.shots=null."
            )

    @property
    def noise_of_gates(self) -> bool:
        return any(model.after_gate(0, 1) for model in self.noise)  # type: ignore[union-attr]

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        check_density_matrix_fits(n_qubits)
        models: tuple[NoiseModel, ...] = self.noise  # type: ignore[assignment]
        device = drawing_from(Seeds(self.seed), NoisyMixed(n_qubits, models))
        check_noise(device, models)
        return mitigated(device, self.mitigation)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> Any:
        if self.gradient == "backprop" or (self.gradient == "auto" and not self.shots):
            return "backprop"
        return "spsa" if self.gradient == "spsa" else noisy_parameter_shift

    def gradient_options(self) -> dict[str, Any]:
        is_backprop = self.gradient == "backprop" or (self.gradient == "auto" and not self.shots)
        return {} if is_backprop else super().gradient_options()


class NoisyMixed(DefaultMixed):
    """``default.mixed`` whose preprocessing ends with native gates and noise.

    Args:
        wires: Number of wires.
        models: What is applied.
    """

    def __init__(self, wires: int, models: tuple[NoiseModel, ...]) -> None:
        super().__init__(wires=wires, seed=0)
        self._models = models

    def preprocess(
        self, execution_config: ExecutionConfig | None = None
    ) -> tuple[qp.CompilePipeline, ExecutionConfig]:
        """As in ``default.mixed``, and then the noise."""
        pipeline, config = super().preprocess(execution_config)
        return add_transforms(pipeline, self._models, self.name), config
