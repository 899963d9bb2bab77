"""Amazon Braket's simulators on this machine."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends._noise import Noise, models_of, noisy_parameter_shift
from qlayers.backends._sampling import SamplingBackend, Seeds, needs_extra
from qlayers.circuit import check_density_matrix_fits
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated
from qlayers.noise import NoiseModel, check_noise
from qlayers.noise._applied import add_transforms

SIMULATORS = ("sv", "dm")


@dataclass(frozen=True)
class BraketLocal(SamplingBackend):
    """``braket.local.qubit``, Braket's LocalSimulator through its PennyLane plugin, one circuit after the other.

    Attributes:
        simulator: ``"sv"`` for state vectors, ``"dm"`` for density matrices, which noise needs.
        shots: None or 0 for exact expectation values; differentiated by the same methods as estimates are.
        noise: None, or what :class:`~qlayers.backends.noisy.Noisy` takes; added as Braket's noise operations behind
            every native gate, and compared with closed forms when the device is made.

    Raises:
        ConfigurationError: Noise on the state-vector simulator, or the extra is not installed.
        NoiseError: The device does not apply the noise.
    """

    exact: ClassVar[bool] = True

    shots: int | None = None
    simulator: str = "sv"
    noise: Noise | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.simulator not in SIMULATORS:
            raise ConfigurationError(
                f"backend.simulator={self.simulator!r} is unknown to backend=braket_local. Available: "
                f"{', '.join(SIMULATORS)}."
            )
        if self.noise is None:
            return
        object.__setattr__(self, "noise", models_of(self.noise))
        if self.simulator == "sv":
            raise ConfigurationError(
                "backend=braket_local simulates noise with density matrices only: choose backend.simulator=dm, or "
                "backend.noise=null."
            )

    @property
    def noise_of_gates(self) -> bool:
        return any(model.after_gate(0, 1) for model in self._models)

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        if self.simulator == "dm":
            check_density_matrix_fits(n_qubits)
        with needs_extra("braket", self.name):
            device = _classes()[0](n_qubits, self.simulator, Seeds(self.seed), self._models)
        if self._models:
            check_noise(device, self._models)
        return mitigated(device, self.mitigation)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> Any:
        method = super().gradient_method(device, tape)
        return noisy_parameter_shift if self._models and self.gradient == "parameter-shift" else method

    @property
    def _models(self) -> tuple[NoiseModel, ...]:
        return () if self.noise is None else models_of(self.noise)


@functools.cache
def _classes() -> tuple[Any, dict[str, Any]]:
    """The device, and the simulators by name, as far as they differ from Braket's."""
    from braket.default_simulator import DensityMatrixSimulator, StateVectorSimulator
    from braket.pennylane_plugin import BraketLocalQubitDevice

    def seeded(simulator: type) -> Any:
        class Seeded(simulator):
            # Braket's simulators take their randomness from the operating system, and describe themselves anew at
            # every run, which takes as long as a small circuit.

            seeds: Seeds

            def initialize_simulation(self, **options: Any) -> Any:
                simulation = super().initialize_simulation(**options)
                if options.get("shots"):
                    simulation._rng_generator = np.random.default_rng(self.seeds.draw())
                return simulation

            @functools.cached_property
            def properties(self) -> Any:
                return super().properties

        return Seeded

    simulators = {"sv": seeded(StateVectorSimulator), "dm": seeded(DensityMatrixSimulator)}

    class Device(BraketLocalQubitDevice):
        def __init__(self, wires: int, simulator: str, seeds: Seeds, models: tuple[NoiseModel, ...]) -> None:
            chosen = simulators[simulator]()
            chosen.seeds = seeds
            # Parameters bound by PennyLane: Braket would only put them back into the circuit.
            super().__init__(wires, chosen, parametrize_differentiable=False)
            self._models = models

        def preprocess_transforms(self, execution_config: Any = None) -> qp.CompilePipeline:
            pipeline = super().preprocess_transforms(execution_config)
            return add_transforms(pipeline, self._models, self.name) if self._models else pipeline

    return Device, simulators
