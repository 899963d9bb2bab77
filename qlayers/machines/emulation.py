"""A quantum computer emulated on this one: the Braket SDK's checks and noise, and exact probabilities from them."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np

from qlayers.errors import ConfigurationError
from qlayers.machines import capabilities
from qlayers.machines.native import NativeGate, Writer
from qlayers.machines.transpile import Transpiled, transpile

if TYPE_CHECKING:
    from braket.circuits import Circuit
    from braket.emulation.local_emulator import LocalEmulator
    from pennylane.tape import QuantumScript

    from qlayers.machines.machine import Machine

TOLERANCE = 1e-9
"""How far the emulator's values may be from the closed form; both are exact."""


class EmulationError(ConfigurationError):
    """The emulator does not apply the noise that the machine's figures call for."""


class Emulation:
    """Probabilities of the bits that a machine would measure, if its figures were all there is to its errors.

    Circuits are transpiled, checked by the SDK's ``LocalEmulator`` of the machine, and given its noise: behind every
    gate on one qubit, z rotations included, depolarizing noise of the gate's fidelity, behind every gate on two qubits
    the same on both, and before the measurement bit flips of the readout's. Crosstalk, decay in time and the readout's
    bias to 0 are not in it. The density matrix of the used qubits is then worked out exactly.

    Each group of qubits that circuits come to lie on is first tried with a circuit whose noisy values are known in
    closed form.

    Args:
        machine: What is emulated.

    Raises:
        ConfigurationError: The SDK is missing.
        EmulationError: The noise is not there.
    """

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self._emulators: dict[frozenset[int], LocalEmulator] = {}
        self._tried: set[frozenset[int]] = set()

    def transpile(self, tape: QuantumScript, n_qubits: int) -> Transpiled:
        """As the machine would run it; see :func:`qlayers.machines.transpile.transpile`."""
        return transpile(tape, self.machine, n_qubits)

    def probabilities(self, transpiled: Transpiled) -> np.ndarray:
        """Of all bit strings, shape ``(2**n_measured,)``, the first measured qubit the first bit.

        Raises:
            EmulationError: The noise on the circuit's qubits is not what it should be.
        """
        qubits = frozenset(transpiled.measured) | {q for gate in transpiled.gates for q in gate.qubits}
        self.try_out(qubits)
        return self._run(transpiled, qubits)

    def try_out(self, qubits: Iterable[int]) -> None:
        """Compare a circuit on these qubits with its closed form, once.

        Every qubit is turned to 1 and then every pair that has a gate gets one, which leaves a computational state as
        it is (an ms gate is made twice, and turns both). Depolarizing noise of average fidelity f takes ⟨Z⟩ of a qubit
        times 2f - 1, and of a pair's qubits times 1 - 4(1 - f)/3; a readout of fidelity r takes it times 2r - 1.

        Raises:
            EmulationError: The values differ.
        """
        qubits = frozenset(qubits)
        if qubits in self._tried:
            return
        order = tuple(sorted(qubits))
        wanted = {q: -(2 * self.machine.one_qubit_fidelity[q] - 1) for q in order}
        style = Writer(self.machine)
        writer_gates = [_turned(style.style, q) for q in order]
        times = 2 if style.entangler == "ms" else 1
        for first, second in self.machine.part(order).two_qubit_fidelity:
            angles = {"cz": (), "zz": (np.pi / 2,), "ms": (0.0, 0.0, np.pi / 2)}[style.entangler]
            writer_gates += [NativeGate(style.entangler, (first, second), angles)] * times
            for q in (first, second):
                left = 1 - 4 * (1 - (self.machine.fidelity(first, second) or 0.0)) / 3
                wanted[q] *= left if times == 1 else -(left**2)
        probe = Transpiled(tuple(writer_gates), order, order, 0, 0, 0.0)
        bits = self._run(probe, qubits).reshape((2,) * len(order))
        for place, q in enumerate(order):
            one = bits.sum(axis=tuple(axis for axis in range(len(order)) if axis != place))
            expected = wanted[q] * (2 * self.machine.readout_fidelity[q] - 1)
            if abs(one[0] - one[1] - expected) > TOLERANCE:
                raise EmulationError(
                    f"The emulation of {self.machine.name} does not have its noise: on qubit {q} a circuit gives "
                    f"⟨Z⟩ = {one[0] - one[1]:.9f}, and by the machine's fidelities it is {expected:.9f}. Nothing that "
                    "it gives can be trusted; check the version of amazon-braket-sdk."
                )
        self._tried.add(qubits)

    def noisy(self, transpiled: Transpiled, qubits: Iterable[int]) -> Circuit:
        """The circuit with its noise, as the SDK's emulator of these qubits makes it after its checks."""
        return self._emulator(frozenset(qubits)).transform(transpiled.circuit)

    def _run(self, transpiled: Transpiled, qubits: frozenset[int]) -> np.ndarray:
        order = sorted(qubits)
        density = np.zeros((2,) * (2 * len(order)), dtype=complex)
        density.flat[0] = 1
        places = {q: place for place, q in enumerate(order)}
        for instruction in self.noisy(transpiled, qubits).instructions:
            operator = instruction.operator
            if operator.name in ("StartVerbatimBox", "EndVerbatimBox", "Measure"):
                continue
            density = _apply(density, operator, [places[int(q)] for q in instruction.target])
        size = 2 ** len(order)
        found = np.real(np.diagonal(density.reshape(size, size))).reshape((2,) * len(order))
        measured = [places[q] for q in transpiled.measured]
        others = tuple(place for place in range(len(order)) if place not in measured)
        kept = [place for place in range(len(order)) if place in measured]
        found = found.sum(axis=others).transpose([kept.index(place) for place in measured]).reshape(-1)
        found = np.clip(found, 0, None)
        return found / found.sum()

    def _emulator(self, qubits: frozenset[int]) -> LocalEmulator:
        """Of none but these qubits: the noise of a whole machine is gone through gate by gate, and takes long."""
        if qubits not in self._emulators:
            self._emulators[qubits] = local_emulator(self.machine.part(qubits))
        return self._emulators[qubits]

    def __getstate__(self) -> dict[str, Any]:
        return {"machine": self.machine}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__init__(state["machine"])  # type: ignore[misc]


def local_emulator(machine: Machine) -> LocalEmulator:
    """The SDK's emulator of a machine.

    Raises:
        ConfigurationError: The SDK is missing.
    """
    try:
        from braket.device_schema.result_type import ResultType
        from braket.device_schema.standardized_gate_model_qpu_device_properties_v1 import (
            StandardizedGateModelQpuDeviceProperties,
        )
        from braket.emulation.device_emulator_properties import DeviceEmulatorProperties
        from braket.emulation.local_emulator import LocalEmulator
    except ImportError as error:
        raise ConfigurationError(
            'Emulation needs the Amazon Braket SDK. Install it with: pip install "qlayers[braket]"'
        ) from error
    document = capabilities.document(machine)
    figures = StandardizedGateModelQpuDeviceProperties.parse_obj(capabilities.standardized(machine))
    results = document["action"][capabilities.PROGRAM]["supportedResultTypes"]
    properties = DeviceEmulatorProperties(
        qubitCount=machine.n_qubits,
        nativeGateSet=list(machine.native_gates),
        connectivityGraph=document["paradigm"]["connectivity"]["connectivityGraph"],
        oneQubitProperties=figures.oneQubitProperties,
        twoQubitProperties=figures.twoQubitProperties,
        supportedResultTypes=[ResultType.parse_obj(result) for result in results],
    )
    return LocalEmulator.from_device_properties(properties)


def _turned(style: str, qubit: int) -> NativeGate:
    """An x in one native gate."""
    angles = {"prx": (np.pi, 0.0), "rx": (np.pi,), "gpi2": (0.0,)}[style]
    return NativeGate("gpi" if style == "gpi2" else style, (qubit,), angles)


def _apply(density: np.ndarray, operator: Any, places: list[int]) -> np.ndarray:
    """A gate or noise on a density matrix of shape ``(2,) * 2n``, rows first."""
    n, k = density.ndim // 2, len(places)
    axes = [*places, *(n + place for place in places)]
    channel = _channel(type(operator), _parameters(operator)).reshape((2,) * (4 * k))
    moved = np.tensordot(channel, density, axes=(range(2 * k, 4 * k), axes))
    return np.moveaxis(moved, range(2 * k), axes)


def _parameters(operator: Any) -> tuple[float, ...]:
    return tuple(float(value) for value in getattr(operator, "parameters", ()))


@functools.lru_cache(maxsize=4096)
def _channel(kind: type, parameters: tuple[float, ...]) -> np.ndarray:
    """What a gate or noise does to density matrices, from the SDK's own matrices: Σ K ⊗ K*."""
    found = kind(*parameters).to_matrix()
    matrices = found if isinstance(found, list) else [found]
    size = matrices[0].shape[0]
    total = sum(np.einsum("ac,bd->abcd", matrix, np.conj(matrix)) for matrix in matrices)
    return np.reshape(total, (size**2, size**2))
