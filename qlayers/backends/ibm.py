"""IBM's quantum computers, and the fake ones that stand in for them."""

from __future__ import annotations

import difflib
import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import pennylane as qp
import torch
from pennylane.devices.modifiers import simulator_tracking, single_tape_support
from pennylane.measurements import ExpectationMP, VarianceMP
from pennylane.operation import Operator
from pennylane.tape import QuantumScript

from qlayers.backends._noise import noisy_parameter_shift
from qlayers.backends._sampling import SamplingBackend, Seeds, is_whole, needs_extra
from qlayers.errors import ConfigurationError
from qlayers.mitigation import mitigated

MOST_IN_A_JOB = 300
"""Circuits; what IBM takes in one job."""


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
        return mitigated(make(n_qubits, machine, seeds, self.optimization_level), self.mitigation)

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
    from pennylane_qiskit.converter import circuit_to_qiskit, mp_to_pauli
    from qiskit.circuit.library import Barrier
    from qiskit.transpiler import generate_preset_pass_manager
    from qiskit_ibm_runtime import EstimatorV2, SamplerV2

    def _to_qiskit(circuit: QuantumScript, n_qubits: int, **options: bool) -> Any:
        """The plugin's translation, which has no barriers."""
        *before, last = _between_barriers(circuit)
        whole = circuit_to_qiskit(last, n_qubits, **options)
        for part in reversed(before):
            whole = whole.compose(Barrier(n_qubits), qubits=range(n_qubits), front=True)
            alone = circuit_to_qiskit(part, n_qubits, diagonalize=False, measure=False)
            whole = whole.compose(alone, qubits=range(n_qubits), front=True)
        return whole

    @single_tape_support
    @simulator_tracking
    class Device(RemoteDevice):
        """The plugin's, which sends one job a circuit, with all circuits of a call in one job of each primitive."""

        name = "qiskit.remote"
        heeds_barriers = True

        def __init__(self, wires: int, machine: Any, seeds: Seeds | None, optimization_level: int) -> None:
            super().__init__(wires=wires, backend=machine)
            self._seeds = seeds
            self._compiling = functools.partial(
                generate_preset_pass_manager, optimization_level, machine, seed_transpiler=0
            )
            self._passes = self._compiling()

        def execute(self, circuits: Any, execution_config: Any = None) -> Any:
            results: list[Any] = [None] * len(circuits)
            estimated = [number for number, circuit in enumerate(circuits) if _is_estimated(circuit)]
            sampled = [number for number, circuit in enumerate(circuits) if not _is_estimated(circuit)]
            for start in range(0, len(estimated), MOST_IN_A_JOB):
                self._estimate(circuits, estimated[start : start + MOST_IN_A_JOB], results)
            for start in range(0, len(sampled), MOST_IN_A_JOB):
                self._sample(circuits, sampled[start : start + MOST_IN_A_JOB], results)
            return tuple(results)

        def _estimate(self, circuits: Any, numbers: list[int], results: list[Any]) -> None:
            pubs = []
            for number in numbers:
                tape = circuits[number]
                options = {"diagonalize": False, "measure": False}
                native = self._passes.run(_to_qiskit(tape, self.num_wires, **options))
                words = [mp_to_pauli(measurement, self.num_wires) for measurement in tape.measurements]
                pubs.append((native, [word.apply_layout(native.layout) for word in words]))
            precision = circuits[numbers[0]].shots.total_shots ** -0.5
            job = self._with_seed(EstimatorV2(mode=self.backend)).run(pubs, precision=precision)
            for number, result in zip(numbers, job.result(), strict=True):
                results[number] = self._process_estimator_job(circuits[number].measurements, [result])

        def _sample(self, circuits: Any, numbers: list[int], results: list[Any]) -> None:
            pubs = self._compiled([circuits[number] for number in numbers])
            shots = circuits[numbers[0]].shots.total_shots
            job = self._with_seed(SamplerV2(mode=self.backend)).run(pubs, shots=shots)
            for number, native, result in zip(numbers, pubs, job.result(), strict=True):
                bits = getattr(result.data, native.cregs[0].name).get_bitstrings()
                samples = np.array([[int(bit) for bit in reversed(row)] for row in bits])
                measurements = circuits[number].measurements
                found = tuple(m.process_samples(samples, wire_order=self.wires) for m in measurements)
                results[number] = found

        def _compiled(self, circuits: list[QuantumScript]) -> list[Any]:
            """Those without gates on two qubits are read on the qubits where the others are.

            So circuits that find out how readout errs do that where the circuits are read that they come with.
            """
            options = {"diagonalize": True, "measure": True}
            written = [_to_qiskit(circuit, self.num_wires, **options) for circuit in circuits]
            native = {n: self._passes.run(one) for n, one in enumerate(written) if one.num_nonlocal_gates()}
            passes = self._passes
            if native:
                read = next(iter(native.values())).layout.final_index_layout()
                passes = self._compiling(initial_layout=read)
            return [native[n] if n in native else passes.run(one) for n, one in enumerate(written)]

        def _with_seed(self, primitive: Any) -> Any:
            if self._seeds is not None:
                primitive.options.update(simulator={"seed_simulator": 1 + self._seeds.draw()})
            return primitive

    return Device


def _is_estimated(circuit: QuantumScript) -> bool:
    measured = circuit.measurements[0]
    return isinstance(measured, ExpectationMP | VarianceMP) and measured.obs.pauli_rep is not None


def _between_barriers(circuit: QuantumScript) -> list[QuantumScript]:
    """The parts; each barrier, whatever its wires, keeps apart all qubits."""
    parts: list[list[Operator]] = [[]]
    for operation in circuit.operations:
        if operation.name == "Barrier":
            parts.append([])
        else:
            parts[-1].append(operation)
    return [circuit.copy(operations=part) for part in parts]
