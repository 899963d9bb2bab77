"""Qubits that decay while gates take their time."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pennylane as qp
from pennylane.operation import Channel

from qlayers.errors import ConfigurationError
from qlayers.noise._base import BlochMap, NoiseModel, check_time


@dataclass(frozen=True)
class ThermalRelaxation(NoiseModel):
    """While a gate lasts, each of its qubits relaxes towards |0⟩ with T1 and loses its phase with T2.

    ⟨Z⟩ → ⟨Z⟩·exp(-t/T1) + 1 - exp(-t/T1), and ⟨X⟩, ⟨Y⟩ → exp(-t/T2) of themselves: amplitude damping with
    1 - exp(-t/T1), and phase damping with 1 - exp(t/T1 - 2t/T2) for what T2 takes beyond that. It is
    ``qp.ThermalRelaxationError`` without thermal excitation, in channels that all simulators know. Qubits that wait for
    others do not decay.

    Attributes:
        t1: Relaxation time in microseconds.
        t2: Dephasing time in microseconds, at most 2·t1.
        one_qubit_time: Duration of a gate on one qubit in microseconds.
        two_qubit_time: Duration of a gate on two qubits in microseconds.
    """

    t1: float = 50.0
    t2: float = 30.0
    one_qubit_time: float = 0.03
    two_qubit_time: float = 0.1

    def __post_init__(self) -> None:
        check_time(self, "t1")
        check_time(self, "t2")
        check_time(self, "one_qubit_time", may_vanish=True)
        check_time(self, "two_qubit_time", may_vanish=True)
        if self.t2 > 2 * self.t1:
            raise ConfigurationError(
                f"noise.t2 can be at most twice noise.t1, which alone takes the phase after 2·T1, but got t1={self.t1} "
                f"and t2={self.t2}."
            )

    def after_gate(self, wire: Any, n_wires: int) -> list[Channel]:
        time = self._time(n_wires)
        damping = -math.expm1(-time / self.t1)
        dephasing = max(0.0, -math.expm1(time / self.t1 - 2 * time / self.t2))
        return [qp.AmplitudeDamping(damping, wires=wire), qp.PhaseDamping(dephasing, wires=wire)]

    def of_gate(self, n_wires: int) -> BlochMap:
        time = self._time(n_wires)
        population, coherence = math.exp(-time / self.t1), math.exp(-time / self.t2)
        return BlochMap(coherence, coherence, population, 1 - population)

    def _time(self, n_wires: int) -> float:
        return self.one_qubit_time if n_wires == 1 else self.two_qubit_time
