"""A PennyLane device on an emulated quantum computer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np
from pennylane.tape import QuantumScript

from qlayers.braket.sampled_device import SampledDevice
from qlayers.machines.emulation import Emulation
from qlayers.machines.placement import place

if TYPE_CHECKING:
    from qlayers.machines.machine import Machine
    from qlayers.machines.transpile import Transpiled


class EmulatedDevice(SampledDevice):
    """Runs circuits as a machine would; see :class:`~qlayers.machines.emulation.Emulation`.

    Args:
        wires: A number of wires, or their labels.
        machine: At least as wide.
        draw: Gives a seed for the samples of each execution.

    Raises:
        ConfigurationError: There are more wires than the machine has qubits, or the SDK is missing.
        EmulationError: The emulation does not have the machine's noise.
    """

    name = "qlayers.emulated"

    def __init__(self, wires: Any, machine: Machine, draw: Callable[[], int]) -> None:
        super().__init__(wires)
        machine.check_width(len(self.wires))
        self.emulation = Emulation(machine)
        self._draw = draw
        # Where circuits without gates on two qubits are; others are tried out when they come.
        self.emulation.try_out(place(machine, len(self.wires), ()))

    def bitstrings(self, circuits: list[QuantumScript]) -> list[np.ndarray]:
        """Samples of the probabilities that the emulation gives.

        Raises:
            ConfigurationError: A number of shots is out of the machine's range.
        """
        for shots in {circuit.shots.total_shots for circuit in circuits}:
            self.emulation.machine.check_shots(shots)
        generator = np.random.default_rng(self._draw())
        n = len(self.wires)
        found = []
        for circuit, transpiled in zip(circuits, self._transpiled(circuits), strict=True):
            probabilities = self.emulation.probabilities(transpiled)
            drawn = generator.choice(2**n, size=circuit.shots.total_shots, p=probabilities)
            found.append((drawn[:, np.newaxis] >> np.arange(n)[::-1]) & 1)
        return found

    def _transpiled(self, circuits: list[QuantumScript]) -> list[Transpiled]:
        """All on the same qubits, as far as gates on two qubits leave the choice.

        So circuits that find out how readout errs do that where the circuits are read that they come with.
        """
        n = len(self.wires)
        found = {
            place: self.emulation.transpile(circuit, n)
            for place, circuit in enumerate(circuits)
            if any(
                len(operation.wires) > 1 for operation in circuit.operations if operation.name != "Barrier"
            )
        }
        where = next(iter(found.values())).measured if found else None
        return [
            found[place] if place in found else self.emulation.transpile(circuit, n, where)
            for place, circuit in enumerate(circuits)
        ]
