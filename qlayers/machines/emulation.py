"""A quantum computer emulated on this one: the Braket SDK's checks and noise, and exact probabilities from them."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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

REMEMBERED = 1000
"""Circuits that differ in more than angles whose noise is remembered."""

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

    A rotation by a multiple of π/2 takes fewer pulses on some machines than one by another angle, and so has less
    noise, as it does where circuits are really compiled.

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
        self._programs: dict[Any, list[_Step]] = {}

    def transpile(self, tape: QuantumScript, n_qubits: int, where: Sequence[int] | None = None) -> Transpiled:
        """As the machine would run it; see :func:`qlayers.machines.transpile.transpile`."""
        return transpile(tape, self.machine, n_qubits, where)

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
        state = _Density(len(order))
        places = {q: place for place, q in enumerate(order)}
        for step in self._steps(transpiled, qubits):
            angles = step.angles if step.gate is None else transpiled.gates[step.gate].angles
            state.apply(_channel(step.kind, angles), [places[q] for q in step.qubits])
        found = state.probabilities()
        measured = [places[q] for q in transpiled.measured]
        kept = sorted(measured)
        found = found.sum(axis=tuple(place for place in range(len(order)) if place not in measured))
        found = found.transpose([kept.index(place) for place in measured]).reshape(-1)
        found = np.clip(found, 0, None)
        return found / found.sum()

    def _steps(self, transpiled: Transpiled, qubits: frozenset[int]) -> list[_Step]:
        """What is done one after another, gates and noise.

        The SDK checks and adds noise to one circuit of those that have the same gates on the same qubits: neither
        depends on angles, and it takes many times as long as the simulation.
        """
        key = (qubits, transpiled.measured, tuple((gate.name, gate.qubits) for gate in transpiled.gates))
        if key not in self._programs:
            if len(self._programs) >= REMEMBERED:
                self._programs.clear()
            self._programs[key] = _steps(transpiled, self.noisy(transpiled, qubits))
        return self._programs[key]

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


@dataclass(frozen=True)
class _Step:
    """A gate of the circuit, by its place there, or noise, by its parameters."""

    kind: type
    qubits: tuple[int, ...]
    gate: int | None
    angles: tuple[float, ...] = ()


def _steps(transpiled: Transpiled, noisy: Circuit) -> list[_Step]:
    """The noisy circuit's, whose gates are in another order where they are on different qubits."""
    waiting: dict[tuple[int, ...], list[int]] = {}
    for place, gate in enumerate(transpiled.gates):
        waiting.setdefault(gate.qubits, []).append(place)
    found = []
    for instruction in noisy.instructions:
        operator, qubits = instruction.operator, tuple(int(q) for q in instruction.target)
        if operator.name in ("StartVerbatimBox", "EndVerbatimBox", "Measure"):
            continue
        if _is_gate(operator):
            found.append(_Step(type(operator), qubits, waiting[qubits].pop(0)))
        else:
            found.append(_Step(type(operator), qubits, None, tuple(map(float, operator.parameters))))
    left = [place for places in waiting.values() for place in places]
    if left:
        raise EmulationError(f"The emulator's circuit lacks {len(left)} of {len(transpiled.gates)} gates.")
    return found


def _is_gate(operator: Any) -> bool:
    from braket.circuits import Gate

    return isinstance(operator, Gate)


class _Density:
    """The density matrix of n qubits that start in |0⟩, shape ``(2,) * 2n``, rows first."""

    def __init__(self, n_qubits: int) -> None:
        self._n = n_qubits
        self._values = np.zeros((2,) * (2 * n_qubits), dtype=complex)
        self._values.flat[0] = 1
        self._waiting: dict[int, np.ndarray] = {}
        """On each qubit, channels that are not done yet, as one."""

    def apply(self, channel: np.ndarray, places: list[int]) -> None:
        """Do a channel of shape ``(4**k, 4**k)`` on k qubits."""
        if len(places) == 1:
            (place,) = places
            before = self._waiting.get(place)
            self._waiting[place] = channel if before is None else channel @ before
            return
        for place in places:
            self._catch_up(place)
        self._do(channel, places)

    def probabilities(self) -> np.ndarray:
        """Of all bit strings, shape ``(2,) * n``."""
        for place in list(self._waiting):
            self._catch_up(place)
        size = 2**self._n
        return np.real(np.diagonal(self._values.reshape(size, size))).reshape((2,) * self._n)

    def _catch_up(self, place: int) -> None:
        channel = self._waiting.pop(place, None)
        if channel is not None:
            self._do(channel, [place])

    def _do(self, channel: np.ndarray, places: list[int]) -> None:
        k = len(places)
        axes = [*places, *(self._n + place for place in places)]
        channel = channel.reshape((2,) * (4 * k))
        moved = np.tensordot(channel, self._values, axes=(range(2 * k, 4 * k), axes))
        self._values = np.moveaxis(moved, range(2 * k), axes)


@functools.lru_cache(maxsize=4096)
def _channel(kind: type, parameters: tuple[float, ...]) -> np.ndarray:
    """What a gate or noise does to density matrices, from the SDK's own matrices: Σ K ⊗ K*."""
    found = kind(*parameters).to_matrix()
    matrices = found if isinstance(found, list) else [found]
    size = matrices[0].shape[0]
    total = sum(np.einsum("ac,bd->abcd", matrix, np.conj(matrix)) for matrix in matrices)
    return np.reshape(total, (size**2, size**2))
