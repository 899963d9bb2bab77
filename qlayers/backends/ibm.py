"""IBM's quantum computers, and the fake ones that stand in for them."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from typing import Any

import pennylane as qp
import torch
from pennylane.tape import QuantumScript

from qlayers.backends.noise import noisy_parameter_shift
from qlayers.backends.sampling import SamplingBackend, Seeds, is_whole, needs_extra
from qlayers.errors import ConfigurationError


@dataclass(frozen=True)
class Ibm(SamplingBackend):
    """``qiskit.remote`` through pennylane-qiskit: expectation values by IBM's Estimator, the rest by its Sampler.

    A fake machine has a real one's gates, connectivity and errors as they were measured once, and is simulated here by
    Aer. A real one is reached with the account that ``qiskit-ibm-runtime`` finds, in its own file or environment
    variables; qlayers reads no credentials.

    Attributes:
        machine: ``"fake_manila"`` and the like, all of ``qiskit_ibm_runtime.fake_provider``, or a real machine's name.
        noise: False to leave out a fake machine's errors and keep its gates and connectivity.
        optimization_level: Of Qiskit's transpiler, from 0 to 3. It is seeded: the layout is always the same.
        unbudgeted: Must be true for a real machine, where jobs may cost money and qlayers keeps no budget.

    Raises:
        ConfigurationError: The machine is unknown or too small, or cannot be reached.
    """

    machine: str = "fake_manila"
    noise: bool = True
    optimization_level: int = 1
    unbudgeted: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if not isinstance(self.machine, str) or not self.machine:
            raise ConfigurationError(
                f"backend.machine must be the name of a machine, such as fake_manila, but got {self.machine!r}."
            )
        if not is_whole(self.optimization_level) or not 0 <= self.optimization_level <= 3:
            raise ConfigurationError(
                f"backend.optimization_level must be 0, 1, 2 or 3, but got {self.optimization_level!r}."
            )
        for name in ("noise", "unbudgeted"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(
                    f"backend.{name} must be true or false, but got {getattr(self, name)!r}."
                )
        if self.outside and not self.noise:
            raise ConfigurationError(
                f"backend.noise=false leaves out the errors of a fake machine; {self.machine} is a real one."
            )
        if self.outside and not self.unbudgeted:
            raise ConfigurationError(
                f"backend.machine={self.machine} is a real machine, where jobs may cost money, and qlayers keeps no "
                "budget there. Set backend.unbudgeted=true to send them all the same, or choose a fake machine such as "
                "fake_manila."
            )

    @property
    def outside(self) -> bool:  # type: ignore[override]  # of this backend it depends on the machine
        """Whether circuits leave this machine."""
        return not self.machine.startswith("fake_")

    @property
    def noise_of_gates(self) -> bool:
        return not self.outside and self.noise

    def device(self, n_qubits: int, dtype: torch.dtype) -> qp.devices.Device:
        with needs_extra("ibm", self.name):
            make = _device_class()
            machine = _real(self.machine) if self.outside else _fake(self.machine, self.noise)
        if n_qubits > machine.num_qubits:
            raise ConfigurationError(
                f"backend.machine={self.machine} has {machine.num_qubits} qubits, and the circuit has {n_qubits}. "
                "Choose a larger machine or a smaller n_qubits."
            )
        seeds = None if self.outside else Seeds(self.seed)
        return make(n_qubits, machine, seeds, self.optimization_level)

    def gradient_method(self, device: qp.devices.Device, tape: QuantumScript) -> Any:
        """Shifts of native gates: the rule of a gate that is made of several need not hold under noise."""
        method = super().gradient_method(device, tape)
        return noisy_parameter_shift if self.gradient == "parameter-shift" and self.noise else method


def _fake(name: str, noise: bool) -> Any:
    from qiskit_aer import AerSimulator
    from qiskit_ibm_runtime import fake_provider

    classes = {
        attribute.removeprefix("Fake").removesuffix("V2").lower(): attribute
        for attribute in dir(fake_provider)
        if attribute.startswith("Fake") and not attribute.startswith("FakeProvider")
    }
    wanted = name.removeprefix("fake_").replace("_", "").lower()
    if wanted not in classes:
        near = difflib.get_close_matches(wanted, classes, n=1)
        hint = f" Did you mean 'fake_{near[0]}'?" if near else ""
        available = ", ".join(f"fake_{machine}" for machine in sorted(classes))
        raise ConfigurationError(f"backend.machine={name!r} is unknown.{hint} Available: {available}.")
    machine = getattr(fake_provider, classes[wanted])()
    return machine if noise else AerSimulator.from_backend(machine, noise_model=None)


def _real(name: str) -> Any:
    from qiskit_ibm_runtime import QiskitRuntimeService

    try:
        return QiskitRuntimeService().backend(name)
    except Exception as error:  # whose text may hold part of what it was given to log in with
        raise ConfigurationError(
            f"backend.machine={name} cannot be reached ({type(error).__name__}). Save an account with "
            "QiskitRuntimeService.save_account, see that it is valid and may use this machine, or choose a fake "
            "machine such as fake_manila."
        ) from None


@functools.cache
def _device_class() -> Any:
    from pennylane_qiskit import RemoteDevice

    class Device(RemoteDevice):
        """The plugin's, with a seed for every circuit of a simulated machine."""

        name = "qiskit.remote"

        def __init__(self, wires: int, machine: Any, seeds: Seeds | None, optimization_level: int) -> None:
            super().__init__(
                wires=wires, backend=machine, optimization_level=optimization_level, seed_transpiler=0
            )
            self._seeds = seeds

        def compile_circuits(self, circuits: Any) -> Any:
            if self._seeds is not None:  # the primitives are given their options after this
                self._kwargs["simulator"] = {"seed_simulator": 1 + self._seeds.draw()}
            return super().compile_circuits(circuits)

    return Device
