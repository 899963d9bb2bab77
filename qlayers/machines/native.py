"""Gates on one and two qubits in the native gates of a machine, with z rotations that cost nothing.

Every native gate on two qubits here lets z rotations through, so they are kept back and put into the phases of later
gates, and what is left of them before a measurement in the computational basis is dropped (McKay et al. 2017,
arXiv:1612.00858).
"""

from __future__ import annotations

import cmath
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from qlayers.errors import ConfigurationError
from qlayers.machines.capabilities import entangler

if TYPE_CHECKING:
    from qlayers.machines.machine import Machine

ROUNDING = 1e-12
"""Angles this close, in radians, are the same: far below what any machine tells apart."""


@dataclass(frozen=True)
class NativeGate:
    """A native gate by Braket's name, the physical qubits and the angles in radians."""

    name: str
    qubits: tuple[int, ...]
    angles: tuple[float, ...] = ()

    @property
    def virtual(self) -> bool:
        """Whether it is a change of phase reference, which takes no time and makes no error."""
        return self.name == "rz"


def wrapped(angle: float) -> float:
    """The same angle from -π (left out) to π, exactly 0, ±π/2 or π where it is within rounding of them."""
    angle = math.remainder(angle, 2 * math.pi)
    quarter = round(angle / (math.pi / 2))
    if abs(angle - quarter * math.pi / 2) < ROUNDING:
        angle = quarter * math.pi / 2
    return math.pi if angle == -math.pi else angle


def zxz(matrix: np.ndarray) -> tuple[float, float, float]:
    """Angles a, t, b with matrix = RZ(a) RX(t) RZ(b) up to a phase, t from 0 to π; b = 0 where t is 0 or π."""
    root = cmath.sqrt(matrix[0, 0] * matrix[1, 1] - matrix[0, 1] * matrix[1, 0])
    turn = matrix / root
    t = 2 * math.atan2(abs(turn[1, 0]), abs(turn[0, 0]))
    if t < ROUNDING:
        return wrapped(2 * cmath.phase(turn[1, 1])), 0.0, 0.0
    # turn[1, 0] = -i sin(t/2) exp(i(a - b)/2) and turn[1, 1] = cos(t/2) exp(i(a + b)/2)
    difference = 2 * cmath.phase(turn[1, 0] * 1j)
    if math.pi - t < ROUNDING:
        return wrapped(difference), math.pi, 0.0
    total = 2 * cmath.phase(turn[1, 1])
    return wrapped((total + difference) / 2), wrapped(t), wrapped((total - difference) / 2)


def rz(angle: float) -> np.ndarray:
    """A rotation about z."""
    return np.diag([cmath.exp(-0.5j * angle), cmath.exp(0.5j * angle)])


def rx(angle: float) -> np.ndarray:
    """A rotation about x."""
    c, s = math.cos(angle / 2), -1j * math.sin(angle / 2)
    return np.array([[c, s], [s, c]])


BARRIER = -1
"""In place of a gate's place in the list."""

HADAMARD = np.array([[1, 1], [1, -1]]) / math.sqrt(2)

STYLES = {"prx": {"prx"}, "gpi2": {"gpi", "gpi2"}, "rx": {"rx", "rz"}}
"""How gates on one qubit are written, and the native gates that it takes."""


class Writer:
    """Writes a circuit in the native gates of a machine, gate by gate, on physical qubits that all start in |0⟩.

    Args:
        machine: Its native gates must be rotations about axes in the xy plane and a gate on two qubits, as on IQM's
            machines (prx and cz), Rigetti's (rx, rz and cz) or IonQ's (gpi, gpi2 and zz or ms).

    Raises:
        ConfigurationError: They are others.
    """

    def __init__(self, machine: Machine) -> None:
        native = set(machine.native_gates)
        self.entangler = entangler(machine)
        styles = [style for style, needed in STYLES.items() if needed <= native]
        if not styles:
            raise ConfigurationError(
                f"qlayers writes circuits for machines with native prx, gpi and gpi2, or rx and rz, but "
                f"{machine.name} has {', '.join(machine.native_gates)}."
            )
        self.style = styles[0]
        self._gates: list[NativeGate | None] = []
        self._places: dict[int, list[int]] = {}
        """On each qubit, where its gates are in the list."""
        self._pending: dict[int, np.ndarray] = {}
        """On each qubit, gates that are not written yet, as one matrix."""

    def one(self, qubit: int, matrix: np.ndarray) -> None:
        """A gate on one qubit, shape (2, 2)."""
        self._pending[qubit] = matrix @ self._pending.get(qubit, np.eye(2))

    def cz(self, first: int, second: int) -> None:
        """A controlled z."""
        if self.entangler == "cz":
            if not self._undoes_the_last(first, second):
                self._kept_back(first)
                self._kept_back(second)
                self._write("cz", (first, second), ())
            return
        # ZZ(π/2) is diag(1, i, i, 1) and RZ(-π/2) ⊗ RZ(-π/2) is diag(i, 1, 1, -i), both up to a phase.
        self.zz(first, second, math.pi / 2)
        self.one(first, rz(-math.pi / 2))
        self.one(second, rz(-math.pi / 2))

    def zz(self, first: int, second: int, angle: float) -> None:
        """exp(-i angle/2 Z⊗Z), on machines whose native gate has an angle."""
        angle = wrapped(angle)
        # Machines take angles from 0 to π/2. ZZ(angle ± π) is ZZ(angle) and a z on both qubits, and an x on one qubit
        # before and after turns the angle's sign.
        if abs(angle) > math.pi / 2:
            angle = wrapped(angle - math.copysign(math.pi, angle))
            self.one(first, rz(math.pi))
            self.one(second, rz(math.pi))
        if angle == 0:
            return
        if angle < 0:
            self.one(first, rx(math.pi))
        self._entangle(first, second, abs(angle))
        if angle < 0:
            self.one(first, rx(math.pi))

    def barrier(self, qubits: Iterable[int]) -> None:
        """Write what is pending, so that no gate before is made one with a gate behind, or undone by it.

        Z rotations go through: they are no gates here, but the phases of later ones.
        """
        for qubit in qubits:
            self._kept_back(qubit)
            if self._places.get(qubit):
                self._places[qubit].append(BARRIER)

    def finish(self, measured: Iterable[int]) -> list[NativeGate]:
        """All gates. What is pending on measured qubits is written, but for z rotations: they change no bit."""
        for qubit in measured:
            self._kept_back(qubit)
        return [gate for gate in self._gates if gate is not None]

    def _entangle(self, first: int, second: int, angle: float) -> None:
        if self.entangler == "zz":
            self._kept_back(first)
            self._kept_back(second)
            self._write("zz", (first, second), (angle,))
            return
        # MS(0, 0, angle) = XX(angle) is ZZ(angle) between Hadamard gates, and z rotations before it turn its axes.
        self.one(first, HADAMARD)
        self.one(second, HADAMARD)
        phases = (wrapped(-self._kept_back(first)), wrapped(-self._kept_back(second)))
        self._write("ms", (first, second), (*phases, angle))
        self.one(first, HADAMARD)
        self.one(second, HADAMARD)

    def _undoes_the_last(self, first: int, second: int) -> bool:
        """Whether the last gate on both qubits is the same cz, so that two of them make none; then it is taken out."""
        places = [self._places.get(qubit, [BARRIER])[-1:] for qubit in (first, second)]
        if places[0] != places[1] or places[0] in ([], [BARRIER]):
            return False
        last = self._gates[places[0][0]]
        diagonal = all(abs(self._pending[q][1, 0]) < ROUNDING for q in (first, second) if q in self._pending)
        if last is None or last.name != "cz" or not diagonal:
            return False
        self._gates[places[0][0]] = None
        for qubit in (first, second):
            self._places[qubit].pop()
        return True

    def _kept_back(self, qubit: int) -> float:
        """Write what is pending on a qubit but for a z rotation, which stays pending and whose angle is returned."""
        a, t, b = zxz(self._pending.get(qubit, np.eye(2)))
        if not self._places.get(qubit):
            b = 0.0 if t else b  # z rotations change nothing in |0⟩
            a = a if t else 0.0
        if t:
            a = self._pulses(qubit, a, t, b)
        self._pending[qubit] = rz(a)
        return wrapped(a)

    def _pulses(self, qubit: int, a: float, t: float, b: float) -> float:
        """Write RZ(a) RX(t) RZ(b) but for a z rotation after it, whose angle is returned."""
        if self.style == "prx":
            # RX(t) RZ(b) = RZ(b) PRx(t, -b)
            self._write("prx", (qubit,), (t, wrapped(-b)))
            return a + b
        half, whole = t == math.pi / 2, t == math.pi
        if half or whole:
            steps, after = [(math.pi if whole else math.pi / 2, b)], a
        else:
            # RX(t) = RZ(-π/2) RX(-π/2) RZ(t) RX(π/2) RZ(π/2)
            first = b + math.pi / 2 if self._places.get(qubit) else 0.0
            steps, after = [(math.pi / 2, first), (-math.pi / 2, t)], a - math.pi / 2
        if self.style == "rx":
            for turn, before in steps:
                if wrapped(before):
                    self._write("rz", (qubit,), (wrapped(before),))
                self._write("rx", (qubit,), (turn,))
            return after
        frame = 0.0
        for turn, before in steps:
            frame += before
            # GPi2(φ) = RZ(φ) RX(π/2) RZ(-φ), GPi(φ) the same with RX(π), and RX(-π/2) is GPi2(π)
            name = "gpi" if turn == math.pi else "gpi2"
            self._write(name, (qubit,), (wrapped((math.pi if turn < 0 else 0.0) - frame),))
        return after + frame

    def _write(self, name: str, qubits: tuple[int, ...], angles: tuple[float, ...]) -> None:
        for qubit in qubits:
            self._places.setdefault(qubit, []).append(len(self._gates))
        self._gates.append(NativeGate(name, qubits, angles))
